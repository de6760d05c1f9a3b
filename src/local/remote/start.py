"""Starts a run of a deployed job, once, however often the request has to be repeated."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from databricks.sdk.core import DatabricksError

from common.errors import RemoteError
from local.remote.connection import Connection, reason
from local.remote.find import Deployed
from local.remote.patience import NoAnswerError, Patience


def start(
    connection: Connection,
    deployed: Deployed,
    patience: Patience,
    *,
    parameters: Mapping[str, str],
    only: Sequence[str] | None = None,
) -> int:
    """The id of a new run with these parameters; all others keep what the deployment says.

    Raises:
        RemoteError: the workspace refuses, or doesn't answer.

    """
    # Requests with the same token start one run: an answer that got lost on its way doesn't lead to a second one.
    token = uuid4().hex
    unknown = f"whether '{deployed.name}' was started is to be seen at {connection.host}/#job/{deployed.job_id}"
    try:
        started = patience.ask(
            lambda: connection.client.jobs.run_now(
                deployed.job_id,
                idempotency_token=token,
                job_parameters=dict(parameters) or None,
                only=list(only) if only is not None else None,
            )
        )
    except KeyboardInterrupt:
        patience.notice(unknown)
        raise
    except NoAnswerError as error:
        raise RemoteError(f"{error}; {unknown}") from error
    except DatabricksError as error:
        raise RemoteError(f"{connection.host} doesn't start '{deployed.name}': {reason(error)}") from error
    return int(started.bind()["run_id"])
