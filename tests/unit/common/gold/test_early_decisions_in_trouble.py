"""Early decisions where processes end, tables change in between, keys are refunds' and memory is short: each once."""

import time
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from decision_worlds import a_process, accepted, ahead, payment, refund, scored
from scoring_models import a_champion, scored_by

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import FRAUD_REPORTS, IS_PURCHASE, MERCHANT, TRANSACTIONS
from common.contracts.verdicts import ALERT_VERDICTS
from common.errors import LakehouseError
from common.features.state import running
from common.features.transactions import INPUTS
from common.gold import early_decisions, transaction_scores
from common.gold.early_decisions import Decisions
from common.gold.transaction_scores import following_query, insert_scores, score_new
from common.ml.models_in_use import ModelsInUse
from common.storage.checkpoints import EARLY_DECISIONS
from common.storage.lake import Lake, Once
from common.storage.readers import readers, waiting
from common.storage.streams import AVAILABLE_NOW, Trigger, run_queries

pytestmark = pytest.mark.spark
_NUMBERS = count()


def take(process: Decisions, lake: Lake, rows: pa.Table) -> None:
    process.take(lake, rows, Once("trouble", next(_NUMBERS)))


def wanted(lake: Lake, *names: str) -> dict[str, Any]:
    """What the function for batches makes of silver's rows."""
    batch = lake.table(TRANSACTIONS).where(f"transaction_id IN {names}")
    rows = scored_by(lake, batch, a_champion()).drop("scored_at").collect()
    return {row["transaction_id"]: row.asDict(recursive=True) for row in rows}


@pytest.fixture(scope="module")
def begun(lake: Lake) -> Lake:
    """Customers with forty days of payments in silver."""
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, ALERT_VERDICTS, MERCHANT.history, TRANSACTION_SCORES)
    accepted(lake, *(payment(f"{of}H{day}", day, 900 + 10 * day) for of in "FG" for day in range(60, 100)))
    return lake


