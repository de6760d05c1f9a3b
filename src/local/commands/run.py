"""`lakehouse run`."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from common.settings import repository
from local.commands.shared import engine, examples, out, pairs
from local.workspace import current_workspace

EPILOG = examples(
    "lakehouse run lakehouse",
    "lakehouse run lakehouse --param source=handbook --param landing=data",
    "lakehouse run lakehouse --from transaction_features      go on from a task",
    "lakehouse run lakehouse --only silver_transactions",
)


def run(  # noqa: PLR0917
    job: Annotated[str, typer.Argument(help="Key of a job in jobs/*.yml.")],
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A job parameter; may be repeated.")
    ] = None,
    from_task: Annotated[
        str | None, typer.Option("--from", metavar="TASK", help="This task and all that depend on it.")
    ] = None,
    only: Annotated[str | None, typer.Option("--only", metavar="TASK", help="This task alone.")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Tasks side by side.")] = 2,
    var: Annotated[
        list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="A variable of bundles/databricks.yml.")
    ] = None,
    target: Annotated[str, typer.Option(help="A target of bundles/databricks.yml.")] = "",
    debug: Annotated[bool, typer.Option("--debug", help="Show stack traces.")] = False,
) -> None:
    """Run a job and show how it goes."""
    from local.bundle import load_bundle
    from local.jobs import load_job
    from local.progress import reporter_for
    from local.run_record import SUCCESS
    from local.runner import RunOptions, prepare, run_job
    from local.summary import show_summary

    if from_task and only:
        raise typer.BadParameter("give --from or --only, not both", param_hint="--only")
    given = pairs(param, "--param")
    if given.get("landing"):
        # A person means the folder where they are; a notebook would take it from its own.
        given["landing"] = str(Path(given["landing"]).expanduser().resolve())
    loaded = load_job(load_bundle(repository(), pairs(var, "--var")), job)
    selected = loaded.from_task(from_task) if from_task else None
    if only:
        selected = frozenset({loaded.task(only).key})
    prepare(loaded, given)
    workspace = current_workspace().create()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with engine(workspace) as remote:
        options = RunOptions(given, selected, parallel, remote)
        record = run_job(workspace, loaded, options, reporter_for(out))
    show_summary(out, record, debug)
    if record.state != SUCCESS:
        raise typer.Exit(1)
