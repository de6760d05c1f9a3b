"""What reports are made of: the lakehouse's clock, the versions of its tables, and rows of them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import cached_property
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from common.contracts.ops import BATCHES
from common.contracts.silver import TRANSACTIONS
from common.errors import OutputError, first_line
from common.publish.reports.period import Period
from common.publish.reports.pinned import pinned
from common.publish.reports.query import ReportQuery
from common.storage.lake import Lake
from common.storage.last_success import table_states
from common.storage.lineage import note
from common.storage.recent import utc

CLOCK = TRANSACTIONS.name
"""The table whose newest event is the lakehouse's time."""
Versions = Mapping[str, int | None]
Asked = tuple[ReportQuery, Versions, Period | None]
"""A query, of these versions of its tables, for a period."""
_PART, _ROW = "_part_of_reports", "_row_of_part"


class Rows(Protocol):
    """Where rows come from; tests need no Spark."""

    def clock(self) -> datetime | None:
        """The newest event time, UTC; None where there is none."""

    def first_day(self) -> date | None:
        """The oldest event's day, UTC; None where there is none. No period before it has a report."""

    def states(self, tables: Iterable[str]) -> dict[str, Any]:
        """Version and commit of each table; None where it isn't there."""

    def erased_until(self) -> str:
        """When the last erasure of a person was done; empty: there was none."""

    def of(self, query: ReportQuery, versions: Versions, periods: Sequence[Period | None]) -> list[pa.Table]:
        """The query's rows, for each period. Raises an OutputError where it fails."""

    def counts(self, asked: Sequence[Asked]) -> list[int | None]:
        """How many rows each query has; None where those versions can't be read any more."""


class LakeRows:
    """Rows of a lakehouse, by Spark. What is asked twice is looked up once."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def clock(self) -> datetime | None:
        return self._events[1]

    def first_day(self) -> date | None:
        return self._events[0]

    def states(self, tables: Iterable[str]) -> dict[str, Any]:
        return table_states(self._lake, tables)

    def erased_until(self) -> str:
        return self._erased_until

    def of(self, query: ReportQuery, versions: Versions, periods: Sequence[Period | None]) -> list[pa.Table]:
        for table in query.tables:
            note(self._lake.settings, "read", table)
        parts = [self._sql((query, versions, period)) for period in periods]
        try:
            if len(parts) == 1:
                return [self._lake.spark.sql(parts[0]).toArrow()]
            return _apart(self._lake.spark.sql(_together(parts)).toArrow(), len(parts))
        except PySparkException as error:
            raise OutputError(f"the query fails: {first_line(error)}") from None

    def counts(self, asked: Sequence[Asked]) -> list[int | None]:
        # One query: planning costs more than counting. Where one of the versions is gone, each is asked by itself.
        with suppress(PySparkException):
            return list(self._counted(asked))
        return [self._count(one) for one in asked]

    def _count(self, asked: Asked) -> int | None:
        try:
            return self._counted([asked])[0]
        except PySparkException:
            return None

    def _counted(self, asked: Sequence[Asked]) -> list[int]:
        parts = [f"(SELECT count(*) FROM ({self._sql(one)})) AS rows_{number}" for number, one in enumerate(asked)]
        return list(self._lake.spark.sql(f"SELECT {', '.join(parts)}").collect()[0]) if parts else []

    def _sql(self, asked: Asked) -> str:
        query, versions, period = asked
        return pinned(query, self._lake.settings, versions, period)

    @cached_property
    def _events(self) -> tuple[date | None, datetime | None]:
        if not self._lake.exists(TRANSACTIONS):
            return None, None
        ends = F.min("event_date"), F.max(F.unix_micros("event_time"))
        first, newest = self._lake.table(TRANSACTIONS).agg(*ends).collect()[0]
        return first, None if newest is None else utc(newest)

    @cached_property
    def _erased_until(self) -> str:
        if not self._lake.exists(BATCHES):
            return ""
        erasures = self._lake.table(BATCHES).where("kind = 'erasure'")
        newest = erasures.agg(F.max(F.unix_micros("committed_at"))).collect()[0][0]
        return "" if newest is None else str(newest)


def _together(parts: Sequence[str]) -> str:
    """One query of many: of few rows, planning costs most. The ids of rows go up as each part's own order has them."""
    numbered = (
        f"(SELECT {number} AS {_PART}, monotonically_increasing_id() AS {_ROW}, * FROM ({part}))"
        for number, part in enumerate(parts)
    )
    return " UNION ALL ".join(numbered)


def _apart(rows: pa.Table, parts: int) -> list[pa.Table]:
    return [
        rows.filter(pc.equal(rows[_PART], number)).sort_by(_ROW).drop_columns([_PART, _ROW]) for number in range(parts)
    ]
