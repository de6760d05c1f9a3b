"""The feature stream over what arrives in any order: late transactions, and reports late, early and withdrawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from feature_oracle import expected
from feature_worlds import DAY_ENDS, REPORT_DELAYS, Report, Transaction, apart, at, reports_frame, transactions_frame
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.contracts.table import Table
from common.errors import CheckpointError
from common.features.transactions import transaction_features
from common.gold.transaction_features import build_features, feature_arrivals, update_features
from common.result import Result
from common.storage.lake import Lake, Once

pytestmark = pytest.mark.spark

WORLDS = 60
ARRIVALS = 5


@dataclass
class World:
    """What has arrived so far."""

    rows: list[Transaction] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def features(self) -> dict[str, dict[str, Any]]:
        """By the oracle."""
        return {row.transaction_id: expected(row, self.rows, self.reports) for row in self.rows}


def a_world(dice: Random, number: int) -> World:
    """A few transactions at the edges of each other's windows, some at the same time, and reports of every kind."""
    rows = [
        apart(
            number,
            Transaction(
                f"{name:02}",
                at(dice.choice(DAY_ENDS) + dice.randint(0, 2), micros=dice.choice((-1, 0, 0, 1))),
                dice.choice(["a", "b", None]),
                dice.choice(["a", "b", None]),
                dice.choice([None, 1000, 1100, 2600, 9000, dice.randrange(10**9)]),
                dice.choice(["DE", "FR", None]),
            ),
        )
        for name in dice.sample(range(100), dice.randint(2, 14))
    ]
    reports = set()
    for row in dice.choices(rows, k=dice.randint(0, 2 * len(rows))):
        delay = timedelta(days=dice.choice(REPORT_DELAYS), microseconds=dice.randint(-1, 1))
        reports.add(Report(row.transaction_id, dice.random() < 0.6, row.event_time + delay))
    return World(rows, sorted(reports, key=str))


def in_silver(frame: DataFrame, table: Table) -> DataFrame:
    """The frame with all columns of the contract."""
    missing = [column for column in table.columns if column.name not in frame.columns]
    return frame.select("*", *(F.lit(None).cast(column.type).alias(column.name) for column in missing))


def add(lake: Lake, rows: Sequence[Transaction], reports: Sequence[Report]) -> None:
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS)
    if rows:
        lake.append(in_silver(transactions_frame(lake.spark, rows), TRANSACTIONS), TRANSACTIONS)
    if reports:
        lake.append(in_silver(reports_frame(lake.spark, reports), FRAUD_REPORTS), FRAUD_REPORTS)


def stored(lake: Lake) -> dict[str, dict[str, Any]]:
    """Features by transaction_id."""
    rows = lake.table(TRANSACTION_FEATURES).collect()
    result = {row["transaction_id"]: {name: row[name] for name in FEATURE_NAMES} for row in rows}
    assert len(result) == len(rows)
    return result


def by_id(rows: Iterable[Row]) -> dict[str, Row]:
    return {row["transaction_id"]: row for row in rows}


@pytest.fixture(scope="module")
def settled(lake: Lake) -> Lake:
    """Many worlds, whose rows arrived in batches at random; checked after each."""
    dice = Random(11)
    worlds = [a_world(dice, number) for number in range(WORLDS)]
    seen = [World() for _ in worlds]
    before: dict[str, dict[str, Any]] = {}
    turns = {id(thing): dice.randrange(ARRIVALS) for world in worlds for thing in (*world.rows, *world.reports)}
    changes = 0
    for turn in range(ARRIVALS):
        rows, reports = [], []
        for world, known in zip(worlds, seen, strict=True):
            own_rows = [row for row in world.rows if turns[id(row)] == turn]
            own_reports = [report for report in world.reports if turns[id(report)] == turn]
            known.rows += own_rows
            known.reports += own_reports
            rows += own_rows
            reports += own_reports
        after = {name: features for known in seen for name, features in known.features().items()}
        changed = [name for name in before if before[name] != after[name]]
        add(lake, rows, reports)

        assert build_features(lake) == built(len(rows), len(changed))
        assert stored(lake) == after
        before = after
        changes += len(changed)
    assert changes > WORLDS  # late rows that change nothing would prove nothing
    return lake


