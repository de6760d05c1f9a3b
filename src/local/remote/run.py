"""A run of a deployed job from its start to its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from databricks.sdk.core import DatabricksError

from common.errors import RemoteError
from local.jobs.bundle import Bundle
from local.jobs.job import Job
from local.remote.connection import connect, reason
from local.remote.find import deployed_job
from local.remote.follow import Follower, RemoteReporter
from local.remote.patience import NoAnswerError, Patience
from local.remote.record import RemoteRun
from local.remote.start import start
from local.run import run_record as states
from local.run.run_record import TaskRecord


@dataclass(frozen=True)
class RemoteOptions:
    """What a person chose for one run, and how patiently it is followed."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    selected: frozenset[str] | None = None
    poll_seconds: float = 3
    patience_seconds: float = 600


def run_deployed(bundle: Bundle, job: Job, options: RemoteOptions, reporter: RemoteReporter) -> RemoteRun:
    """Runs the job that the bundle's target holds, and follows it to its end.

    A KeyboardInterrupt ends only the following; it is raised again after a message.

    Raises:
        LoginError: no workspace is configured, or it doesn't know who asks.
        RemoteError: the job isn't deployed, can't be started, or can't be followed any more.

    """
    connection = connect(bundle)
    deployed = deployed_job(connection, bundle, job.key)
    patience = Patience(connection.host, connection.clock, options.patience_seconds, reporter.notice)
    only = None if options.selected is None else [task.key for task in job.tasks if task.key in options.selected]
    run_id = start(connection, deployed, patience, parameters=options.parameters, only=only)
    page = f"{connection.host}/#job/{deployed.job_id}/run/{run_id}"
    run = RemoteRun(str(run_id), job.key, bundle.target, page, _tasks(job, options.selected), given=options.parameters)
    try:
        Follower(connection, patience, reporter, run, options.poll_seconds).follow()
    except KeyboardInterrupt:
        reporter.notice(run.goes_on())
        raise
    except NoAnswerError as error:
        raise RemoteError(f"{error}; {run.goes_on()}") from error
    except DatabricksError as error:
        raise RemoteError(
            f"{connection.host} doesn't answer for run {run_id}: {reason(error)}; {run.goes_on()}"
        ) from error
    return run


def _tasks(job: Job, selected: frozenset[str] | None) -> dict[str, TaskRecord]:
    return {
        task.key: TaskRecord(
            task.key, states.PENDING if selected is None or task.key in selected else states.NOT_SELECTED
        )
        for task in job.tasks
    }
