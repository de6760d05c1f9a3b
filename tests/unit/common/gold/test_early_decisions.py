"""What comes ahead of silver is decided once, and as silver's own rows are, whatever silver brings and whoever ends."""

import time
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gold_worlds import at
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scoring_models import a_champion, scored_by

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import FRAUD_REPORTS, IS_PURCHASE, MERCHANT, TRANSACTIONS
from common.contracts.verdicts import ALERT_VERDICTS
from common.errors import LakehouseError
from common.features.state import running
from common.features.transactions import INPUTS
from common.gold import early_decisions, transaction_scores
from common.gold.early_decisions import ORDINAL, PATH, PURCHASED, Decisions
from common.gold.transaction_scores import following_query, score_new
from common.ml.models_in_use import ModelsInUse
from common.storage.checkpoints import EARLY_DECISIONS
from common.storage.lake import Lake, Once
from common.storage.readers import readers, waiting
from common.storage.streams import AVAILABLE_NOW, Trigger, run_queries

pytestmark = pytest.mark.spark

Payment = dict[str, Any]

NOWHERE = (f"CAST(NULL AS STRING) AS {PATH}", f"CAST(NULL AS BIGINT) AS {ORDINAL}", f"{IS_PURCHASE} AS {PURCHASED}")
"""What rows of silver have beside `INPUTS`."""


def payment(name: str, day: float, cents: int = 1000) -> Payment:
    time_ = at(day)
    return {
        "transaction_id": name,
        "event_time": time_,
        "event_date": time_.astimezone(UTC).date(),
        "customer_id": "C1",
        "merchant_id": "M1",
        "terminal_id": "T1",
        "channel": "online",
        "country": "DE",
        "record_id": name,
        "cents": cents,
    }


def rows_of(lake: Lake, payments: tuple[Payment, ...]) -> DataFrame:
    rows = [(*(p.get(name) for name in TRANSACTIONS.column_names), p["cents"]) for p in payments]
    frame = lake.spark.createDataFrame(rows, f"{schema_of(TRANSACTIONS)}, cents long")
    return frame.withColumn("amount_eur", (F.col("cents") / 100).cast("decimal(18,2)"))


def ahead(lake: Lake, *payments: Payment, path: str = "topic/0", first: int = 0) -> DataFrame:
    """Records that came ahead, each behind the other in one partition."""
    frame = rows_of(lake, payments).select(*INPUTS).toArrow()
    frame = frame.append_column(PATH, [[path] * len(payments)])
    frame = frame.append_column(PURCHASED, [[p.get("kind") != "refund" for p in payments]])
    return lake.spark.createDataFrame(frame.append_column(ORDINAL, [[*range(first, first + len(payments))]]))


def accepted(lake: Lake, *payments: Payment) -> DataFrame:
    """Rows that silver has now, as its stream brings them."""
    lake.append(rows_of(lake, payments), TRANSACTIONS)
    return rows_of(lake, payments).selectExpr(*INPUTS, *NOWHERE)


def scored(lake: Lake, *names: str) -> dict[str, Any]:
    """The rows of these transactions as they were written, without the time."""
    rows = lake.table(TRANSACTION_SCORES).where(F.col("transaction_id").isin(*names)).drop("scored_at").collect()
    found = {row["transaction_id"]: row.asDict(recursive=True) for row in rows}
    assert len(found) == len(rows), "one is there twice"
    return found


def wanted(lake: Lake, *names: str) -> dict[str, Any]:
    """What the function for batches makes of silver's rows."""
    batch = lake.table(TRANSACTIONS).where(F.col("transaction_id").isin(*names))
    rows = scored_by(lake, batch, a_champion()).drop("scored_at").collect()
    return {row["transaction_id"]: row.asDict(recursive=True) for row in rows}


def a_process() -> Decisions:
    return Decisions(ModelsInUse(a_champion()))


@pytest.fixture(scope="module")
def begun(lake: Lake) -> Lake:
    """Forty days of payments in silver."""
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, ALERT_VERDICTS, MERCHANT.history, TRANSACTION_SCORES)
    accepted(lake, *(payment(f"H{day}", day, 900 + 10 * day) for day in range(60, 100)))
    return lake


def test_what_came_ahead_is_decided_once_as_silver_would(begun: Lake) -> None:
    process = a_process()
    first, second, third = payment("A1", 100), payment("A2", 100.1, 7000), payment("A3", 100.2)
    contradicts = payment("A1", 100.05, 5)
    process.step(begun, ahead(begun, second, first, second, contradicts), Once("once", 0))
    assert scored(begun, "A1", "A2", "A3").keys() == {"A1", "A2"}
    process.step(begun, ahead(begun, first, third, first=4), Once("once", 1))
    version = begun.version(TRANSACTION_SCORES)
    process.step(begun, accepted(begun, first, second, third), Once("once", 2))
    process.step(begun, ahead(begun, third, path="topic/1"), Once("once", 3))
    assert begun.version(TRANSACTION_SCORES) == version, "what is decided is known without a look at the table"
    assert scored(begun, "A1", "A2", "A3") == wanted(begun, "A1", "A2", "A3")


