"""The stream that goes on keeps its history in memory, and writes what the function for batches gives."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from random import Random
from typing import Any

import pytest
from gold_worlds import at
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scoring_models import a_champion, scored_by

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS, MERCHANT, TRANSACTIONS
from common.contracts.verdicts import ALERT_VERDICTS
from common.gold import running_scores
from common.gold.running_scores import RunningScores
from common.gold.transaction_scores import _insert_running, score_new
from common.ml.models_in_use import ModelsInUse
from common.storage.lake import Lake, Once
from common.storage.streams import Trigger

pytestmark = pytest.mark.spark

PATIENCE_SECONDS = 600
GOES_ON = Trigger("processing_time", 1)
Rows = dict[str, dict[str, Any]]


def payment(name: str, day: float, cents: int = 1000, who: str = "a") -> dict[str, Any]:
    time_ = at(day)
    return {
        "transaction_id": name,
        "event_time": time_,
        "event_date": time_.astimezone(UTC).date(),
        "customer_id": f"C{who}",
        "merchant_id": "M1",
        "terminal_id": f"T{who}",
        "channel": "online",
        "country": "DE",
        "record_id": name,
        "cents": cents,
    }


def pay(lake: Lake, *payments: dict[str, Any]) -> DataFrame:
    """Appends payments to silver; what a stream would hand on of them."""
    rows = [(*(p.get(name) for name in TRANSACTIONS.column_names), p["cents"]) for p in payments]
    frame = lake.spark.createDataFrame(rows, f"{schema_of(TRANSACTIONS)}, cents long")
    lake.append(frame.withColumn("amount_eur", (F.col("cents") / 100).cast("decimal(18,2)")), TRANSACTIONS)
    return of(lake, *(p["transaction_id"] for p in payments))


def of(lake: Lake, *names: str) -> DataFrame:
    return lake.table(TRANSACTIONS).where(F.col("transaction_id").isin(list(names)))


def report(lake: Lake, *frauds: tuple[str, float]) -> None:
    rows = []
    for name, day in frauds:
        values = {"transaction_id": name, "is_fraud": True, "reported_at": at(day), "record_id": name}
        rows.append(tuple(values.get(column) for column in FRAUD_REPORTS.column_names))
    frame = lake.spark.createDataFrame(rows, schema_of(FRAUD_REPORTS))
    lake.append(frame.withColumn("accepted_at", F.current_timestamp()), FRAUD_REPORTS)


def by_id(rows: DataFrame) -> Rows:
    """All columns but the time of scoring."""
    found = [row.asDict(recursive=True) for row in rows.drop("scored_at").collect()]
    result = {row["transaction_id"]: row for row in found}
    assert len(result) == len(found)
    return result


@pytest.fixture(scope="module")
def begun(lake: Lake) -> Lake:
    """A hundred days of payments, some of them fraud, of which none is scored."""
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, ALERT_VERDICTS, MERCHANT.history, TRANSACTION_SCORES)
    version = ("M1", "Shop", "5411", "DE", "low", True, False, at(90), None, True, "x")
    lake.append(lake.spark.createDataFrame([version], schema_of(MERCHANT.history)), MERCHANT.history)
    dice = Random(5)
    pay(
        lake, *(payment(f"H{n:03}", n / 2, dice.choice((900, 1000, 1100, 6000)), dice.choice("ab")) for n in range(200))
    )
    report(lake, *((f"H{n:03}", n / 2 + 7) for n in range(100, 180, 9)))
    return lake


@contextmanager
def going_on(lake: Lake) -> Iterator[None]:
    """A stream that scores what arrives while the block lasts; a failure of it ends the block."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            score_new(lake, a_champion(), GOES_ON)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        while thread.is_alive():
            for query in lake.spark.streams.active:
                query.stop()
            thread.join(1)
    assert not failed, failed


def scored_when(lake: Lake, count: int) -> Rows:
    """The rows that the stream has written once there are so many."""
    until = time.monotonic() + PATIENCE_SECONDS
    while lake.table(TRANSACTION_SCORES).count() < count:
        assert time.monotonic() < until, "the stream scored nothing"
        time.sleep(0.5)
    return by_id(lake.table(TRANSACTION_SCORES))


