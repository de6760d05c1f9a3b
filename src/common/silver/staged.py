"""A batch of conformed records, staged and measured in one pass: how many are fine, which key scopes they have."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.table import Table
from common.silver.conform import BRONZE, UNMAPPED
from common.storage.lake import Lake


@dataclass(frozen=True)
class Staged:
    """A staged batch and what was measured while it was staged.

    `with_unmapped` counts the records that have fields which no map uses. `days` are the first and the last day on
    which bronze received the records, null where that isn't known. `scope` holds the fine records' key scopes.
    """

    rows: DataFrame
    records: int
    not_selected: int
    fine: int
    with_unmapped: int
    days: tuple[date | None, date | None]
    scope: tuple[date, ...]

    @property
    def failed(self) -> int:
        """The number of selected records that fail a check."""
        return self.records - self.not_selected - self.fine

    @property
    def fine_rows(self) -> DataFrame:
        """The records that are selected and fail no check."""
        return self.rows.where(is_fine())

    @property
    def failed_rows(self) -> DataFrame:
        """The selected records that fail a check."""
        return self.rows.where(F.col("selected") & (F.size("failed_checks") > 0))


def is_fine() -> Column:
    """Whether a conformed record is selected and fails no check."""
    return F.col("selected") & (F.size("failed_checks") == 0)


@contextmanager
def staged_batch(lake: Lake, conformed: DataFrame, table: Table) -> Iterator[Staged]:
    """Conformed records, computed once and kept in files while the block lasts."""
    scope = F.lit(None) if table.key_scope is None else F.col(table.key_scope)
    measures = {
        "records": F.count("*"),
        "not_selected": F.count_if(~F.col("selected")),
        "fine": F.count_if(is_fine()),
        "with_unmapped": F.count(UNMAPPED),
        "first_day": F.min(f"{BRONZE}.ingest_date"),
        "last_day": F.max(f"{BRONZE}.ingest_date"),
        # As text: Spark Connect doesn't bring arrays of dates.
        "scope": F.collect_set(F.when(is_fine(), scope.cast("string"))),
    }
    with lake.staged_measured(conformed, table.name, measures) as (rows, found):
        yield Staged(
            rows,
            found["records"],
            found["not_selected"],
            found["fine"],
            found["with_unmapped"],
            (found["first_day"], found["last_day"]),
            tuple(map(date.fromisoformat, found["scope"])),
        )
