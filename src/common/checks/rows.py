"""A contract's checks as Spark columns: null when the row is fine, the reason when it is not."""

from collections.abc import Collection, Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from common.contracts.table import Check, Table

FAILED_CHECKS_TYPE = "array<struct<name: string, reason: string>>"
SHOWN_CHARACTERS = 80

PERSONAL_VALUE = "(personal)"
"""Stands in a reason for the value of a personal column."""


def failed(check: Check, personal: Collection[str] = ()) -> Column:
    """struct<name, reason> when the row breaks the check, else null. A condition that is null passes.

    The reason quotes the values that were checked, except those of `personal` columns: reasons are shown to people
    and kept in executed notebooks.
    """
    values = [
        F.concat_ws("", F.lit(f"{column}="), F.lit(PERSONAL_VALUE) if column in personal else shown(F.col(column)))
        for column in check.columns
    ]
    return F.when(breaks(check), reason(check.name, F.concat_ws(", ", *values, F.lit(check.rule))))


def breaks(check: Check) -> Column:
    """Whether the row breaks the check; never null."""
    return ~F.coalesce(F.expr(check.condition), F.lit(True))


def reason(name: str, text: Column) -> Column:
    """One entry of `failed_checks`."""
    return F.struct(F.lit(name).alias("name"), text.alias("reason"))


def shown(value: Column) -> Column:
    """A value as a reason quotes it: cut when long, `null` when there is none."""
    text = F.left(value.cast("string"), F.lit(SHOWN_CHARACTERS))
    return F.coalesce(F.concat(F.lit("'"), text, F.lit("'")), F.lit("null"))


def all_failed(failures: Iterable[Column]) -> Column:
    """The failures that are not null, as one array."""
    return F.filter(F.array(*failures), lambda failure: failure.isNotNull()).cast(FAILED_CHECKS_TYPE)


def checks_for(table: Table, mapped: Iterable[str]) -> tuple[Check, ...]:
    """The table's checks that apply to a feed which maps these columns."""
    present = set(mapped)
    return tuple(check for check in table.checks if not check.if_mapped or present.issuperset(check.columns))