def test_a_stream_that_goes_on_writes_what_one_that_ends_writes_also_of_what_is_late_or_erased(begun: Lake) -> None:
    def wanted(*names: str) -> Rows:
        return by_id(scored_by(begun, of(begun, *names), a_champion()))

    with going_on(begun):
        first = scored_when(begun, 200)
        assert first == wanted(*first)

        report(begun, ("H196", 98.5), ("H150", 99))
        pay(begun, payment("L1", 97.2, 1200, "a"), payment("N1", 100, 2000, "a"), payment("N2", 100, 7000, "b"))
        second = scored_when(begun, 203)
        assert {name: second[name] for name in ("L1", "N1", "N2")} == wanted("L1", "N1", "N2")

        begun.spark.sql(f"DELETE FROM {begun.full_name(TRANSACTIONS)} WHERE transaction_id = 'H199'")
        pay(begun, payment("N3", 101, 2000, "a"), payment("N4", 101, 2000, "b"), payment("OLD", 1.5, 2000, "a"))
        third = scored_when(begun, 206)
        assert {name: third[name] for name in ("N3", "N4", "OLD")} == wanted("N3", "N4", "OLD")

    assert {name: third[name] for name in second} == second
    assert any(row["features"]["terminal_fraud_rate_30d"] for row in third.values())
    assert {row["decision"] for row in third.values()} == {"fraud", "genuine"}
    assert any(row["reasons"] for row in third.values())
    assert second["N1"]["rules_hit"] == ["watchlisted_merchant"]


def test_a_batch_that_is_run_again_by_another_process_or_in_this_one_is_not_doubled(begun: Lake) -> None:
    running, in_use = RunningScores(), ModelsInUse(a_champion())
    before = begun.table(TRANSACTION_SCORES).count()
    batch = pay(begun, payment("R1", 102), payment("R2", 102, 5000))
    for number in range(3):
        again = RunningScores() if number == 2 else running
        assert _insert_running(begun, batch, in_use, again, Once(f"again {number}", number))
    found = by_id(begun.table(TRANSACTION_SCORES).where("transaction_id IN ('R1', 'R2')"))

    assert found == by_id(scored_by(begun, batch, a_champion()))
    assert begun.table(TRANSACTION_SCORES).count() == before + 2


def test_a_batch_that_was_appended_unseen_is_not_doubled_by_the_process_that_comes_after_a_kill(begun: Lake) -> None:
    running, in_use = RunningScores(), ModelsInUse(a_champion())
    assert _insert_running(begun, pay(begun, payment("K0", 102.5)), in_use, running, Once("killed", 0))
    batch = pay(begun, payment("K1", 102.6), payment("K2", 102.7, 5000))
    assert _insert_running(begun, batch, in_use, running, Once("killed", 1))  # new to the state: no look at the table
    for once in (Once("killed", 1), Once("reset", 1)):
        assert _insert_running(begun, batch, in_use, RunningScores(), once)
    assert of_scores(begun, "K1", "K2").count() == 2


def test_a_batch_that_is_too_large_is_left_to_the_workers_and_known_afterwards(
    begun: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, in_use = RunningScores(), ModelsInUse(a_champion())
    assert _insert_running(begun, pay(begun, payment("S1", 103)), in_use, running, Once("small", 1))
    large = pay(begun, *(payment(f"S{n}", 103.5, 4000) for n in range(2, 7)))
    version = begun.version(TRANSACTION_SCORES)
    with monkeypatch.context() as patch:
        patch.setattr(running_scores, "MOST_ROWS", 3)
        assert not _insert_running(begun, large, in_use, running, Once("large", 1))
    assert begun.version(TRANSACTION_SCORES) == version

    after = pay(begun, payment("S7", 104, 4000))
    assert _insert_running(begun, after, in_use, running, Once("small", 2))
    assert by_id(of_scores(begun, "S7")) == by_id(scored_by(begun, after, a_champion()))


def test_a_lone_old_row_loads_no_history(begun: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    running, in_use = RunningScores(), ModelsInUse(a_champion())
    assert _insert_running(begun, pay(begun, payment("T1", 105)), in_use, running, Once("lone", 1))
    monkeypatch.setattr("common.features.state.running._loaded", None)  # a call would fail
    old = pay(begun, payment("T2", 2.5, 3000))
    assert _insert_running(begun, old, in_use, running, Once("lone", 2))
    assert by_id(of_scores(begun, "T2")) == by_id(scored_by(begun, old, a_champion()))


def test_a_history_that_is_too_large_to_hold_is_left_to_the_workers(
    begun: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.features.state.running.MOST_HELD", 3)
    batch = pay(begun, payment("U1", 106))
    assert not _insert_running(begun, batch, ModelsInUse(a_champion()), RunningScores(), Once("held", 1))


def of_scores(lake: Lake, *names: str) -> DataFrame:
    return lake.table(TRANSACTION_SCORES).where(F.col("transaction_id").isin(list(names)))
