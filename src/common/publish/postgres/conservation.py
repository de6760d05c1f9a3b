"""Whether the warehouse has what the lakehouse has: rows by number, and their content by the digest of the delivery."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.checks.findings import CONSERVATION, Finding
from common.publish.postgres import access, positions
from common.publish.postgres.access import Place
from common.publish.postgres.positions import Position
from common.publish.postgres.served import ServedTable
from common.storage.lake import Lake

if TYPE_CHECKING:
    from common.publish.postgres.copying import Cursor
    from common.publish.postgres.delivering import Opened

DELETED_FOR_GOOD = "deleted_for_good"


@dataclass(frozen=True)
class Held:
    """What a table holds: as the last delivery noted it, and as it is now, in rows and their digest.

    There is no `now` where there is no such table, or it is declared otherwise since it was delivered.
    """

    noted: Position | None
    now: tuple[int, int] | None


def held(connection: "Opened", place: Place, tables: Sequence[ServedTable]) -> dict[str, Held]:
    """What the tables hold, at one moment."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        access.act_as_owner(cursor, place)
        if not positions.is_there(cursor, place.schema, positions.TABLE):
            return {table.name: Held(None, None) for table in tables}
        noted = positions.positions(cursor, place.schema, [table.name for table in tables])
        return {table.name: _held(cursor, place, table, noted.get(table.name)) for table in tables}


def _held(cursor: "Cursor", place: Place, table: ServedTable, noted: Position | None) -> Held:
    is_as_declared = noted is not None and noted.shape == table.shape
    if not is_as_declared or not positions.is_there(cursor, place.schema, table.name):
        return Held(noted, None)
    return Held(noted, positions.measured(cursor, place.schema, table))


def findings(
    lake: Lake, connection: "Opened", place: Place, tables: Sequence[ServedTable], subject: str
) -> list[Finding]:
    """A finding for each table that the lakehouse has, and a warning where deleted rows are still on the disk there.

    A table that isn't as it was delivered is doubted from then on: its next delivery compares all rows. `subject`
    stands before the table's name.
    """
    at_once = held(connection, place, tables)
    expected = _expected(lake, [(table, at_once[table.name].noted) for table in tables])
    found, doubted = [], []
    for table in tables:
        there, rows = at_once[table.name], expected.get(table.name)
        if there.noted is None and lake.state(table.source) is None:
            continue
        wrong, details = _judged(table, there, rows)
        found.append(Finding(f"{subject}: {table.name}", CONSERVATION, not wrong, details))
        if wrong and there.noted:
            doubted.append(table.name)
        if there.noted and there.noted.is_vacuum_due:
            words = f"deleted rows are still on the disk: VACUUM {place.schema}.{table.name}"
            found.append(Finding(f"{subject}: {table.name}", DELETED_FOR_GOOD, False, words, "warning"))
    if doubted:
        with connection.transaction(), connection.cursor() as cursor:
            access.act_as_owner(cursor, place)
            positions.doubt(cursor, place.schema, doubted)
    return found


def _judged(table: ServedTable, there: Held, rows: int | None) -> tuple[bool, str]:
    """Whether something is wrong, and how it is in words."""
    noted = there.noted
    if noted is None:
        return True, "nothing was delivered yet"
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
