"""Which transactions a late row concerns, against the windows' definition: a loop over all pairs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from feature_oracle import DELAY
from feature_worlds import Report, Transaction, apart, at, reports_frame, small_worlds, transactions_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from common.features.affected import affected, days_of, explained_spans, report_spans, transaction_spans

pytestmark = pytest.mark.spark

WINDOW = timedelta(days=30)
REACH = timedelta(days=67)


def sees(of: Transaction, late: Transaction) -> bool:
    """Whether features of `of` reach back to the late transaction."""
    t, happened = of.event_time, late.event_time
    own = of.customer_id is not None and of.customer_id == late.customer_id
    there = of.terminal_id is not None and of.terminal_id == late.terminal_id
    is_before = (happened, late.transaction_id) <= (t, of.transaction_id)
    return (own and is_before and t - REACH < happened) or (there and t - DELAY - WINDOW < happened <= t - DELAY)


def sees_explained(of: Transaction, late: Transaction, reports: Sequence[Report], world: Sequence[Transaction]) -> bool:
    """Whether `of` sees a fraud at its terminal that the late payment of the fraud's customer explains or not."""
    named = {row.transaction_id: row for row in world}
    frauds = [(report, named[report.transaction_id]) for report in reports if report.is_fraud]
    return any(
        fraud.customer_id is not None
        and fraud.customer_id == late.customer_id
        and (late.event_time, late.transaction_id) < (fraud.event_time, fraud.transaction_id)
        and fraud.event_time < late.event_time + WINDOW
        and hears(replace(of, customer_id=None), report, world)
        for report, fraud in frauds
    )


def hears(of: Transaction, report: Report, world: Sequence[Transaction]) -> bool:
    """Whether features of `of` reach back to the reported transaction, at a time when the report had come in."""
    reported = next(row for row in world if row.transaction_id == report.transaction_id)
    own = of.customer_id is not None and of.customer_id == reported.customer_id
    there = of.terminal_id is not None and of.terminal_id == reported.terminal_id
    t, happened = of.event_time, reported.event_time
    in_habit = own and t - REACH < happened < t
    in_window = there and t - DELAY - WINDOW < happened <= t - DELAY
    return report.reported_at <= t and (in_habit or in_window)


def found(
    spark: SparkSession, existing: Sequence[Transaction], late: Sequence[Transaction], reports: Sequence[Report]
) -> set[str]:
    """Ids of those existing that the late transactions and the reports concern."""
    spans = transaction_spans(transactions_frame(spark, late))
    if reports and existing:
        silver = transactions_frame(spark, [*existing, *late])
        since, newest = min(r.reported_at for r in reports), max(r.event_time for r in existing)
        heard = reports_frame(spark, reports)
        spans = spans.unionByName(report_spans(heard, silver, since, newest))
        if late:
            explained = explained_spans(transactions_frame(spark, late), silver, heard, newest)
            spans = spans.unionByName(explained)
    return {row["transaction_id"] for row in affected(transactions_frame(spark, existing), spans).collect()}


# Each call of Spark takes its time, so that one example is many worlds.
@settings(max_examples=4)
@given(st.lists(small_worlds(), min_size=30, max_size=40))
def test_exactly_those_whose_windows_hold_a_late_row(spark: SparkSession, worlds: list[Any]) -> None:
    existing, came_late, all_reports, wanted = [], [], [], set()
    for number, (rows, own_reports, are_late) in enumerate(worlds):
        world = [apart(number, row) for row in rows]
        reports = [replace(report, transaction_id=f"{number}-{report.transaction_id}") for report in own_reports]
        late = [row for row, is_late in zip(world, are_late, strict=True) if is_late]
        on_time = [row for row in world if row not in late]
        wanted |= {
            row.transaction_id
            for row in on_time
            if any(sees(row, other) or sees_explained(row, other, reports, world) for other in late)
            or any(hears(row, report, world) for report in reports)
        }
        existing, came_late, all_reports = [*existing, *on_time], [*came_late, *late], [*all_reports, *reports]

    assert found(spark, existing, came_late, all_reports) == wanted


def test_a_transaction_that_comes_again_concerns_itself(spark: SparkSession) -> None:
    rows = [Transaction(name, at(0), None, None) for name in "ab"]
    again = transaction_spans(transactions_frame(spark, rows[:1]))
    (row,) = affected(transactions_frame(spark, rows), again).collect()
    assert (row["transaction_id"], row["event_date"]) == ("a", at(0).date())


def days(spark: SparkSession, late: Iterable[Transaction], newest: datetime) -> list[tuple[date, date]]:
    return days_of(transaction_spans(transactions_frame(spark, late)), newest)


def test_only_the_days_that_the_windows_reach_are_looked_at(spark: SparkSession) -> None:
    old, recent = at(-400), at(-1)
    looked_at = days(spark, [Transaction("old", old), Transaction("recent", recent)], newest=at(5))
    reached = timedelta(days=67)
    assert looked_at == [(old.date(), (old + reached).date()), (recent.date(), at(5).date())]


def test_nothing_up_to_the_newest_is_concerned_by_what_comes_after_it(spark: SparkSession) -> None:
    assert days(spark, [Transaction("next", at(1))], newest=at(1, micros=-1)) == []
