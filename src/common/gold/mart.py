"""What a mart is made of. Each mart's module ends with its declaration, and `marts` finds them by the contracts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pyspark.sql import DataFrame

from common.contracts.table import Table
from common.features.reach import Stretch
from common.gold.marked import marked_between
from common.storage.lake import Lake


@dataclass(frozen=True)
class Mart:
    """A mart by day (`event_date`) or by month (`month`).

    `rows` makes the table's rows of what `read` reads of whole days or months. `open_rows` is an SQL condition on the
    table: rows that are not final, and are computed again whenever something new arrives.
    """

    table: Table
    rows: Callable[[DataFrame], DataFrame]
    by: Literal["day", "month"]
    read: Callable[[Lake, list[Stretch]], DataFrame] = marked_between
    open_rows: str | None = None

    @property
    def period(self) -> str:
        """The column that says which day or month a row is about."""
        return "event_date" if self.by == "day" else "month"
