"""`lakehouse run`."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common.settings import repository
from local.commands.shared import examples, out, pairs, tell
from local.engine.server import check_startable, detach
from local.workspace import current_workspace

if TYPE_CHECKING:
    from local.jobs.job import Job
    from local.run.reporting import Run

EPILOG = examples(
    "lakehouse run lakehouse",
    "lakehouse run lakehouse --param source=handbook --param landing=data",
    "lakehouse run lakehouse --from transaction_features      go on from a task",
    "lakehouse run lakehouse --only silver_transactions",
    "lakehouse run lakehouse --target dev      the deployed job, on Databricks",
)
_PARALLEL = 2


def run(  # noqa: PLR0917
    job: Annotated[str, typer.Argument(help="Key of a job in jobs/*.yml.")],
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A job parameter; may be repeated.")
    ] = None,
    from_task: Annotated[
        str | None, typer.Option("--from", metavar="TASK", help="This task and all that depend on it.")
    ] = None,
    only: Annotated[str | None, typer.Option("--only", metavar="TASK", help="This task alone.")] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Do all the work again, even where nothing has changed since it last succeeded."),
    ] = False,
    parallel: Annotated[
        int | None, typer.Option(min=1, help="Tasks side by side.", show_default=str(_PARALLEL))
    ] = None,
    var: Annotated[
        list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="A variable of bundles/databricks.yml.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Run the job that is deployed to this target of bundles/databricks.yml, on Databricks."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show stack traces.")] = False,
) -> None:
    """Run a job and show how it goes: on this machine, or with --target where it is deployed."""
    from local.jobs.bundle import load_bundle
    from local.jobs.job import load_job
    from local.jobs.parameters import prepare
    from local.run.progress import reporter_for
    from local.run.run_record import SUCCESS
    from local.run.summary import show_summary

    if from_task and only:
        raise typer.BadParameter("give --from or --only, not both", param_hint="--only")
    if target is not None:
        _check_remote_usage(target, parallel, var)
    given = pairs(param, "--param") | ({"force": "true"} if force else {})
    bundle = load_bundle(repository(), target or "", pairs(var, "--var"))
    loaded = load_job(bundle, job)
    selected = loaded.from_task(from_task) if from_task else None
    if only:
        selected = frozenset({loaded.task(only).key})
    prepare(loaded, given)
    with _termination_as_interrupt():
        if target is None:
            record: Run = _run_here(loaded, given, selected, parallel or _PARALLEL)
        else:
            from local.remote.run import RemoteOptions, run_deployed

            record = run_deployed(bundle, loaded, RemoteOptions(given, selected), reporter_for(out))
    show_summary(out, record, debug)
    if record.state != SUCCESS:
        raise typer.Exit(1)


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """A run that is asked to end (SIGTERM) ends as on Ctrl-C: its tasks are stopped and its record is written."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_remote_usage(target: str, parallel: int | None, var: list[str] | None) -> None:
    """Rejects options that only a run on this machine can use."""
    if not target:
        raise typer.BadParameter("name a target of bundles/databricks.yml", param_hint="--target")
    if parallel is not None:
        raise typer.BadParameter(
            "Databricks runs all tasks side by side that may; leave it out with --target", param_hint="--parallel"
        )
    if var:
        raise typer.BadParameter(
            "a deployed job has the variables that it was deployed with; give them to `databricks bundle deploy`",
            param_hint="--var",
        )


def _run_here(job: "Job", given: dict[str, str], selected: frozenset[str] | None, parallel: int) -> "Run":
    from local.run.progress import reporter_for
    from local.run.runner import RunOptions, run_job

    if given.get("landing"):
        # A person means a path from their own folder; a notebook would take it from the notebook's.
        given |= {"landing": str(Path(given["landing"]).expanduser().resolve())}
    workspace = current_workspace().create()
    remote = os.environ.get("SPARK_REMOTE")
    if not remote:
        check_startable(workspace, tell)
    try:
        return run_job(workspace, job, RunOptions(given, selected, parallel, remote), reporter_for(out))
    finally:
        detach(workspace, os.getpid())
