"""However transactions arrive, as long as it is in order: the same features, to the last bit."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from feature_worlds import START, Report, Transaction, reports_frame, transactions_frame
from pyspark.sql import Row, SparkSession

from common.features.reach import reach_of
from common.features.transactions import transaction_features

pytestmark = pytest.mark.spark

DAYS = 110
BATCH_ENDS = (12.0, 12.001, 40.0, 41.0, 48.5, 83.0, 104.0, DAYS)
"""In days; some batches are shorter than any window, some longer than the delay of reports."""


@pytest.fixture(scope="module")
def world() -> tuple[list[Transaction], list[Report]]:
    """1,500 transactions of few customers and terminals, many at the same time, and reports early, late, withdrawn."""
    dice = random.Random(7)
    rows, reports = [], []
    for number in range(1500):
        time = START + timedelta(seconds=dice.randrange(DAYS * 24) * 3600 + dice.randrange(3))
        row = Transaction(
            f"{number:05}",
            time,
            dice.choice(["a", "b", "c", "d", None]),
            dice.choice(["p", "q", "r", None]),
            dice.choice([None, *(round(dice.lognormvariate(8, 1)) for _ in range(9))]),
            dice.choice(["DE", "FR", None]),
        )
        rows.append(row)
        if dice.random() < 0.3:
            reported = time + timedelta(hours=dice.randrange(1, 24 * 25))
            reports.append(Report(row.transaction_id, True, reported))
            if dice.random() < 0.4:
                withdrawn = reported + timedelta(hours=dice.randrange(1, 24 * 20))
                reports.append(Report(row.transaction_id, False, withdrawn))
    return sorted(rows, key=lambda row: (row.event_time, row.transaction_id)), reports


def by_id(rows: Sequence[Row]) -> dict[str, Row]:
    result = {row["transaction_id"]: row for row in rows}
    assert len(result) == len(rows)
    return result


def test_batches_in_order_equal_one_batch(spark: SparkSession, world: tuple[list[Transaction], list[Report]]) -> None:
    rows, reports = world
    everything = transactions_frame(spark, rows)
    at_once = by_id(transaction_features(everything, everything, reports_frame(spark, reports)).collect())

    in_batches: dict[str, Row] = {}
    begin = START
    for number, end_day in enumerate(BATCH_ENDS):
        end = START + timedelta(days=end_day)
        new = [row for row in rows if begin <= row.event_time < end]
        # As in a lakehouse: silver holds the batch already, or it does not yet.
        known = [row for row in rows if row.event_time < (end if number % 2 else begin)]
        arrived = [report for report in reports if report.reported_at < end]
        batch = transaction_features(
            transactions_frame(spark, new), transactions_frame(spark, known), reports_frame(spark, arrived)
        )
        in_batches |= by_id(batch.collect())
        begin = end

    assert in_batches == at_once
    assert len(at_once) == len(rows)
    late = {row["terminal_fraud_rate_7d"] for row in at_once.values()}
    assert len(late) > 50  # the world is one in which frauds come and go
    assert len({row["customer_unusual_count_7d"] for row in at_once.values()}) > 3  # and amounts differ


def test_only_what_the_windows_reach_is_read(spark: SparkSession) -> None:
    day = timedelta(days=1)
    times: list[datetime] = [START - 67 * day, START - 67 * day + timedelta(microseconds=1), START, START + day]
    history = transactions_frame(spark, [Transaction(str(n), time) for n, time in enumerate(times)])
    reach = reach_of(transactions_frame(spark, [Transaction("new", START)]))
    assert reach is not None
    assert (reach.first, reach.last) == (START, START)
    assert {row["transaction_id"] for row in reach.history(history).collect()} == {"1", "2"}


def test_history_is_bounded_by_literals_on_the_date_that_files_are_clustered_by(
    spark: SparkSession, capsys: pytest.CaptureFixture[str], database: str
) -> None:
    table = f"{database}.transactions"
    for days_ago in (100, 20):
        row = Transaction(str(days_ago), START - timedelta(days=days_ago))
        transactions_frame(spark, [row]).write.format("delta").mode("append").saveAsTable(table)
    reach = reach_of(transactions_frame(spark, [Transaction("new", START)]))
    assert reach is not None
    history = reach.history(spark.table(table))
    history.explain("formatted")
    plan = capsys.readouterr().out
    assert "event_date" in plan.split("PushedFilters", 1)[1].splitlines()[0]
    assert [row["transaction_id"] for row in history.collect()] == ["20"]


def test_an_empty_batch_reaches_nothing(spark: SparkSession) -> None:
    assert reach_of(transactions_frame(spark, [])) is None
