"""`lakehouse simulate`: every setting of the synthetic world is an option of the same name."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from common.errors import ParameterError
from local.commands.shared import out
from local.workspace import current_workspace, shown_path

if TYPE_CHECKING:
    from local.simulate import SimulationSummary, World

EXAMPLES = """examples:
  lakehouse simulate                      the default world, 120 days
  lakehouse simulate --days 1             the next day of the world that is there
  lakehouse simulate --customers 500 --days 30
  lakehouse simulate --difficulty 0       a world in which a feature or a rule sees each fraud
  lakehouse simulate --if-missing         only where no files have landed yet
  lakehouse simulate --to http --url http://127.0.0.1:8000/events --days 30 --per-second 500
  lakehouse simulate --to kafka --per-second 500 --for-seconds 300    topics of sources/simulated_kafka.yml
"""


def simulate(ctx: typer.Context) -> None:
    """Land files of a synthetic payment world, day by day."""
    # Imported here: the settings come from a package that the other verbs need not load.
    from local.simulate import existing_world
    from local.simulate import simulate as make_days

    options = vars(_parser().parse_args(ctx.args))
    to, url, per_second, seconds = (options.pop(name) for name in ("to", "url", "per_second", "for_seconds"))
    landing = current_workspace().landing if to == "files" else current_workspace().home / "outbox" / to
    if to == "http" and _goes_on(landing, url, per_second):
        return
    if to == "kafka":
        _to_kafka(landing, options, per_second, seconds)
        return
    existing = existing_world(landing)
    is_begun = existing is not None and existing[1] == 0  # broken off before its first day was whole
    if options.pop("if_missing") and landing.is_dir() and any(landing.iterdir()) and not is_begun:
        out.print(f"{shown_path(landing)}: files have landed already.")
        return
    days = options.pop("days")
    show(make_days(landing, _world(landing, options), days=days))
    if to == "http":
        _send(landing, url, per_second)


def _goes_on(outbox: Path, url: str | None, per_second: float | None) -> bool:
    """Sends what an earlier call left, if it left something."""
    from local.simulate.outbox import is_empty

    if url is None:
        raise ParameterError("--to http needs the API's address: --url http://127.0.0.1:8000/events")
    if is_empty(outbox):
        return False
    out.print("Sending what an earlier call left; no new days are made.")
    _send(outbox, url, per_second)
    return True


def _send(outbox: Path, url: str, per_second: float | None) -> None:
    from local.simulate.to_http import send_outbox

    sent = send_outbox(outbox, url, per_second, lambda words: out.print(words, highlight=False))
    refused = "".join(f", {count:,} refused ({reason})" for reason, count in sent.refused.items())
    out.print(f"{url}: {sent.kept:,} events taken, {sent.repeated:,} that were there before{refused}", highlight=False)


def _to_kafka(outbox: Path, options: dict[str, Any], per_second: float | None, seconds: float | None) -> None:
    """Sends what an earlier call left, or makes days and sends those; more days while there is time left."""
    from local.simulate import simulate as make_days
    from local.simulate.outbox import is_empty
    from local.simulate.to_kafka import Sending

    days, _ = options.pop("days") or (None if seconds is None else 1), options.pop("if_missing")
    with Sending(outbox, per_second, seconds) as sending:
        if is_empty(outbox):
            show(make_days(outbox, _world(outbox, options), days=days))
        else:
            out.print("Sending what an earlier call left.")
        while sending.send() and seconds is not None:
            show(make_days(outbox, _world(outbox, {}), days=1))
    sent = ", ".join(f"{topic} {count:,}" for topic, count in sending.sent.items())
    out.print(f"{sending.servers}: {sent or 'nothing was sent'}", highlight=False)


def _world(landing: Path, options: dict[str, Any]) -> "World":
    """The world that is there, or a new one, with the settings that are given."""
    from local.simulate import World, existing_world

    existing = existing_world(landing)
    given = {name: value for name, value in options.items() if value is not None}
    return dataclasses.replace(existing[0] if existing else World(), **given)


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
    parser.add_argument(
        "--to", choices=["files", "http", "kafka"], default="files", help="where the records go [files]"
    )
    parser.add_argument("--url", metavar="URL", help="with --to http: the events API's address")
    parser.add_argument("--per-second", type=_rate, metavar="N", help="at most so many records a second [no limit]")
    parser.add_argument(
        "--for-seconds", type=_rate, metavar="N", help="with --to kafka: for so long, making days as they are needed"
    )
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


def _rate(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} must be more than 0")
    return value