def test_silvers_other_rows_are_scored_and_what_is_late_waits_for_them(begun: Lake) -> None:
    process = a_process()
    late = payment("L1", 2)
    process.step(begun, ahead(begun, late, payment("L2", 101)), Once("late", 0))
    assert scored(begun, "L1", "L2").keys() == {"L2"}
    process.step(begun, accepted(begun, late, payment("L2", 101), payment("L3", 101.5)), Once("late", 1))
    assert scored(begun, "L1", "L2", "L3") == wanted(begun, "L1", "L2", "L3")


def test_a_process_that_begins_again_knows_what_was_decided_and_is_not_in_silver(begun: Lake) -> None:
    records = payment("K1", 102), payment("K2", 102.1, 6000)
    a_process().step(begun, ahead(begun, *records), Once("killed", 0))
    process = a_process()
    process.step(begun, ahead(begun, *records, payment("K3", 102.2)), Once("begun again", 0))
    process.step(begun, accepted(begun, *records, payment("K3", 102.2)), Once("begun again", 1))
    assert scored(begun, "K1", "K2", "K3") == wanted(begun, "K1", "K2", "K3")

    # Silver may bring them first, too.
    records = payment("K4", 102.3), payment("K5", 102.4)
    process.step(begun, ahead(begun, *records), Once("killed", 1))
    rows = accepted(begun, *records)
    process = a_process()
    process.step(begun, rows, Once("begun again", 2))
    process.step(begun, ahead(begun, *records), Once("begun again", 3))
    assert scored(begun, "K4", "K5") == wanted(begun, "K4", "K5")


