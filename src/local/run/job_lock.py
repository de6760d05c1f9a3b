"""Keeps jobs of one workspace apart: max_concurrent_runs limits the runs of one job; two jobs never run at once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from common.errors import LakehouseError
from common.storage.files import file_lock
from local.jobs.job import Job
from local.processes import ProcessIdentity
from local.run.run_record import mark_abandoned
from local.workspace import Workspace, read_json, write_json


class JobRunningError(LakehouseError):
    """The job runs already, as often as it may."""


@contextmanager
def job_lock(workspace: Workspace, job: Job, run_id: str) -> Iterator[str | None]:
    """Holds one of the job's places while it runs; gives the id of a run whose process died in this place, if any.

    The lock is the operating system's: it goes with the process that holds it. What the file beside it says only
    serves messages.

    Jobs write the same tables, and two of them could each find that a record is new, which Delta doesn't prevent.

    Raises:
        JobRunningError: all places are taken, or another job runs.

    """
    holders = []
    for place in range(job.max_concurrent_runs):
        lock = workspace.locks / f"{job.key}.{place}.lock"
        holder = lock.with_suffix(".json")
        with ExitStack() as stack:
            if not stack.enter_context(file_lock(lock, blocking=False)):
                holders.append(_described(holder))
                continue
            _check_no_other(workspace, job)
            left_by = (read_json(holder) or {}).get("run_id")
            if left_by:
                mark_abandoned(workspace, left_by)
            write_json(holder, {"run_id": run_id, **ProcessIdentity.of().as_json()})
            try:
                yield left_by
            finally:
                holder.unlink(missing_ok=True)
            return
    allowed = f"max_concurrent_runs: {job.max_concurrent_runs}"
    raise JobRunningError(
        f"job {job.key} already runs in {workspace.home} ({allowed}): {'; '.join(holders)}. Wait for it to end, "
        "stop it with Ctrl-C or kill, or use another LAKEHOUSE_HOME."
    )


def _check_no_other(workspace: Workspace, job: Job) -> None:
    """Call it with the own place taken: of two jobs that start at once, at least one sees the other."""
    for lock in workspace.locks.glob("*.lock"):
        other = lock.name.rsplit(".", 2)[0]
        with file_lock(lock, blocking=False) if other != job.key else nullcontext(True) as is_free:
            if not is_free:
                raise JobRunningError(
                    f"job {job.key} can't run while job {other} runs in {workspace.home}: "
                    f"{_described(lock.with_suffix('.json'))}. Wait for it to end, or stop it with Ctrl-C or kill"
                )


def _described(holder: Path) -> str:
    content = read_json(holder) or {}
    process = ProcessIdentity.from_json(content)
    if process is None:
        return "a run that is just starting"
    since = datetime.fromtimestamp(process.started, UTC)
    return f"run {content.get('run_id')}, process {process.pid}, since {since:%Y-%m-%d %H:%M:%S} UTC"