def test_in_any_order_of_arrival_each_batch_leaves_what_the_oracle_says_and_only_changed_rows_are_rewritten(
    settled: Lake,
) -> None:
    rows, reports = settled.table(TRANSACTIONS), settled.table(FRAUD_REPORTS)
    at_once = by_id(transaction_features(rows, rows, reports).collect())
    assert by_id(settled.table(TRANSACTION_FEATURES).collect()) == at_once


def built(added: int, again: int) -> Result:
    """What a run says that added some rows and computed others again."""
    return Result(added, added, f"{again:,} older rows computed again" if again else "")


def test_with_nothing_new_nothing_is_written(settled: Lake) -> None:
    version = settled.version(TRANSACTION_FEATURES)
    assert build_features(settled) == built(0, 0)
    assert settled.version(TRANSACTION_FEATURES) == version


def test_a_batch_that_was_killed_before_the_stream_noted_it_changes_nothing_more(settled: Lake) -> None:
    before = stored(settled)
    commits = Path(settled.settings.checkpoint("gold", "transaction_features")) / "commits"
    newest = max(int(file.name) for file in commits.iterdir() if file.name.isdecimal())
    for file in (commits / str(newest), commits / f".{newest}.crc"):
        file.unlink(missing_ok=True)

    assert build_features(settled) == built(0, 0)
    assert stored(settled) == before


class Killed(Lake):
    """A lake whose process ends between the append of new rows and the merge of older ones."""

    def apply_changes(self, rows: DataFrame, table: Table) -> None:
        raise KeyboardInterrupt


def test_a_kill_between_the_two_writes_is_made_good(settled: Lake) -> None:
    early = [Transaction("kill-a", at(0), "kill", "kill"), Transaction("kill-c", at(9), "kill", "kill")]
    late, report = Transaction("kill-b", at(0.5), "kill", "kill"), Report("kill-a", True, at(8))
    add(settled, early, [])
    build_features(settled)
    batch = feature_arrivals(
        transactions_frame(settled.spark, [late]), reports_frame(settled.spark, [report]).drop("record_id")
    )
    add(settled, [late], [report])
    with pytest.raises(KeyboardInterrupt):
        update_features(Killed(settled.spark, settled.settings), batch, Once("test", 1))
    half = stored(settled)
    for _ in range(2):
        update_features(settled, batch, Once("test", 1))

    world = World([*early, late], [report])
    assert {name: features for name, features in stored(settled).items() if name.startswith("kill")} == world.features()
    assert half["kill-b"] == world.features()["kill-b"]
    assert half["kill-c"] != world.features()["kill-c"]


def test_reset_the_stream_finds_what_is_wrong_in_old_rows(settled: Lake) -> None:
    before = stored(settled)
    name = settled.full_name(TRANSACTION_FEATURES)
    wrong = ", ".join(f"'{id_}'" for id_ in sorted(before)[:2])
    settled.spark.sql(f"UPDATE {name} SET customer_tx_count_1d = 99 WHERE transaction_id IN ({wrong})")
    settings = replace(settled.settings, home=settled.settings.home / "reset")

    assert build_features(Lake(settled.spark, settings)) == built(0, 2)
    assert stored(settled) == before


def test_a_table_that_is_gone_is_not_begun_in_the_middle(settled: Lake) -> None:
    settled.spark.sql(f"DROP TABLE {settled.full_name(TRANSACTION_FEATURES)}")
    with pytest.raises(CheckpointError, match="lakehouse reset gold/transaction_features"):
        build_features(settled)
