"""`lakehouse run JOB --target TARGET`: the deployed job, started and followed."""

from collections.abc import Mapping

from databricks.sdk import WorkspaceClient

from local.bundle import Bundle
from local.jobs import Job
from local.remote.find import deployed_job
from local.remote.follow import Watch, follow, start
from local.remote.remote_run import RemoteRun
from local.reporting import Reporter
from local.run_record import TaskRecord


def run_remotely(  # noqa: PLR0917
    client: WorkspaceClient,
    bundle: Bundle,
    target: str,
    job: Job,
    parameters: Mapping[str, str],
    selected: frozenset[str] | None,
    reporter: Reporter,
) -> RemoteRun:
    """Starts the deployed job with these parameters, and of it these tasks, and waits for its end.

    Raises:
        DeclarationError, RemoteError: see `deployed_job`, `start` and `follow`.
    """
    watch = Watch()
    job_id = deployed_job(client, bundle, target, job)
    run_id = start(client, job_id, parameters, sorted(selected) if selected is not None else None, watch)
    page = f"{(client.config.host or '').rstrip('/')}/jobs/{job_id}/runs/{run_id}"
    tasks = {task.key: TaskRecord(task.key) for task in job.tasks if selected is None or task.key in selected}
    return follow(client, RemoteRun(str(run_id), job.key, target, page, tasks), reporter, watch)
