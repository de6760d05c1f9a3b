"""What a task's run on Databricks left: the result that its notebook exited with, or its error."""

import json
from dataclasses import dataclass, field
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import DatabricksError
from databricks.sdk.service.jobs import NotebookOutput, RunOutput, RunTask
from rich.text import Text

from local.remote.connection import reason
from local.remote.patience import Patience
from local.remote.states import message_of
from local.run import run_record as states


@dataclass(frozen=True)
class TaskOutput:
    """The result and the error of an attempt, as a `TaskRecord` holds them."""

    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] | None = None


def read_output(client: WorkspaceClient, patience: Patience, attempt: RunTask, state: str) -> TaskOutput:
    """What the attempt left; where its output isn't available, what its state says.

    Raises:
        NoAnswerError: the workspace doesn't answer.

    """
    output = RunOutput()
    run_id = attempt.run_id
    if run_id is not None:
        try:
            output = patience.ask(lambda: client.jobs.get_run_output(run_id))
        except DatabricksError as error:  # gone, or not for this person to see: the run itself is fine
            output = RunOutput(error=message_of(attempt) or reason(error))
    if state == states.SUCCESS:
        return TaskOutput(published(output.notebook_output))
    message = output.error or message_of(attempt)
    if state == states.TIMEDOUT and attempt.timeout_seconds:
        message = f"took longer than timeout_seconds: {attempt.timeout_seconds}"
    trace = output.error_trace or ""
    return TaskOutput(error={"message": _without_colours(message), "name": "", "cell": "", "trace": trace})


def published(output: NotebookOutput | None) -> dict[str, Any]:
    """The result that a notebook gave; nothing where it gave something else, or more than Databricks keeps."""
    if output is None or output.truncated or not output.result:
        return {}
    try:
        result = json.loads(output.result)
    except ValueError:
        return {}
    return result if isinstance(result, dict) and _is_result(result) else {}


def _is_result(result: dict[str, Any]) -> bool:
    numbers = [result.get("rows_in"), result.get("rows_out")]
    return (
        all(number is None or type(number) is int for number in numbers)
        and isinstance(result.get("note") or "", str)
        and isinstance(result.get("facts") or {}, dict)
    )


def _without_colours(text: str) -> str:
    return Text.from_ansi(text).plain
