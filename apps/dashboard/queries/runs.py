"""The page of runs: what each did, from the runs' own records on a laptop, and from the tables everywhere."""

from typing import Any

import pandas as pd

from apps.dashboard.queries.ask import Ask, on_databricks
from common.contracts.ops import BATCHES

SHOWN = 50
"""Runs that are listed at most, the newest first."""

_OF_A_RUN = ("run_id", "job", "state", "started", "seconds")
_OF_A_TASK = ("key", "state", "seconds", "rows_in", "rows_out", "attempts", "note")


def last_runs() -> list[dict[str, Any]]:
    """The records of this machine's last runs (run.json), newest first; on Databricks none: its job page has them."""
    if on_databricks():
        return []
    # What runs jobs on a laptop isn't there on Databricks.
    from local.run import run_record
    from local.workspace import current_workspace

    return run_record.last_runs(current_workspace(), SHOWN)


def run_table(runs: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a run, with how many of its tasks succeeded."""
    rows = [
        {name: run.get(name) for name in _OF_A_RUN}
        | {"succeeded": sum(task.get("state") == "SUCCESS" for task in run.get("tasks", []))}
        | {"tasks": len(run.get("tasks", []))}
        for run in runs
    ]
    table = pd.DataFrame(rows, columns=[*_OF_A_RUN, "succeeded", "tasks"])
    return table.assign(started=_times(table["started"]))


def task_table(run: dict[str, Any]) -> pd.DataFrame:
    """One row a task of a run, in their order; `note` is the error's first line where it failed."""
    rows = [
        {name: task.get(name) for name in _OF_A_TASK}
        | {
            "note": _first_line(task.get("error"))
            or task.get("note")
            or ("up to date" if task.get("up_to_date") else "")
        }
        for task in run.get("tasks", [])
    ]
    return pd.DataFrame(rows, columns=list(_OF_A_TASK))


def batches_by_run(ask: Ask) -> pd.DataFrame:
    """By run and kind of batch: when the last was committed, and what became of the records."""
    parts = ("records_read", "accepted", "duplicates", "quarantined", "not_selected")
    sums = ", ".join(f"sum({name}) AS {name}" for name in parts)
    return ask(
        f"SELECT max(committed_at) AS committed_at, coalesce(run_id, '') AS run_id, kind, count(*) AS batches, {sums} "
        f"FROM {BATCHES.name} GROUP BY coalesce(run_id, ''), kind ORDER BY committed_at DESC LIMIT {SHOWN}"
    )


def _first_line(error: Any) -> str:
    text = str((error or {}).get("message") or (error or {}).get("type") or "") if isinstance(error, dict) else ""
    return text.strip().splitlines()[0] if text.strip() else ""


def _times(texts: "pd.Series[Any]") -> "pd.Series[Any]":
    return pd.to_datetime(texts, utc=True, format="ISO8601").dt.tz_localize(None)
