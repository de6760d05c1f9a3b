"""`lakehouse doctor`."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from local.commands.shared import examples, out
from local.workspace import current_workspace

EPILOG = examples("lakehouse doctor", "lakehouse doctor --target dev")
STYLES = {"ok": "green", "warning": "yellow", "missing": "bold red", "not set up": "dim"}


def doctor(
    target: Annotated[
        str | None, typer.Option(metavar="TARGET", help="A deployment to this target must be possible, too.")
    ] = None,
) -> None:
    """Tell what is missing for work here, and for Databricks, each with its fix."""
    from common.settings import repository
    from local.doctor.finding import MISSING, NOT_SET_UP, Finding
    from local.doctor.local_checks import local_findings
    from local.doctor.workspace_checks import workspace_findings
    from local.jobs.bundle import load_bundle

    here = list(local_findings(current_workspace()))
    there: list[Finding] = list(workspace_findings(load_bundle(repository(), target or "dev")))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "state", "found", "fix"):
        table.add_column(name)
    for finding in [*here, *there]:
        state = Text(finding.state, style=STYLES[finding.state])
        table.add_row(finding.subject, state, Text(finding.found), Text(finding.fix))
    out.print(table)
    lacking = any(finding.state == MISSING for finding in here)
    if target is not None:
        lacking |= any(finding.state in (MISSING, NOT_SET_UP) for finding in there)
    if lacking:
        raise typer.Exit(1)
