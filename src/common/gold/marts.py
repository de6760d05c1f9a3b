"""The marts of one stream: by month, and the outcomes of alerts by day. What the marts notebook runs."""

from collections.abc import Callable, Mapping
from datetime import date

from pyspark.sql import DataFrame

from common.contracts.marts import ALERT_OUTCOMES, COUNTRY_CHANNEL_MATRIX, CUSTOMER_SPENDING, MERCHANT_RISK
from common.contracts.table import Table
from common.features.reach import stretches, within
from common.gold.alert_outcomes import recompute_alert_outcomes
from common.gold.country_channel_matrix import country_channel_matrix
from common.gold.customer_spending import customer_spending
from common.gold.marked import marked_between
from common.gold.merchant_risk import merchant_risk
from common.gold.touched import days_of_month, months_of, recompute_touched
from common.storage.difference import merge_difference
from common.storage.lake import Lake
from common.storage.streams import AVAILABLE_NOW, Trigger

BY_MONTH: Mapping[str, tuple[Table, Callable[[DataFrame], DataFrame]]] = {
    table.name: (table, mart)
    for table, mart in (
        (MERCHANT_RISK, merchant_risk),
        (CUSTOMER_SPENDING, customer_spending),
        (COUNTRY_CHANNEL_MATRIX, country_channel_matrix),
    )
}
MARTS = (*(table for table, _ in BY_MONTH.values()), ALERT_OUTCOMES)

_SUMMED_UP = ("event_date", "customer_id", "merchant_id", "country", "channel", "amount_eur", "is_fraud", "is_alert")


def recompute_marts(lake: Lake, days: list[date]) -> None:
    """Makes the rows about these days, and about their months, what they should be by the tables as they stand."""
    months = months_of(days)
    rows = marked_between(lake, stretches(days_of_month(month) for month in months)).select(*_SUMMED_UP)
    with lake.staged(rows, "marts.marked") as staged:
        for table, mart in BY_MONTH.values():
            held = lake.table(table).where(within("month", ((month, month) for month in months)))
            merge_difference(lake, mart(staged), held, table)
    recompute_alert_outcomes(lake, days)


def build_marts(lake: Lake, trigger: Trigger = AVAILABLE_NOW) -> dict[str, int]:
    """Brings the marts up to date, reading only what something new concerns; returns the rows of each, by name.

    Raises:
        PositionError: a mart is gone, and the stream that fills it is not at its start.
    """
    recompute_touched(lake, lake.settings.checkpoint("gold", "marts"), MARTS, recompute_marts, trigger)
    return {table.name: lake.table(table).count() for table in MARTS}
