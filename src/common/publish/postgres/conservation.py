"""Whether the warehouse has what the lakehouse has: rows by number, and their content by the digest of the delivery."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.checks.findings import OUTPUT_COMPLETE, Finding
from common.publish.postgres import access, positions
from common.publish.postgres.access import Place
from common.publish.postgres.positions import Position
from common.publish.postgres.served import ServedTable
from common.storage.lake import Lake

if TYPE_CHECKING:
    from common.publish.postgres.copying import Cursor
    from common.publish.postgres.delivering import Opened

DELETED_FOR_GOOD, STILL_SERVED = "deleted_for_good", "still_served"


@dataclass(frozen=True)
class Held:
    """What a table holds: as the last delivery noted it, and as it is now, in rows and their digest.

    There is no `now` where there is no such table, or it is declared otherwise since it was delivered.
    """

    noted: Position | None
    now: tuple[int, int] | None


def held(connection: "Opened", place: Place, tables: Sequence[ServedTable]) -> dict[str, Held]:
    """What the tables hold, at one moment."""
    with _at_one_moment(connection, place) as cursor:
        if cursor is None:
            return {table.name: Held(None, None) for table in tables}
        noted = positions.positions(cursor, place.schema, [table.name for table in tables])
        return {table.name: _held(cursor, place, table, noted.get(table.name)) for table in tables}


@contextmanager
def _at_one_moment(connection: "Opened", place: Place) -> Iterator["Cursor | None"]:
    """A cursor of the owner's; None where nothing was delivered yet, so that there is no owner or no position."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        is_prepared = access.has_owner(cursor, place)
        if is_prepared:
            access.act_as_owner(cursor, place)
        yield cursor if is_prepared and positions.is_there(cursor, place.schema, positions.TABLE) else None


def _held(cursor: "Cursor", place: Place, table: ServedTable, noted: Position | None) -> Held:
    is_as_declared = noted is not None and noted.shape == table.shape
    if not is_as_declared or not positions.is_there(cursor, place.schema, table.name):
        return Held(noted, None)
    return Held(noted, positions.measured(cursor, place.schema, table))


def findings(
    lake: Lake, connection: "Opened", place: Place, tables: Sequence[ServedTable], subject: str
) -> list[Finding]:
    """A finding for each table that the lakehouse has, and warnings of rows there that nobody serves any more.

    A table that isn't as it was delivered is doubted from then on: its next delivery compares all rows. `subject`
    stands before the table's name.
    """
    at_once = held(connection, place, tables)
    expected = _expected(lake, [(table, at_once[table.name].noted) for table in tables])
    found, doubted = [], []
    for table in tables:
        there, rows = at_once[table.name], expected.get(table.name)
        if lake.state(table.source) is None:
            found += [_gone(subject, place, table, there)] if there.noted and there.now else []
            continue
        wrong, details = _judged(table, there, rows)
        found.append(Finding(f"{subject}: {table.name}", OUTPUT_COMPLETE, not wrong, details))
        if wrong and there.noted:
            doubted.append(table.name)
        if there.noted and there.noted.is_vacuum_due:
            words = f"deleted rows are still on the disk: VACUUM {place.schema}.{table.name}"
            found.append(Finding(f"{subject}: {table.name}", DELETED_FOR_GOOD, False, words, "warning"))
    found += _undeclared(connection, place, tables, subject)
    if doubted:
        with connection.transaction(), connection.cursor() as cursor:
            access.act_as_owner(cursor, place)
            positions.doubt(cursor, place.schema, doubted)
    return found


def _gone(subject: str, place: Place, table: ServedTable, there: Held) -> Finding:
    rows = there.now[0] if there.now else 0
    words = (
        f"{table.source.name} isn't in the lakehouse any more, and {rows:,} rows of it are there: run the job that "
        f"makes it, or DROP TABLE {place.schema}.{table.name}"
    )
    return Finding(f"{subject}: {table.name}", STILL_SERVED, False, words, "warning")


def _undeclared(connection: "Opened", place: Place, tables: Sequence[ServedTable], subject: str) -> Iterator[Finding]:
    """Tables that were delivered and that the output doesn't declare any more: nothing brings them up to date."""
    with _at_one_moment(connection, place) as cursor:
        if cursor is None:
            return
        for item in positions.items(cursor, place.schema):
            if item in {table.name for table in tables} or not positions.is_there(cursor, place.schema, item):
                continue
            words = f"it isn't declared any more and has its rows: DROP TABLE {place.schema}.{item}"
            words += ", unless another output of that schema declares it"
            yield Finding(f"{subject}: {item}", STILL_SERVED, False, words, "warning")


def _judged(table: ServedTable, there: Held, rows: int | None) -> tuple[bool, str]:
    """Whether something is wrong, and how it is in words."""
    noted = there.noted
    if noted is None:
        return False, "nothing was delivered yet"
    if noted.shape != table.shape:
        return False, "it is declared otherwise since it was delivered; the next delivery brings that"
    of = f"version {noted.version} of {table.source.name}"
    wrong = ""
    if there.now is None:
        wrong = "the table was dropped there"
    elif there.now[0] != noted.row_count:
        wrong = f"{there.now[0]:,} rows there, {noted.row_count:,} were delivered of {of}"
    elif there.now[1] != noted.digest:
        wrong = f"rows were changed by hand there since {of} was delivered"
    elif rows not in (None, noted.row_count):
        wrong = f"{noted.row_count:,} rows there, {rows:,} in {of}"
    if wrong:
        return True, f"{wrong}; the next delivery mends it"
    counted = "" if rows is not None else f"; {of} can't be counted any more"
    return False, f"{noted.row_count:,} rows there, as in {of}{counted}"


def _expected(lake: Lake, delivered: Sequence[tuple[ServedTable, Position | None]]) -> dict[str, int]:
    """How many rows the lakehouse has of each table in the version that was delivered, where it can tell."""
    counts = {table.name: _count(lake, table, noted) for table, noted in delivered if noted}
    if not counts:
        return {}
    first, *others = counts.values()
    together = first
    for other in others:
        together = together.unionByName(other)
    try:
        return _collected(together)
    except PySparkException:
        return {name: rows for count in counts.values() for name, rows in _collected_if_possible(count).items()}


def _count(lake: Lake, table: ServedTable, noted: Position) -> DataFrame:
    rows = lake.table_at(table.source, noted.version).where(table.condition)
    return rows.agg(F.count("*").alias("rows")).select(F.lit(table.name).alias("item"), "rows")


def _collected(counts: DataFrame) -> dict[str, int]:
    return {row["item"]: row["rows"] for row in counts.collect()}


def _collected_if_possible(counts: DataFrame) -> dict[str, int]:
    try:
        return _collected(counts)
    except PySparkException:
        return {}
