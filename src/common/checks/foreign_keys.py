"""Foreign keys of many tables, checked by one query that reads each table once, whoever refers to whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.checks.rows import shown
from common.contracts.table import ForeignKey


@dataclass(frozen=True)
class Target:
    """What foreign keys lead to: rows of a table, under a name that no other rows have."""

    name: str
    column: str
    rows: DataFrame


@dataclass(frozen=True)
class Referring:
    """Rows of a table, and where each of its foreign keys leads to."""

    table: str
    rows: DataFrame
    keys: Sequence[tuple[ForeignKey, Target]]


@dataclass(frozen=True)
class Orphans:
    """How many rows have a value that the foreign key's table lacks, and one such value."""

    rows: int
    example: str | None


def orphans(referring: Sequence[Referring]) -> dict[tuple[str, ForeignKey], Orphans]:
    """The rows that refer to nothing, by the name of their table and the foreign key; keys without any are left out."""
    keys = [(one.table, key) for one in referring for key, _ in one.keys]
    targets = {(target.name, target.column): target for one in referring for _, target in one.keys}
    if not keys:
        return {}
    values = reduce(DataFrame.union, (_values(one, keys) for one in referring if one.keys))
    known = reduce(DataFrame.union, map(_known, targets.values()))
    missing = (
        values.groupBy("reference", "to", "value")
        .agg(F.count("*").alias("rows"))
        .join(known, ["to", "value"], "left_anti")
        .groupBy("reference")
        .agg(F.sum("rows"), F.min(shown(F.col("value"))))
    )
    return {keys[number]: Orphans(rows, example) for number, rows, example in missing.collect()}


def _values(one: Referring, keys: Sequence[tuple[str, ForeignKey]]) -> DataFrame:
    pairs = [
        F.struct(
            F.lit(keys.index((one.table, key))).alias("reference"),
            F.lit(_label(target)).alias("to"),
            F.col(key.column).cast("string").alias("value"),
        )
        for key, target in one.keys
    ]
    return one.rows.select(F.inline(F.array(*pairs))).where("value IS NOT NULL")


def _known(target: Target) -> DataFrame:
    return target.rows.select(F.lit(_label(target)).alias("to"), F.col(target.column).cast("string").alias("value"))


def _label(target: Target) -> str:
    return f"{target.name}.{target.column}"
