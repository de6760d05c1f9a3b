"""`lakehouse source`: a declaration looked at before it is run, and a first one for files that have none."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from common.errors import DeclarationError, LakehouseError
from common.settings import repository, settings_from
from local.commands.shared import engine, examples, out
from local.workspace import current_workspace, shown_path

if TYPE_CHECKING:
    from local.sources.check import FeedLook, TargetLook

app = typer.Typer(no_args_is_help=True, help="Look at a source before it is run, or write a first declaration.")

CHECK_EPILOG = examples("lakehouse source check acme --landing /data/acme", "lakehouse source check simulated")
NEW_EPILOG = examples("lakehouse source new acme /data/acme", "lakehouse source check acme --landing /data/acme")


@app.command(epilog=CHECK_EPILOG)
def check(
    name: Annotated[str, typer.Argument(help="Name of a file in sources/, without .yml.")],
    landing: Annotated[
        Path | None, typer.Option(help="The folder that {landing} stands for.", show_default="the workspace's")
    ] = None,
) -> None:
    """Show what a source's declaration makes of the first records of its files; no table is written.

    Up to 20 files and 1,000 records of each feed are read. Values of fields that may be personal are masked. Spark is
    started if it doesn't run: the maps are tried by the code that silver runs. The exit code is 1 where the declaration
    is wrong, or a feed has no record that can be read.
    """
    from common.sources.declaration import load_source
    from local.sources.check import look_at_feed

    source = load_source(repository() / "sources", name)
    folder = str((landing.expanduser() if landing else current_workspace().landing).resolve())
    settings = settings_from(landing=folder)
    looks, away = [], False
    for feed in source.feeds:
        try:
            looks.append(look_at_feed(source, feed, settings))
        except LakehouseError as error:
            away = True
            out.print(Text(f"feed {feed}: {error}", style="bold red"), soft_wrap=True)
    targets = _targets([look for look in looks if look.readable])
    for look in looks:
        _show(look, targets.get(look.name, []))
    if lacking := [look.name for look in looks if not look.readable]:
        out.print(Text(f"no record can be read of: {', '.join(lacking)}", style="bold red"))
    if lacking or away:
        raise typer.Exit(1)


@app.command(epilog=NEW_EPILOG)
def new(
    name: Annotated[str, typer.Argument(help="Name of the source: small letters, digits and _.")],
    folder: Annotated[Path, typer.Argument(help="The folder with its files, or with a folder of files a feed.")],
) -> None:
    """Write a first sources/NAME.yml from a look at files: read it, mend it, then check it.

    Format, delimiter, encoding, header, the spelling of numbers and dates, and which field fills which column are
    guessed from the first records; what was guessed has a comment, and fields that nothing is made of are listed. A
    declaration that is there is never written over. Spark isn't needed.
    """
    from local.sources.draft import draft

    sources = repository() / "sources"
    path, landing = sources / f"{name}.yml", folder.expanduser().resolve()
    taken = DeclarationError(f"{shown_path(path)} is there already, and is not written over; choose another name")
    if path.exists():
        raise taken
    text = draft(name, landing)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise taken from None
    out.print(Text(f"{shown_path(path)} is written. Read it, and mend what was guessed. Then:"))
    where = shlex.quote(str(landing))
    out.print(Text(f"  lakehouse source check {name} --landing {where}"), soft_wrap=True)
    home = f"LAKEHOUSE_HOME=.lakehouse-{name}"
    out.print(Text(f"  {home} lakehouse run lakehouse --param source={name} --param landing={where}"), soft_wrap=True)


def _targets(looks: "list[FeedLook]") -> "dict[str, list[TargetLook]]":
    if not looks:
        return {}
    # PySpark's functions ask for this where no session is the process's own, before they are imported.
    os.environ.setdefault("SPARK_CONNECT_MODE_ENABLED", "1")
    from pyspark import cloudpickle

    import common
    from local.engine.sessions import fresh_session
    from local.sources.check import look_at_target

    cloudpickle.register_pickle_by_value(common)  # type: ignore[no-untyped-call]
    with engine(current_workspace().create()) as remote, fresh_session(remote) as spark:
        return {look.name: [look_at_target(spark, look, target) for target in look.feed.into] for look in looks}


def _show(look: "FeedLook", targets: "list[TargetLook]") -> None:
    feed = look.feed
    kind = getattr(feed, "format", feed.reader)
    given = {name: getattr(feed, name) for name in feed.model_fields_set - {"into", "reader", "path", "format"}}
    options = ", ".join(f"{name}: {value}" for name, value in sorted(given.items()))
    out.print(Text(f"feed {look.name}", style="bold"), Text(f"({', '.join(filter(None, [kind, options]))})"))
    if look.things:
        _show_things(look)
    else:
        count = f"{look.file_count:,} file{'' if look.file_count == 1 else 's'}"
        out.print(Text(f"{count} in {shown_path(Path(look.place))}"))
    read = _table("file", "records", "cannot be read", "state")
    for file in look.files:
        state = f"refused: {file.refusal}" if file.refusal else "its first records" if file.is_cut else "whole"
        broken = sum(record.error is not None for record in file.records)
        _row(read, Path(file.path).name, len(file.records), broken, state)
    if look.files:
        out.print(read)
    for warning in look.warnings:
        out.print(Text(f"warning: {warning}", style="yellow"))
    if look.fields:
        fields = _table("field", "in records", "example", "used")
        for field in look.fields:
            _row(fields, field.name, field.records, field.example, "yes" if field.is_used else "")
        out.print(fields)
    for target in targets:
        _show_target(target)
    if unused := [field.name for field in look.fields if not field.is_used]:
        out.print(Text(f"not used: {', '.join(unused)}"))
    out.print()


def _show_things(look: "FeedLook") -> None:
    out.print(Text(look.place))
    things = _table("what", "seen", "to do")
    for thing in look.things:
        _row(things, thing.thing, thing.found, thing.missing)
    out.print(things)


def _show_target(target: "TargetLook") -> None:
    out.print()
    out.print(
        Text(target.name, style="bold"),
        Text(f"{target.selected:,} records are for it, {target.accepted:,} pass every check"),
    )
    columns = _table("column", "made from", "filled", "example")
    for column in target.columns:
        _row(columns, column.name, column.made_from, column.filled, column.example)
    out.print(columns)
    if target.refused:
        refused = _table("refused by", "records", "such as")
        for check_name, records, reason in target.refused:
            _row(refused, check_name, records, reason)
        out.print(refused)


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _row(table: Table, *values: object) -> None:
    table.add_row(*(Text(f"{value:,}" if isinstance(value, int) else str(value)) for value in values))
