"""Sums over windows of time as differences of running sums.

What a key had in (t - w, t] is what it had up to t less what it had up to t - w. Running sums of integers are
exact, so the difference is too, whatever came before: batch and stream agree to the last bit. They take one pass
over a key's rows, where a frame that slides adds up its rows again for each row; a busy terminal costs no more
than its share.
"""

from pyspark.sql import Column, Window
from pyspark.sql import functions as F
from pyspark.sql.window import WindowSpec

EVENT_MICROS = "event_micros"
"""Name of the column of microseconds since 1970 that running sums are ordered by."""

DAY_MICROS = 86_400_000_000


def loner(key: str) -> str:
    """Name of the column that keeps rows without the key apart."""
    return f"{key}_missing_in"


def loners(*keys: str) -> list[Column]:
    """For each key the column that `by` takes beside it: null where the row has the key, else the row's own id.

    Null keys in one partition would all go to one task. Columns rather than expressions within the window, as
    Spark recognises the same partitioning and order in two windows only by their columns.
    """
    return [F.when(F.col(key).isNull(), F.col("transaction_id")).alias(loner(key)) for key in keys]


def by(key: str) -> WindowSpec:
    """One partition for each value of the key, and one for each row without it. Needs the key's column of `loners`."""
    return Window.partitionBy(key, loner(key))


def up_to_row(partition: WindowSpec) -> WindowSpec:
    """The rows before and including this one, by (event_time, transaction_id).

    Used before `up_to` on the same partition, it leaves the rows in an order that serves both: one sort.
    """
    return partition.orderBy(EVENT_MICROS, "transaction_id").rowsBetween(Window.unboundedPreceding, 0)


def up_to(partition: WindowSpec, days_ago: int) -> WindowSpec:
    """The rows with an event time of t - days_ago or earlier."""
    return partition.orderBy(EVENT_MICROS).rangeBetween(Window.unboundedPreceding, -days_ago * DAY_MICROS)


def with_key(key: str, value: Column) -> Column:
    """The value where the row has the key, else null."""
    return F.when(F.col(key).isNotNull(), value)
