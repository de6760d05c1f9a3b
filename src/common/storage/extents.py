"""How much tables hold and how far they reach: what bounds the checks of their newest rows."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from common.contracts.table import Table
from common.quality.tables import recent_by
from common.storage.lake import Lake

SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Extent:
    """A table's rows, and the newest day of the column that says which of them are recent."""

    rows: int
    newest: date | None


def extents(lake: Lake, tables: Iterable[Table]) -> Mapping[str, Extent]:
    """The extent of each table by name; Delta answers counts and newest dates from its log, without reading rows."""
    every = list(tables)
    rows = together([_extent(lake, table) for table in every])
    return {table.name: Extent(row[0], _day(row[1])) for table, row in zip(every, rows, strict=True)}


def _extent(lake: Lake, table: Table) -> DataFrame:
    # Bare aggregates, without casts or names: only those are answered from the log.
    column = recent_by(table)
    return lake.table(table).agg(F.count("*"), F.lit(None) if column is None else F.max(column))


def _day(newest: date | None) -> date | None:
    return newest.astimezone(UTC).date() if isinstance(newest, datetime) else newest


def since(table: Table, newest: date | None, days: int) -> date | None:
    """The first of the table's last so many days; None: all of the table is meant."""
    if days == 0 or newest is None or recent_by(table) is None:
        return None
    return newest - timedelta(days=days - 1)


def from_day(column: str, first: date | None) -> Column:
    """Whether a date or time lies on that day or later; a literal, by which Delta skips files. Nulls are kept."""
    if first is None:
        return F.lit(True)
    return F.col(column).isNull() | (F.col(column) >= F.lit(first))


def together(parts: Sequence[DataFrame]) -> list[Row]:
    """The rows of many small queries, run side by side: most of their time is planning, not data."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return [row for rows in pool.map(DataFrame.collect, parts) for row in rows]
