"""The command line `lakehouse`."""

import sys

import typer
from rich.markup import escape

from common.errors import LakehouseError, LoginError
from local.commands import dashboard, doctor, down, lab, reset, run, simulate, source, sql, status, ui, up
from local.commands.shared import err, examples

_PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True}

app = typer.Typer(
    name="lakehouse",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A payment-fraud lakehouse on this machine: from files to scored transactions.\n\n"
    "Everything that it makes is in .lakehouse, or in the folder that LAKEHOUSE_HOME names.",
    epilog=examples(
        "lakehouse simulate                      files of a synthetic payment world",
        "lakehouse run lakehouse                 the main job, from files to scores",
        "lakehouse run lakehouse --from TASK     go on after a failure",
        'lakehouse sql "SELECT * FROM gold.daily_fraud_summary LIMIT 5"',
        "lakehouse up                            keep Spark running until 'lakehouse down'",
    ),
)
app.command(epilog=run.EPILOG)(run.run)
app.command(epilog=sql.EPILOG)(sql.sql)
app.command(context_settings=_PASS_ON, add_help_option=False)(simulate.simulate)
app.command(epilog=up.EPILOG)(up.up)
app.command()(down.down)
app.command(epilog=status.EPILOG)(status.status)
app.command(context_settings=_PASS_ON, epilog=lab.EPILOG)(lab.lab)
app.command(epilog=ui.EPILOG)(ui.ui)
app.command(epilog=dashboard.EPILOG)(dashboard.dashboard)
app.command(epilog=doctor.EPILOG)(doctor.doctor)
app.command(epilog=reset.EPILOG)(reset.reset)
app.command(hidden=True)(reset.rewind)
app.add_typer(source.app, name="source")


def main() -> None:
    """Entry point: an error of this project is a sentence, not a stack trace; exit code 1, or 2 for wrong usage."""
    try:
        app()
    except LakehouseError as error:
        if "--debug" in sys.argv:
            raise
        err.print(f"[bold red]error[/] {escape(str(error))}", soft_wrap=True, highlight=False)
        sys.exit(2 if isinstance(error, LoginError) else 1)
    except KeyboardInterrupt:
        err.print("stopped", style="yellow")
        sys.exit(130)


if __name__ == "__main__":
    main()
