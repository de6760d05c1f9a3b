"""The days that a lakehouse knows of, and those that a page is about."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from apps.dashboard.queries.ask import Ask
from common.contracts.marts import DAILY_FRAUD_SUMMARY
from common.contracts.silver import TRANSACTIONS


@dataclass(frozen=True)
class Days:
    """Days in a row, both included."""

    first: date
    last: date

    def where(self, column: str = "event_date") -> str:
        """The SQL condition that a date lies in them."""
        return f"{column} BETWEEN DATE'{self.first}' AND DATE'{self.last}'"

    def where_time(self, column: str) -> str:
        """The SQL condition that a time lies in them, UTC."""
        after = self.last + timedelta(days=1)
        return f"{column} >= TIMESTAMP'{self.first} 00:00:00' AND {column} < TIMESTAMP'{after} 00:00:00'"

    def where_month(self, column: str = "month") -> str:
        """The SQL condition that a month, by its first day, has one of them."""
        return f"{column} BETWEEN DATE'{self.first.replace(day=1)}' AND DATE'{self.last}'"

    def newest(self, count: int) -> "Days":
        """The last of them, so many at most."""
        return Days(max(self.first, self.last - timedelta(days=count - 1)), self.last)

    def within(self, others: "Days") -> "Days | None":
        """Those that are also among others; None where no day is."""
        first, last = max(self.first, others.first), min(self.last, others.last)
        return Days(first, last) if first <= last else None


def known_days(ask: Ask, there: Collection[str]) -> Days | None:
    """From the first day with a transaction to the last, which is the lakehouse's today; None without any."""
    table = next((table.name for table in (DAILY_FRAUD_SUMMARY, TRANSACTIONS) if table.name in there), None)
    if table is None:
        return None
    found = ask(f"SELECT min(event_date) AS first, max(event_date) AS last FROM {table}").iloc[0]
    return None if found.isna().any() else Days(found["first"].date(), found["last"].date())
