"""Keeps a job from running more often at once than its max_concurrent_runs says, in one workspace."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from common.errors import LakehouseError
from local.jobs import Job
from local.processes import ProcessIdentity, file_lock
from local.run_record import mark_abandoned
from local.workspace import Workspace, read_json, write_json


class JobRunningError(LakehouseError):
    """The job runs already, as often as it may."""


@contextmanager
def job_lock(workspace: Workspace, job: Job, run_id: str) -> Iterator[str | None]:
    """Holds one of the job's places while it runs; gives the id of a run whose process died in this place, if any.

    The lock is the operating system's: it goes with the process that holds it. What the file beside it says only
    serves messages.

    Raises:
        JobRunningError: all places are taken.

    """
    holders = []
    for place in range(job.max_concurrent_runs):
        lock = workspace.locks / f"{job.key}.{place}.lock"
        holder = lock.with_suffix(".json")
        with ExitStack() as stack:
            if not stack.enter_context(file_lock(lock, blocking=False)):
                holders.append(_described(holder))
                continue
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


def _described(holder: Path) -> str:
    content = read_json(holder) or {}
    process = ProcessIdentity.from_json(content)
    if process is None:
        return "a run that is just starting"
    since = datetime.fromtimestamp(process.started, UTC)
    return f"run {content.get('run_id')}, process {process.pid}, since {since:%Y-%m-%d %H:%M:%S} UTC"
