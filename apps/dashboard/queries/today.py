"""The page of today: how many alerts, what they saved, how much came in, and how old the newest of it is."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import pandas as pd

from apps.dashboard.queries.ask import Ask
from apps.dashboard.queries.days import Days
from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.contracts.marts import ALERT_OUTCOMES, DAILY_FRAUD_SUMMARY, OUTCOMES
from common.contracts.ops import BATCHES
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS

USUAL_DAYS = 7
"""Days before today that today is compared with."""


def by_day(ask: Ask, days: Days) -> pd.DataFrame:
    """Each day's transactions, amount_eur, frauds and fraud_rate (0 to 1)."""
    return ask(
        "SELECT event_date, transactions, amount_eur, frauds, fraud_amount_eur, fraud_rate "
        f"FROM {DAILY_FRAUD_SUMMARY.name} WHERE {days.where()} ORDER BY event_date"
    )


def outcomes_by_day(ask: Ask, days: Days) -> pd.DataFrame:
    """Each day's alerts, by what became of them, with alert_amount_eur and saved_eur."""
    counted = ("alerts", *OUTCOMES, "alert_amount_eur", "saved_eur")
    sums = ", ".join(f"sum({name}) AS {name}" for name in counted)
    return ask(
        f"SELECT event_date, {sums} FROM {ALERT_OUTCOMES.name} WHERE {days.where()} "
        "GROUP BY event_date ORDER BY event_date"
    )


@dataclass(frozen=True)
class Figure:
    """A figure of today beside its mean of the days before; None without any."""

    today: float
    usual: float | None

    @property
    def change(self) -> float | None:
        """Today less what is usual."""
        return None if self.usual is None else self.today - self.usual


def figure(by_day: pd.DataFrame, column: str, today: date) -> Figure:
    """A column's sum on a day, beside the mean of the days before: a day without a row has 0."""
    day = pd.Timestamp(today)
    sums = by_day.groupby(pd.to_datetime(by_day["event_date"]))[column].sum()
    before = pd.date_range(day - pd.Timedelta(days=USUAL_DAYS), day - pd.Timedelta(days=1))
    known = [one for one in before if not sums.empty and one >= sums.index.min()]
    usual = float(sums.reindex(known, fill_value=0).mean()) if known else None
    return Figure(float(sums.get(day, 0)), usual)


def freshness(ask: Ask, there: Collection[str]) -> pd.DataFrame:
    """How new what is there is: `what`, `newest` (UTC), and `hours_behind` the newest transaction."""
    asked = {
        "transactions": (TRANSACTIONS, "event_time", ""),
        "fraud reports": (FRAUD_REPORTS, "reported_at", ""),
        "scores": (TRANSACTION_SCORES, "event_time", ""),
        "alerts": (TRANSACTION_SCORES, "event_time", f" WHERE {IS_ALERT}"),
    }
    parts = [
        f"SELECT {place} AS place, '{what}' AS what, max({column}) AS newest FROM {table.name}{where}"
        for place, (what, (table, column, where)) in enumerate(asked.items())
        if table.name in there
    ]
    if not parts:
        return pd.DataFrame(columns=["what", "newest", "hours_behind"])
    found = ask(" UNION ALL ".join(parts)).sort_values("place").drop(columns="place").reset_index(drop=True)
    clock = found.loc[found["what"].isin(["transactions", "scores"]), "newest"].max()
    # A report may be dated ahead by its source; nothing is ahead of the lakehouse.
    behind = (clock - found["newest"]).dt.total_seconds().clip(lower=0) / 3600
    return found.assign(hours_behind=behind)


def last_batch(ask: Ask, there: Collection[str]) -> pd.Timestamp | None:
    """When the last batch was committed, UTC; None without one."""
    if BATCHES.name not in there:
        return None
    found = ask(f"SELECT max(committed_at) AS at FROM {BATCHES.name}")["at"].iloc[0]
    return None if pd.isna(found) else found