def test_what_silver_accepts_while_a_process_begins_is_not_decided_again(
    begun: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = payment("S1", 102.5)
    take(a_process(), begun, ahead(record))

    def loaded(lake: Lake, arrived: pa.Table) -> Any:
        state = loaded_before(lake, arrived)
        accepted(lake, record)
        return state

    loaded_before = running._loaded
    with monkeypatch.context() as patch:
        patch.setattr(running, "_loaded", loaded)
        take(a_process(), begun, ahead(record, payment("S2", 102.6)))
    assert scored(begun, "S1", "S2").keys() == {"S1", "S2"}


def test_the_stream_from_silver_does_not_score_what_came_ahead(begun: Lake) -> None:
    step = transaction_scores._batch_step(ModelsInUse(a_champion()), asks_again=True)

    def from_silver(rows: pa.Table) -> None:
        step(begun, begun.spark.createDataFrame(rows), Once("from silver", next(_NUMBERS)))

    from_silver(accepted(begun, payment("F1", 102.7)))
    record = payment("F2", 102.8)
    folder = Path(begun.settings.checkpoint(EARLY_DECISIONS))
    folder.mkdir(parents=True, exist_ok=True)
    take(a_process(), begun, ahead(record))
    from_silver(accepted(begun, record))
    folder.rmdir()
    assert scored(begun, "F1", "F2") == wanted(begun, "F1", "F2")


def test_a_purchase_whose_key_a_refund_has_is_not_decided(begun: Lake) -> None:
    process = a_process()
    refunds = [refund(f"R{n}", 102.9) for n in range(4)]
    purchases = [payment(f"R{n}", 102.9, 500) for n in range(4)]
    in_silver, in_one_batch, before, by_the_stream = zip(refunds, purchases, strict=True)
    accepted(begun, in_silver[0])
    take(process, begun, ahead(before[0], *in_one_batch, in_silver[1], payment("R9", 102.9)))
    assert [name for name, _ in process._waiting] == ["R9"]
    take(process, begun, accepted(begun, by_the_stream[0], in_one_batch[0]))
    take(process, begun, ahead(before[1], by_the_stream[1], first=9))
    assert scored(begun, *(f"R{n}" for n in range(10))).keys() == {"R9"}


def test_after_a_batch_that_is_too_large_features_know_what_waits_for_silver(
    begun: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = a_process()
    waits, last = payment("G1", 105.5), payment("G2", 105.6)
    take(process, begun, ahead(waits))
    brought = accepted(begun, *(payment(f"G{n}", 105 + n / 100) for n in range(3, 6)))
    with monkeypatch.context() as patch:
        patch.setattr(early_decisions, "MOST_ARRIVED", 2)
        process.step(begun, begun.spark.createDataFrame(brought), Once("trouble", next(_NUMBERS)))
    take(process, begun, ahead(last, first=1))
    accepted(begun, waits, last)
    names = [f"G{n}" for n in range(2, 6)]  # the first was decided before the others came
    assert scored(begun, *names) == wanted(begun, *names)


def test_a_history_that_grows_too_large_for_memory_ends_early_decisions_until_it_fits(
    begun: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, names = a_process(), [f"M{n}" for n in range(4)]
    records = [payment(name, 106 + n / 10) for n, name in enumerate(names)]
    take(process, begun, ahead(records[0]))
    with monkeypatch.context() as patch:
        patch.setattr(running, "MOST_HELD", 10)
        take(process, begun, ahead(records[1], first=1))
    take(process, begun, ahead(records[2], first=2))
    assert scored(begun, *names).keys() == {"M0"}
    with monkeypatch.context() as patch:
        patch.setattr(early_decisions, "PAUSE_SECONDS", 0)
        patch.setattr(process, "_tries_at", 0.0)
        take(process, begun, ahead(records[3], first=3))
    assert scored(begun, *names).keys() == {"M0", "M3"}
    results = begun.table(QUALITY_RESULTS).where("check_name = 'decided_early'").orderBy("checked_at")
    assert [(row["passed"], row["severity"]) for row in results.collect()] == [(False, "warning"), (True, "warning")]


def test_keys_that_the_state_cannot_answer_any_more_are_dropped(begun: Lake) -> None:
    process = a_process()
    take(process, begun, ahead(payment("D1", 120), payment("D2", 125)))
    assert [name for name, _ in process._waiting] == ["D1", "D2"]
    take(process, begun, ahead(payment("D3", 140), first=2))
    take(process, begun, ahead(payment("D4", 141), first=3))
    assert [name for name, _ in process._waiting] == ["D3", "D4"]


def test_the_guide_removes_decisions_whose_transaction_never_came(begun: Lake) -> None:
    process = a_process()
    comes, never, is_refund = payment("N1", 109.1), payment("N2", 109.2), payment("N3", 109.3)
    take(process, begun, ahead(comes, never, is_refund))
    take(process, begun, accepted(begun, comes, refund("N3", 109.3)))
    assert scored(begun, "N1", "N2", "N3").keys() == {"N1", "N2", "N3"}
    guide = (Path(__file__).parents[4] / "docs" / "how-to.md").read_text(encoding="utf-8")
    statement = "MERGE INTO" + guide.split('lakehouse sql --engine spark "MERGE INTO', 1)[1].split('"', 1)[0]
    for table in (TRANSACTION_SCORES, TRANSACTIONS):
        statement = statement.replace(table.name, begun.full_name(table))
    begun.spark.sql(statement).collect()
    assert scored(begun, "N1", "N2", "N3").keys() == {"N1"}


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
    rows = begun.table(TRANSACTIONS).where(IS_PURCHASE).select(*INPUTS)
    insert_scores(begun, rows, ModelsInUse(a_champion()), Once("the rest", 0))
    run_queries([following_query(begun, AVAILABLE_NOW)])
    assert not waiting(begun, TRANSACTIONS)