def test_what_silver_accepts_while_a_process_begins_is_not_decided_again(
    begun: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = payment("S1", 102.5)
    a_process().step(begun, ahead(begun, record), Once("killed between", 0))

    def loaded(lake: Lake, arrived: pa.Table) -> Any:
        state = loaded_before(lake, arrived)
        accepted(lake, record)
        return state

    loaded_before = running._loaded
    with monkeypatch.context() as patch:
        patch.setattr(running, "_loaded", loaded)
        a_process().step(begun, ahead(begun, record, payment("S2", 102.6)), Once("begun between", 0))
    assert scored(begun, "S1", "S2").keys() == {"S1", "S2"}


def test_the_stream_from_silver_does_not_score_what_came_ahead(begun: Lake) -> None:
    from_silver = transaction_scores._batch_step(ModelsInUse(a_champion()), asks_again=True)
    from_silver(begun, accepted(begun, payment("F1", 102.7)), Once("from silver", 0))
    record = payment("F2", 102.8)
    folder = Path(begun.settings.checkpoint(EARLY_DECISIONS))
    folder.mkdir(parents=True, exist_ok=True)
    a_process().step(begun, ahead(begun, record), Once("decides", 0))
    from_silver(begun, accepted(begun, record), Once("from silver", 1))
    folder.rmdir()
    assert scored(begun, "F1", "F2") == wanted(begun, "F1", "F2")


def test_a_purchase_whose_key_a_refund_has_is_not_decided(begun: Lake) -> None:
    process = a_process()
    refunds = [{**payment(f"R{n}", 102.9), "kind": "refund"} for n in range(4)]
    purchases = [payment(f"R{n}", 102.9, 500) for n in range(4)]
    in_silver, in_one_batch, before, by_the_stream = zip(refunds, purchases, strict=True)
    accepted(begun, in_silver[0])
    process.step(begun, ahead(begun, before[0], *in_one_batch, in_silver[1], payment("R9", 102.9)), Once("refunds", 0))
    silvers = accepted(begun, by_the_stream[0], in_one_batch[0])
    process.step(begun, silvers, Once("refunds", 1))
    process.step(begun, ahead(begun, before[1], by_the_stream[1], first=9), Once("refunds", 2))
    assert scored(begun, *(f"R{n}" for n in range(10))).keys() == {"R9"}


def test_where_silver_accepts_another_record_what_follows_is_judged_by_that(begun: Lake) -> None:
    process = a_process()
    process.step(begun, ahead(begun, payment("X1", 103, 100), path="topic/1"), Once("contradicts", 0))
    process.step(begun, accepted(begun, payment("X1", 103, 9000)), Once("contradicts", 1))
    process.step(begun, ahead(begun, payment("X2", 103.1), path="topic/1", first=1), Once("contradicts", 2))
    accepted(begun, payment("X2", 103.1))
    assert scored(begun, "X2") == wanted(begun, "X2")
    assert scored(begun, "X1")["X1"]["features"]["amount_eur"] == 1, "a decision stays as it was made"


def test_records_of_a_batch_that_is_too_large_are_decided_when_silver_brings_them(
    begun: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = a_process()
    records = tuple(payment(f"B{n}", 104 + n / 10) for n in range(5))
    process.step(begun, ahead(begun, records[0]), Once("large", 0))
    with monkeypatch.context() as patch:
        patch.setattr(early_decisions, "MOST_ARRIVED", 2)
        process.step(begun, ahead(begun, *records[1:4], first=1), Once("large", 1))
    assert scored(begun, *(f"B{n}" for n in range(5))).keys() == {"B0"}
    process.step(begun, ahead(begun, records[0], records[4], first=4), Once("large", 2))
    process.step(begun, accepted(begun, *records), Once("large", 3))
    assert scored(begun, *(f"B{n}" for n in range(5))).keys() == {f"B{n}" for n in range(5)}


def test_after_a_batch_that_is_too_large_features_know_what_waits_for_silver(
    begun: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = a_process()
    waits, last = payment("G1", 105.5), payment("G2", 105.6)
    process.step(begun, ahead(begun, waits), Once("waits", 0))
    brought = accepted(begun, *(payment(f"G{n}", 105 + n / 100) for n in range(3, 6)))
    with monkeypatch.context() as patch:
        patch.setattr(early_decisions, "MOST_ARRIVED", 2)
        process.step(begun, brought, Once("waits", 1))
    process.step(begun, ahead(begun, waits, last, first=1), Once("waits", 2))
    accepted(begun, waits, last)
    names = [f"G{n}" for n in range(1, 6)]
    assert scored(begun, *names) == wanted(begun, *names)


def test_a_history_that_grows_too_large_for_memory_ends_early_decisions_until_it_fits(
    begun: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, names = a_process(), [f"M{n}" for n in range(4)]
    records = [payment(name, 106 + n / 10) for n, name in enumerate(names)]
    process.step(begun, ahead(begun, records[0]), Once("grows", 0))
    with monkeypatch.context() as patch:
        patch.setattr(running, "MOST_HELD", 10)
        process.step(begun, ahead(begun, records[1], first=1), Once("grows", 1))
    process.step(begun, ahead(begun, records[2], first=2), Once("grows", 2))
    assert scored(begun, *names).keys() == {"M0"}
    monkeypatch.setattr(early_decisions.time, "monotonic", lambda: float("inf"))
    process.step(begun, ahead(begun, records[3], first=3), Once("grows", 3))
    assert scored(begun, *names).keys() == {"M0", "M3"}
    results = begun.table(QUALITY_RESULTS).where("check_name = 'decided_early'").orderBy("checked_at")
    assert [(row["passed"], row["severity"]) for row in results.collect()] == [(False, "warning"), (True, "warning")]


def test_keys_that_the_state_cannot_answer_any_more_are_dropped(begun: Lake) -> None:
    process = a_process()
    process.step(begun, ahead(begun, payment("D1", 120), payment("D2", 125)), Once("old", 0))
    process.step(begun, ahead(begun, payment("D3", 140), first=2), Once("old", 1))
    process.step(begun, ahead(begun, payment("D4", 141), first=3), Once("old", 2))
    assert sorted(name for name, _ in process._waiting) == ["D3", "D4"]


def test_the_stream_from_silver_waits_for_scores_and_can_be_stopped_meanwhile(begun: Lake) -> None:
    accepted(begun, payment("W1", 108))
    query = following_query(begun, Trigger("processing_time", 1)).start()
    begins = Path(begun.settings.checkpoint("gold", "transaction_scores"), "offsets", "0")
    while not begins.exists():
        assert query.isActive, query.exception()
        time.sleep(0.2)
    with pytest.raises(LakehouseError, match="runs already"):
        score_new(begun, a_champion())
    query.stop()
    assert not query.isActive
    assert not scored(begun, "W1")
    assert readers(begun, TRANSACTIONS)[0].version == 0, "its position goes on when all is scored"
    a_process().step(begun, begun.table(TRANSACTIONS).where(IS_PURCHASE).selectExpr(*INPUTS, *NOWHERE), Once("rest", 0))
    run_queries([following_query(begun, AVAILABLE_NOW)])
    assert not waiting(begun, TRANSACTIONS)


def test_the_guide_removes_decisions_whose_transaction_never_came(begun: Lake) -> None:
    process = a_process()
    refund = {**payment("N3", 109.3), "kind": "refund"}
    comes, never, is_refund = payment("N1", 109.1), payment("N2", 109.2), payment("N3", 109.3)
    process.step(begun, ahead(begun, comes, never, is_refund), Once("never", 0))
    process.step(begun, accepted(begun, comes, refund), Once("never", 1))
    assert scored(begun, "N1", "N2", "N3").keys() == {"N1", "N2", "N3"}
    guide = (Path(__file__).parents[4] / "docs" / "how-to.md").read_text(encoding="utf-8")
    statement = guide.split('lakehouse sql "MERGE INTO gold.transaction_scores', 1)[1].split('"', 1)[0]
    begun.spark.sql(f"MERGE INTO gold.transaction_scores{statement}").collect()
    assert scored(begun, "N1", "N2", "N3").keys() == {"N1"}
