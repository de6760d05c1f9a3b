"""Dynamic value references, `{{job.run_id}}` and the like, as Databricks jobs know them.

https://docs.databricks.com/aws/en/jobs/dynamic-value-references
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from common.errors import DeclarationError
from local.jobs.yaml_file import near

_REFERENCE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_NAMESPACES = ("job", "task", "tasks", "workspace")

_TIMES: Mapping[str, Callable[[datetime], str]] = {
    "iso_weekday": lambda time: str(time.isoweekday()),
    "is_weekday": lambda time: str(time.isoweekday() <= 5).lower(),
    "iso_date": lambda time: time.strftime("%Y-%m-%d"),
    "iso_datetime": lambda time: time.strftime("%Y-%m-%dT%H:%M:%S.%f"),
    "year": lambda time: str(time.year),
    "month": lambda time: str(time.month),
    "day": lambda time: str(time.day),
    "hour": lambda time: str(time.hour),
    "minute": lambda time: str(time.minute),
    "second": lambda time: str(time.second),
    "timestamp_ms": lambda time: str(int(time.timestamp() * 1000)),
}


@dataclass(frozen=True)
class RunValues:
    """What a run knows of itself: the values that references stand for."""

    job_key: str
    job_name: str
    run_id: str
    started: datetime
    parameters: Mapping[str, str] = field(default_factory=dict)
    trigger: str = "one_time"

    def of_job(self) -> dict[str, str]:
        """All `job.` references and their values; a time is UTC."""
        started = self.started.astimezone(UTC)
        return {
            "job.id": self.job_key,
            "job.name": self.job_name,
            "job.run_id": self.run_id,
            "job.repair_count": "0",
            "job.trigger.type": self.trigger,
            **{f"job.start_time.{name}": format_time(started) for name, format_time in _TIMES.items()},
            **{f"job.parameters.{name}": value for name, value in self.parameters.items()},
        }


@dataclass(frozen=True)
class TaskValues:
    """What is known of a task that runs or has run."""

    key: str
    run_id: str
    notebook_path: str = ""
    execution_count: int = 1
    result_state: str = ""

    def under(self, prefix: str) -> dict[str, str]:
        """The references of a task that runs (`task.`) or of one that ran (`tasks.KEY.`), and their values."""
        values = {
            "run_id": self.run_id,
            "execution_count": str(self.execution_count),
            "notebook_path": self.notebook_path,
        }
        values |= {"name": self.key} if prefix == "task" else {"result_state": self.result_state}
        return {f"{prefix}.{name}": value for name, value in values.items()}


def replace_references(text: str, known: Mapping[str, str], place: str) -> str:
    """The text with its references replaced; what isn't a reference of Databricks stays as it is.

    Raises:
        DeclarationError: a reference of a known namespace leads nowhere.

    """

    def value_of(match: "re.Match[str]") -> str:
        name = match.group(1).replace("`", "")
        if name in known:
            return known[name]
        if name.split(".")[0] not in _NAMESPACES:
            return match.group(0)
        raise DeclarationError(f"{place}: {{{{{name}}}}} is unknown here; {near(name, list(known))}")

    return _REFERENCE.sub(value_of, text)
