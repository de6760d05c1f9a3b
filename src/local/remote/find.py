"""The job that a target's deployment made of a job here."""

from collections.abc import Iterator

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import BaseJob, JobSettings

from common.errors import DeclarationError, RemoteError
from local.bundle import Bundle
from local.jobs import Job
from local.yaml_file import near


def deployed_job(client: WorkspaceClient, bundle: Bundle, target: str, job: Job) -> int:
    """The id of the deployed job.

    A deployment marks its jobs with the folder of its state; in development, that lies in the folder of the person.

    Raises:
        DeclarationError: the bundle has no such target.
        RemoteError: the job isn't deployed, or several deployments of the target have it.
    """
    targets = bundle.content.get("targets") or {}
    if target not in targets:
        raise DeclarationError(f"--target {target}: the bundle has no such target; {near(target, targets, 'it has')}")
    ending = f"/.bundle/{bundle.content['bundle']['name']}/{target}/state/metadata.json"
    of_whom = ""
    if targets[target].get("mode") == "development":
        of_whom = f"/Users/{client.current_user.me().user_name}/"
    found = [
        one
        for one in client.jobs.list()
        if (settings := one.settings) and _plain_name(settings) == job.name and _is_of(settings, ending, of_whom)
    ]
    if len(found) == 1 and found[0].job_id is not None:
        return found[0].job_id
    if found:
        raise RemoteError(
            f"{len(found)} deployments of the target {target} have a job {job.key}: {', '.join(_named(found))}. "
            "Destroy those that are not needed, or run one by its id: databricks jobs run-now ID"
        )
    raise RemoteError(
        f"there is no job '{job.name}' of the target {target} in {client.config.host} (none with a deployment in "
        f"*{ending.removesuffix('/state/metadata.json')}): deploy it first, in bundles/: "
        f"databricks bundle deploy -t {target}"
    )


def _plain_name(settings: JobSettings) -> str:
    """A job's name without what a deployment puts before it, such as `[dev alice] `."""
    return (settings.name or "").rsplit("] ", 1)[-1]


def _is_of(settings: JobSettings, ending: str, of_whom: str) -> bool:
    path = (settings.deployment.metadata_file_path if settings.deployment else None) or ""
    return path.endswith(ending) and of_whom in path


def _named(jobs: list[BaseJob]) -> Iterator[str]:
    for job in jobs:
        yield f"{job.settings.name if job.settings else ''} ({job.job_id}, of {job.creator_user_name})"
