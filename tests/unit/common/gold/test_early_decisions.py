"""What comes ahead of silver is decided once, and as silver's own rows are, whatever silver brings and whoever ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from decision_worlds import a_process, accepted, ahead, payment, scored
from pyspark.sql import DataFrame
from scoring_models import a_champion, scored_by

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS, MERCHANT, TRANSACTIONS
from common.contracts.verdicts import ALERT_VERDICTS
from common.gold import early_decisions
from common.gold.early_decisions import Decisions
from common.storage.lake import Lake, Once

pytestmark = pytest.mark.spark


@dataclass(frozen=True)
class Played:
    """What became of all scenarios: `at_first` decided in the middle of each, by its letter; then in the end.

    `wanted` is what the function for batches makes of silver's rows. `versions`: those of the scores before and after
    silver brought what was decided.
    """

    at_first: dict[str, set[str]]
    decided: dict[str, Any]
    wanted: dict[str, Any]
    versions: tuple[int, int]

    def same(self, *names: str) -> bool:
        """Whether they are decided as silver's rows would be."""
        return {n: self.decided.get(n) for n in names} == {n: self.wanted[n] for n in names}


@pytest.fixture(scope="module")
def played(lake: Lake) -> Played:
    """All scenarios, each with a customer who has forty days of payments in silver. Two processes play them."""
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, ALERT_VERDICTS, MERCHANT.history, TRANSACTION_SCORES)
    accepted(lake, *(payment(f"{of}H{day}", day, 900 + 10 * day) for of in "ALXKSB" for day in range(60, 100)))
    at_first, numbers = {}, iter(range(100))

    def take(process: Decisions, rows: pa.Table) -> None:
        process.take(lake, rows, Once("played", next(numbers)))

    process = a_process()
    first, second, third = payment("A1", 100), payment("A2", 100.1, 7000), payment("A3", 100.2)
    take(process, ahead(second, first, second, payment("A1", 100.05, 5)))
    at_first["A"] = {*scored(lake)}
    take(process, ahead(first, third, first=4))
    before = lake.version(TRANSACTION_SCORES)
    take(process, accepted(lake, first, second, third))
    take(process, ahead(third, path="topic/1"))
    versions = before, lake.version(TRANSACTION_SCORES)

    late, other = payment("L1", 2), payment("L2", 101)
    take(process, ahead(late, other))
    at_first["L"] = {*scored(lake, "L1", "L2")}
    take(process, accepted(lake, late, other, payment("L3", 101.5)))

    take(process, ahead(payment("X1", 103, 100), path="topic/1"))
    take(process, accepted(lake, payment("X1", 103, 9000)))
    take(process, ahead(payment("X2", 103.1), path="topic/1", first=1))
    accepted(lake, payment("X2", 103.1))

    # The process ends before silver has what it decided. Of some, silver is the first to bring them again.
    records, others = (payment("K1", 102), payment("K2", 102.1, 6000)), (payment("S1", 102.3), payment("S2", 102.4))
    take(process, ahead(*records, *others))
    process = a_process()
    take(process, ahead(*records, payment("K3", 102.2)))
    take(process, accepted(lake, *records, payment("K3", 102.2)))
    take(process, accepted(lake, *others))
    take(process, ahead(*others))

    _play_too_large(lake, process, numbers, at_first)
    new = lake.table(TRANSACTIONS).where("transaction_id NOT LIKE '_H%'")
    wanted = scored_by(lake, new, a_champion()).drop("scored_at").collect()
    by_name = {row["transaction_id"]: row.asDict(recursive=True) for row in wanted}
    return Played(at_first, scored(lake), by_name, versions)


def _play_too_large(lake: Lake, process: Decisions, numbers: Iterator[int], at_first: dict[str, set[str]]) -> None:
    def step(rows: DataFrame) -> None:
        process.step(lake, rows, Once("played", next(numbers)))

    records = tuple(payment(f"B{n}", 104 + n / 10) for n in range(5))
    step(lake.spark.createDataFrame(ahead(records[0])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(early_decisions, "MOST_ARRIVED", 2)
        step(lake.spark.createDataFrame(ahead(*records[1:4], first=1)))
    at_first["B"] = {*scored(lake, *(row["transaction_id"] for row in records))}
    process.take(lake, ahead(records[0], records[4], first=4), Once("played", next(numbers)))
    process.take(lake, accepted(lake, *records), Once("played", next(numbers)))


def test_what_came_ahead_is_decided_once_as_silver_would(played: Played) -> None:
    assert played.at_first["A"] == {"A1", "A2"}
    before, after = played.versions
    assert after == before, "what is decided is known without a look at the table"
    assert played.same("A1", "A2", "A3")


def test_silvers_other_rows_are_scored_and_what_is_late_waits_for_them(played: Played) -> None:
    assert played.at_first["L"] == {"L2"}
    assert played.same("L1", "L2", "L3")


def test_a_process_that_begins_again_knows_what_was_decided_and_is_not_in_silver(played: Played) -> None:
    assert played.same("K1", "K2", "K3")
    assert played.same("S1", "S2"), "silver may bring them first"


def test_where_silver_accepts_another_record_what_follows_is_judged_by_that(played: Played) -> None:
    assert played.same("X2")
    assert played.decided["X1"]["features"]["amount_eur"] == 1, "a decision stays as it was made"


def test_records_of_a_batch_that_is_too_large_are_decided_when_silver_brings_them(played: Played) -> None:
    assert played.at_first["B"] == {"B0"}
    assert played.decided.keys() >= {f"B{n}" for n in range(5)}
