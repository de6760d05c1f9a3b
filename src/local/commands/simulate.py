"""`lakehouse simulate`: every setting of the synthetic world is an option of the same name."""

import argparse
import dataclasses
from typing import TYPE_CHECKING

import typer

from local.commands.shared import out
from local.workspace import current_workspace, shown_path

if TYPE_CHECKING:
    from local.simulate import SimulationSummary

EXAMPLES = """examples:
  lakehouse simulate                      the default world, 120 days
  lakehouse simulate --days 1             the next day of the world that is there
  lakehouse simulate --customers 500 --days 30
  lakehouse simulate --difficulty 0       a world in which a feature or a rule sees each fraud
  lakehouse simulate --if-missing         only where no files have landed yet
"""


def simulate(ctx: typer.Context) -> None:
    """Land files of a synthetic payment world, day by day."""
    # Imported here: the settings come from a package that the other verbs need not load.
    from local.simulate import World, existing_world
    from local.simulate import simulate as make_days

    options = vars(_parser().parse_args(ctx.args))
    landing = current_workspace().landing
    existing = existing_world(landing)
    is_begun = existing is not None and existing[1] == 0  # broken off before its first day was whole
    if options.pop("if_missing") and landing.is_dir() and any(landing.iterdir()) and not is_begun:
        out.print(f"{shown_path(landing)}: files have landed already.")
        return
    days = options.pop("days")
    given = {name: value for name, value in options.items() if value is not None}
    world = dataclasses.replace(existing[0] if existing else World(), **given)
    show(make_days(landing, world, days=days))


def show(made: "SimulationSummary") -> None:
    """Prints what landed, in a few lines."""
    rate = f"{made.fraud_rate:.2%}".replace("%", " %")
    out.print(f"{made.days} days, {made.first_day} to {made.last_day}, in {shown_path(made.folder)}", highlight=False)
    out.print(
        f"  transactions  {made.transactions:,}, {made.frauds.total():,} of them fraudulent ({rate})", highlight=False
    )
    found = {"records": made.records, "frauds": made.frauds, "wrong labels": made.labels, "dirt": made.dirt}
    for what, counts in found.items():
        listed = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.most_common())
        out.print(f"  {what:<12}  {listed or 'none'}", highlight=False)


def _parser() -> argparse.ArgumentParser:
    from local.simulate import World

    parser = argparse.ArgumentParser(
        prog="lakehouse simulate",
        description="Land files of a synthetic payment world, day by day; the same settings make the same files.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--days", type=_positive, metavar="N", help="days to add (a new world: all of them)")
    parser.add_argument("--if-missing", action="store_true", help="do nothing where files have landed already")
    for field in dataclasses.fields(World):
        if field.name == "days":
            continue
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            metavar="N" if isinstance(field.default, int | float) else "TEXT",
            help=f"{field.metadata.get('help', '')} [{field.default}]".replace("%", "%%"),
        )
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} must be 1 or more")
    return value
