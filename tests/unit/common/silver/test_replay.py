"""Quarantined records tried again after the map was mended, and streams that lost their place or their table.

The tests are one story over one lake, in their order.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from common.bronze.ingest import ingest
from common.checks.conservation import accounted, check_conservation
from common.contracts.ops import BATCHES, REPLAYED_RECORDS, UNMAPPED_FIELDS
from common.contracts.silver import QUARANTINE, TRANSACTIONS
from common.errors import CheckpointError, ConservationError, ParameterError
from common.silver import replay, traces
from common.silver.refine import Outcome, refine
from common.silver.replay import Replayed, replay_quarantine
from common.sources.declaration import Source
from common.storage.checkpoints import reset, streams
from common.storage.lake import Lake
from lake_tables import require

pytestmark = pytest.mark.spark


def a_source(amount: str) -> Source:
    """A source whose amounts come in a field of their own format."""
    mapping = {"transaction_id": "id", "event_time": "ts", "amount": amount, "channel": "how"}
    into = {"transactions": {"where": "kind = 'payment'", "map": mapping}}
    feed = {"reader": "files", "format": "json_lines", "path": "{landing}/payments", "into": into}
    return Source.model_validate({"name": "shop", "description": "A shop.", "feeds": {"payments": feed}})


WRONG = a_source("amount")
MENDED = a_source("replace(amount, ',', '.')")


def a_payment(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"P{number}",
        "ts": f"2025-06-01T10:00:{number:02d}Z",
        "amount": "12.50",
        "how": "online",
        "kind": "payment",
    } | changes


def run(lake: Lake, landing: Path, name: str, *payments: dict[str, Any], source: Source = WRONG) -> Outcome:
    if payments:
        folder = landing / "payments"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(payment) for payment in payments))
    ingest(lake, source)
    return refine(lake, source, "transactions")


def ids(lake: Lake, table: str = TRANSACTIONS.name, column: str = "transaction_id") -> list[Any]:
    return sorted(row[0] for row in lake.table(table).select(column).collect())


def sums(lake: Lake) -> dict[str, int]:
    (row,) = accounted(lake).collect()
    return row.asDict()


@pytest.fixture(scope="module")
def first_run(lake: Lake, landing: Path) -> Outcome:
    return run(
        lake,
        landing,
        "day1",
        a_payment(1),
        a_payment(2, amount="7,25"),
        a_payment(3, amount="8,50", how="by post"),
        a_payment(4, amount="9,75", loyalty_points=12),
        # A conflict with P1, which becomes readable with the mended map only.
        a_payment(1, amount="13,00"),
        a_payment(5, kind="balance enquiry"),
    )


def test_fields_that_no_map_uses_are_reported_once(lake: Lake, landing: Path, first_run: Outcome) -> None:
    assert first_run.note == "new fields that no map uses: loyalty_points"
    (row,) = lake.table(UNMAPPED_FIELDS).select("feed", "field", "source").collect()
    assert tuple(row) == ("payments", "loyalty_points", "shop")

    assert run(lake, landing, "day2", a_payment(6, loyalty_points=3)).note == ""
    assert lake.table(UNMAPPED_FIELDS).count() == 1


def test_a_mended_map_frees_what_it_can_and_keeps_the_rest(lake: Lake, landing: Path, first_run: Outcome) -> None:
    assert (first_run.rows_out, first_run.quarantined, first_run.not_selected) == (1, 4, 1)

    assert replay_quarantine(lake, WRONG, TRANSACTIONS.name) == [Replayed(TRANSACTIONS.name, 4, 0, 0, 0)]
    (replayed,) = replay_quarantine(lake, MENDED)

    assert (replayed.records, replayed.accepted, replayed.still_quarantined) == (4, 2, 2)
    assert ids(lake) == ["P1", "P2", "P4", "P6"]
    reasons = {
        row[0]: row[1] for row in lake.table(QUARANTINE).selectExpr("source_ref", "failed_checks.name").collect()
    }
    assert {ref.rsplit("#", 1)[1]: names for ref, names in reasons.items()} == {
        "3": ["channel_one_of"],
        "5": ["conflict"],
    }
    traces = lake.table(REPLAYED_RECORDS).select("outcome", "failed_checks").collect()
    assert [tuple(trace) for trace in traces] == [("accepted", ["amount_convertible"])] * 2
    totals = sums(lake)
    assert (totals["quarantined"], totals["replayed"], totals["in_quarantine"]) == (4, 2, 2)
    assert totals["holds"]

    again = replay_quarantine(lake, MENDED, TRANSACTIONS.name)
    assert again == [Replayed(TRANSACTIONS.name, 2, 0, 0, 0)]
    assert sums(lake)["holds"]


@dataclass(frozen=True)
class Kill:
    """Where a replay dies, and what finishes it: the next one, or the stream when it starts again."""

    module: ModuleType
    step: str
    finished_by: str = "replay"


KILLS = (
    Kill(replay, "_keep_traces"),
    Kill(replay, "_update_reasons"),
    Kill(replay, "finish_replays"),
    Kill(traces, "record_batch"),
    Kill(replay, "_update_reasons", "reset"),
)


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: f"{kill.step}-{kill.finished_by}")
def test_a_replay_that_was_killed_is_finished(
    lake: Lake, landing: Path, first_run: Outcome, monkeypatch: pytest.MonkeyPatch, kill: Kill
) -> None:
    number = 10 + KILLS.index(kill)
    run(lake, landing, f"killed-{number}", a_payment(number, amount="1,00"), a_payment(number, amount="1,00"))
    real = getattr(kill.module, kill.step)
    calls = 0

    def killed(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        # The first call of finish_replays is the look for an earlier replay.
        if calls < (2 if kill.step == "finish_replays" else 1):
            return real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(kill.module, kill.step, killed)
        with pytest.raises(KeyboardInterrupt):
            replay_quarantine(lake, MENDED, TRANSACTIONS.name)
    if kill.finished_by == "reset":
        reset(lake.settings, "silver/transactions")
        refine(lake, MENDED, "transactions")
    else:
        replay_quarantine(lake, MENDED, TRANSACTIONS.name)

    assert ids(lake).count(f"P{number}") == 1
    totals = sums(lake)
    assert totals["holds"], totals
    assert totals["in_quarantine"] == 2


def test_none_is_replayed_while_a_batch_of_the_stream_is_half_done(lake: Lake, first_run: Outcome) -> None:
    offsets = Path(lake.settings.checkpoint("silver", "transactions", "payments"), "offsets")
    begun = offsets / str(1 + max(int(path.name) for path in offsets.glob("[0-9]*")))
    begun.write_text("v1")

    with pytest.raises(CheckpointError, match=r"broken off in the middle of a batch.*`lakehouse run lakehouse`"):
        replay_quarantine(lake, MENDED, TRANSACTIONS.name)

    begun.unlink()


def test_an_unknown_table_is_an_error(lake: Lake, first_run: Outcome) -> None:
    with pytest.raises(ParameterError, match=r"table='silver.transaction': must be one of"):
        replay_quarantine(lake, MENDED, "silver.transaction")


def test_a_lost_checkpoint_doubles_nothing(lake: Lake, landing: Path, first_run: Outcome) -> None:
    existing, records = ids(lake), lake.table("bronze.payments").count()
    shutil.rmtree(Path(lake.settings.checkpoint("bronze", "shop", "payments")))
    shutil.rmtree(Path(lake.settings.checkpoint("silver", "transactions")))

    outcome = run(lake, landing, "after", a_payment(20), source=MENDED)

    assert lake.table("bronze.payments").count() == records + 1
    assert ids(lake) == sorted([*existing, "P20"])
    assert outcome.rows_in == records + 1
    totals = sums(lake)
    assert totals["holds"], totals
    # The replays of before are part of what the new query says.
    assert totals["replayed"] == 0
    assert run(lake, landing, "again", a_payment(21), source=MENDED).rows_in == 1
    assert sums(lake)["holds"]


def test_a_lost_table_is_reported_with_the_command_to_fill_it_again(
    lake: Lake, landing: Path, first_run: Outcome
) -> None:
    existing = ids(lake)
    lake.spark.sql(f"DROP TABLE {lake.full_name(TRANSACTIONS)}")

    for _ in range(2):
        with pytest.raises(
            CheckpointError, match=r"silver.transactions is gone.*`lakehouse reset silver/transactions`"
        ):
            refine(lake, MENDED, "transactions")
    reset(lake.settings, "silver/transactions")
    refine(lake, MENDED, "transactions")

    assert ids(lake) == existing
    assert sums(lake)["holds"]


def test_a_lost_bronze_table_is_filled_again(lake: Lake, landing: Path, first_run: Outcome) -> None:
    existing, records = ids(lake), lake.table("bronze.payments").count()
    lake.spark.sql(f"DROP TABLE {lake.full_name('bronze.payments')}")

    with pytest.raises(CheckpointError, match=r"bronze.payments is gone.*`lakehouse reset bronze/shop/payments`"):
        ingest(lake, MENDED)
    assert [stream.name for stream in reset(lake.settings, "bronze/shop/payments")] == [
        "bronze/shop/payments",
        "silver/transactions/payments",
    ]
    run(lake, landing, "", source=MENDED)

    assert lake.table("bronze.payments").count() == records
    assert ids(lake) == existing
    assert sums(lake)["holds"]


def test_an_older_version_is_noticed_and_filled_again(lake: Lake, landing: Path, first_run: Outcome) -> None:
    existing = ids(lake)
    version = lake.version(TRANSACTIONS)
    run(lake, landing, "newest", a_payment(30), source=MENDED)
    lake.spark.sql(f"RESTORE TABLE {lake.full_name(TRANSACTIONS)} TO VERSION AS OF {version}")

    with pytest.raises(ConservationError, match="accepted"):
        require(check_conservation(lake))
    reset(lake.settings, "silver/transactions")
    refine(lake, MENDED, "transactions")

    assert ids(lake) == sorted([*existing, "P30"])
    assert sums(lake)["holds"]


def test_lost_counts_are_reported_with_the_command_to_count_again(lake: Lake, first_run: Outcome) -> None:
    existing = ids(lake)
    lake.spark.sql(f"DELETE FROM {lake.full_name(BATCHES)}")

    with pytest.raises(ConservationError, match=r"has no row of it.*`lakehouse reset silver/transactions`"):
        require(check_conservation(lake))
    reset(lake.settings, "silver/transactions")
    refine(lake, MENDED, "transactions")

    assert set(ids(lake)) >= set(existing)
    assert sums(lake)["holds"]


def test_a_stream_that_nobody_knows_is_refused(lake: Lake, first_run: Outcome) -> None:
    known = [stream.name for stream in streams(lake.settings)]
    assert known == ["bronze/shop/payments", "silver/transactions/payments"]

    with pytest.raises(
        CheckpointError, match="silver/payments: there is no such stream; there are: bronze/shop/payments"
    ):
        reset(lake.settings, "silver/payments")


def test_every_batch_is_counted_once(lake: Lake, first_run: Outcome) -> None:
    keys = lake.table(BATCHES).groupBy(*BATCHES.key).count()

    assert keys.where("count > 1").isEmpty()
