"""Amounts in euro, by the dated rate table beside this module."""

import csv
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import groupby

from pyspark.sql import Column
from pyspark.sql import functions as F

Rates = dict[str, list[tuple[str, Decimal]]]


@cache
def rates() -> Rates:
    """By currency: dates (ISO) from which a rate holds, ascending, and units of the currency for one euro."""
    text = files("common.silver").joinpath("exchange_rates.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    rows.sort(key=lambda row: (row["currency"], row["valid_from"]))
    return {
        currency: [(row["valid_from"], Decimal(row["units_per_eur"])) for row in group]
        for currency, group in groupby(rows, key=lambda row: row["currency"])
    }


def units_per_eur(currency: Column, day: Column) -> Column:
    """The rate that holds on a day, decimal(12,4): 1 for EUR, null for a currency without a rate."""
    rate = F.when(currency == "EUR", F.lit(Decimal("1.0000")).cast("decimal(12,4)"))
    for code, dated in rates().items():
        chain = F.lit(dated[0][1]).cast("decimal(12,4)")
        for valid_from, units in dated[1:]:
            chain = F.when(day >= F.lit(valid_from).cast("date"), F.lit(units).cast("decimal(12,4)")).otherwise(chain)
        rate = rate.when(currency == code, chain)
    return rate


def in_euro(amount: Column, currency: Column, day: Column) -> Column:
    """The amount in euro, decimal(18,2), half a cent rounded up; null where the currency has no rate."""
    return F.round(F.try_divide(amount, units_per_eur(currency, day)), 2).try_cast("decimal(18,2)")
