"""The row counts and newest dates of tables, and many small queries in one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from types import MappingProxyType

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from common.checks.promises import recent_by
from common.contracts.table import Table
from common.storage.lake import Lake
from common.storage.lineage import note

TOGETHER = 16
"""So many queries are one: planning a query costs more than its rows, and a plan of hundreds of tables grows slow."""


@dataclass(frozen=True)
class Extent:
    """A table's rows, and the newest day of the column that says which of them are recent."""

    rows: int
    newest: date | None


Extents = Mapping[str, Extent]
"""By name of a table."""

NOTHING: Extents = MappingProxyType({})


def extents(lake: Lake, tables: Iterable[Table], known: Extents = NOTHING) -> Extents:
    """The extent of each table by name, by one query. Delta answers counts and newest dates from its log.

    Each is a subquery of its own: only a bare aggregate, without a cast or a name, is answered so. `known` are extents
    that needn't be asked for again; they are in the result, too.
    """
    every = list({table.name: table for table in tables if table.name not in known}.values())
    parts = []
    for number, table in enumerate(every):
        note(lake.settings, "read", table.name)
        name, column = lake.full_name(table), recent_by(table)
        newest = "NULL" if column is None else f"(SELECT max({column}) FROM {name})"
        parts.append(f"(SELECT count(*) FROM {name}) AS rows_{number}, {newest} AS newest_{number}")
    if not parts:
        return known
    row = lake.spark.sql(f"SELECT {', '.join(parts)}").collect()[0]
    return {**known} | {
        table.name: Extent(row[f"rows_{number}"], _day(row[f"newest_{number}"])) for number, table in enumerate(every)
    }


def _day(newest: date | None) -> date | None:
    return newest.astimezone(UTC).date() if isinstance(newest, datetime) else newest


def since(table: Table, newest: date | None, days: int) -> date | None:
    """The first of the table's last days, given their number; None means the whole table."""
    if days == 0 or newest is None or recent_by(table) is None:
        return None
    return newest - timedelta(days=days - 1)


def from_day(column: str, first: date | None) -> Column:
    """Whether a date or time lies on that day or later; a literal, by which Delta skips files. Nulls are kept."""
    if first is None:
        return F.lit(True)
    return F.col(column).isNull() | (F.col(column) >= F.lit(first))


def together(parts: Sequence[DataFrame]) -> list[Row]:
    """The rows of many small queries of equal columns, by as few queries as can be."""
    some = [parts[start : start + TOGETHER] for start in range(0, len(parts), TOGETHER)]
    return [row for few in some for row in reduce(DataFrame.unionByName, few).collect()]
