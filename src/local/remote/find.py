"""Which job of the workspace is the deployed one: by the mark that a bundle's deployment leaves in a job's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from databricks.sdk.core import DatabricksError
from databricks.sdk.service.jobs import BaseJob, JobDeploymentKind, JobSettings

from common.errors import RemoteError
from local.jobs.bundle import Bundle
from local.remote.connection import Connection, reason

_DEFAULT_ROOT = "~/.bundle/${bundle.name}/${bundle.target}"
_PAGE = 100


@dataclass(frozen=True)
class Deployed:
    """A job that was found."""

    job_id: int
    name: str
    metadata_path: str


def deployed_job(connection: Connection, bundle: Bundle, key: str) -> Deployed:
    """The job that the bundle's deployment to its target made of `key`.

    A deployment may put a prefix before names, so a job is known by how its name ends.

    Raises:
        RemoteError: there is none or there are several, or the workspace can't be asked.

    """
    names = _job_names(bundle)
    root = _root_path(connection, bundle)
    of_bundles = [job for job in _jobs_of_bundles(connection) if _key_of(job.name, names) == key]
    found = [job for job in of_bundles if _plain(job.metadata_path).startswith(f"{_plain(root)}/")]
    if len(found) == 1:
        return found[0]
    target = bundle.target
    if not found:
        raise RemoteError(
            f"job {key} isn't deployed to target {target} of {connection.host}: no bundle in {root} made a job whose "
            f"name ends with '{names[key]}'. {_way_out(bundle, of_bundles)}"
        )
    listed = ", ".join(f"'{job.name}' (id {job.job_id})" for job in found)
    raise RemoteError(
        f"job {key} is there more than once in target {target} of {connection.host}: {listed}. "
        f"`databricks bundle summary -t {target}` shows the one that belongs to the bundle; delete the others"
    )


def _job_names(bundle: Bundle) -> Mapping[str, str]:
    """The name of each job as its file gives it."""
    return {key: str(bundle.resolve(job.get("name", key), file)) for key, (file, job) in bundle.jobs.items()}


def _root_path(connection: Connection, bundle: Bundle) -> str:
    """The folder of the deployment: `workspace.root_path`, by default one of the user's own."""
    written = str(bundle.workspace.get("root_path") or _DEFAULT_ROOT)
    root = str(replace(bundle, user=connection.user).resolve(written, bundle.file)).rstrip("/")
    return f"/Workspace/Users/{connection.user}/{root[2:]}" if root.startswith("~/") else root


def _jobs_of_bundles(connection: Connection) -> list[Deployed]:
    try:
        jobs = list(connection.client.jobs.list(limit=_PAGE))
    except DatabricksError as error:
        raise RemoteError(f"{connection.host} doesn't list its jobs: {reason(error)}") from error
    except OSError as error:
        raise RemoteError(f"no answer from {connection.host}: {reason(error)}") from error
    return [found for job in jobs if (found := _deployed(job)) is not None]


def _deployed(job: BaseJob) -> Deployed | None:
    settings = job.settings or JobSettings()
    deployment = settings.deployment
    if job.job_id is None or deployment is None or deployment.kind != JobDeploymentKind.BUNDLE:
        return None
    return Deployed(job.job_id, settings.name or "", deployment.metadata_file_path or "")


def _key_of(name: str, names: Mapping[str, str]) -> str | None:
    """The key whose name is the longest that `name` ends with: `hourly_marts` is not the job `marts`."""
    ends = [key for key, short in names.items() if name.endswith(short)]
    return max(ends, key=lambda key: len(names[key]), default=None)


def _plain(path: str) -> str:
    """The path without /Workspace, which is another name of the same root."""
    return path.removeprefix("/Workspace")


def _way_out(bundle: Bundle, jobs: list[Deployed]) -> str:
    """What to do about a job that isn't found, and who else has one."""
    folder = bundle.resolve("/${bundle.name}/${bundle.target}/", bundle.file)
    paths = sorted({job.metadata_path for job in jobs if folder in job.metadata_path})
    others = f"Others deployed one: {', '.join(paths)}. " if paths else ""
    if paths and bundle.of_target.get("mode") == "production":
        return f"{others}Name the service principal that deploys: export BUNDLE_VAR_runner=APPLICATION-ID"
    return f"{others}Deploy it: `databricks bundle deploy -t {bundle.target}`"
