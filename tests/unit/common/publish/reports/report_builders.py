"""Reports of a small ledger in Python, so that most tests need no Spark."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from common.publish.reports.deliver import ReportRun
from common.publish.reports.folders import LocalReportFolder
from common.publish.reports.period import Period
from common.publish.reports.query import ReportQuery
from common.publish.reports.report import Report
from common.publish.reports.rows import Asked, Versions
from common.publish.writers.csv_reports import CsvReports

DAILY = """
SELECT event_date, alerts FROM gold.daily_fraud_summary
WHERE event_date >= :period_start AND event_date < :period_end ORDER BY event_date
"""
OF_NOW = "SELECT event_date, alerts FROM gold.daily_fraud_summary ORDER BY event_date"
OF_PEOPLE = """
SELECT customer_id, event_date FROM gold.fraud_transactions
WHERE event_date >= :period_start AND event_date < :period_end ORDER BY customer_id
"""


def options(**changed: Any) -> dict[str, Any]:
    """The options of a daily report."""
    return {
        "description": "Alerts of a day.",
        "period": "day",
        "file": "alerts_{period:%Y-%m-%d}.csv",
        "query": DAILY,
        "reopen": "3 days",
    } | changed


def a_report(**changed: Any) -> Report:
    return Report.model_validate(options(**changed))


def snapshot_options(**changed: Any) -> dict[str, Any]:
    """The options of a report that is replaced at each run."""
    return {"description": "All alerts.", "period": "run", "file": "all.csv", "query": OF_NOW} | changed


def an_output(reports: dict[str, dict[str, Any]], **changed: Any) -> CsvReports:
    return CsvReports.model_validate(
        {"name": "reports", "description": "Reports.", "writer": "csv", "reports": reports} | changed
    )


@dataclass
class Ledger:
    """Days with numbers of alerts, in the place of tables. `asked` are the periods that were asked for."""

    days: dict[date, list[int]] = field(default_factory=dict)
    now: datetime | None = None
    version: int = 0
    erased: str = ""
    asked: list[date | None] = field(default_factory=list)
    kept: dict[int, dict[date, list[int]]] = field(default_factory=dict)

    def book(self, day: date, alerts: int) -> None:
        """A row of a day; the clock stands at its noon at least."""
        self.days = {**self.days, day: [*self.days.get(day, []), alerts]}
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        self.now = noon if self.now is None else max(self.now, noon)
        self.version += 1
        self.kept[self.version] = self.days

    def clock(self) -> datetime | None:
        return self.now

    def first_day(self) -> date | None:
        return min(self.days, default=None)

    def states(self, tables: Iterable[str]) -> dict[str, Any]:
        return {table: [self.version, f"commit {self.version}"] for table in tables}

    def erased_until(self) -> str:
        return self.erased

    def of(self, query: ReportQuery, versions: Versions, periods: Sequence[Period | None]) -> list[pa.Table]:
        return [self._of((query, versions, period)) for period in periods]

    def _of(self, asked: Asked) -> pa.Table:
        query, _, period = asked
        self.asked.append(period and period.start)
        rows = self._rows(asked)
        return pa.table(
            {query.columns[0]: [day for day, _ in rows], query.columns[1]: pa.array([n for _, n in rows], pa.int64())}
        )

    def counts(self, asked: Sequence[Asked]) -> list[int | None]:
        return [len(self._rows(one)) if set(one[1].values()) <= self.kept.keys() else None for one in asked]

    def _rows(self, asked: Asked) -> list[tuple[date, int]]:
        _, versions, period = asked
        days = self.kept.get(next(iter(versions.values())) or 0, self.days)
        chosen = [day for day in sorted(days) if period is None or period.start <= day < period.end]
        return [(day, number) for day in chosen for number in days[day]]


def a_ledger(first: date, days: int) -> Ledger:
    """A row a day."""
    ledger = Ledger()
    for number in range(days):
        ledger.book(first + timedelta(number), number)
    return ledger


def a_run(path: Path, ledger: Ledger, **changed: Any) -> ReportRun:
    return ReportRun(
        **{"output": "reports", "folder": LocalReportFolder(path, True), "rows": ledger, "tell": lambda _: None}
        | changed
    )


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones included."""
    return {file.name: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
