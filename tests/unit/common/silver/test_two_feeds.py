"""Two feeds into one table: yesterday's files, and what comes as it happens. A key that both have is one row."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from common.bronze.ingest import ingest
from common.checks.conservation import accounted
from common.contracts.ops import BATCHES
from common.contracts.silver import TRANSACTIONS
from common.silver.refine import Outcome, refine
from common.silver.replay import replay_quarantine
from common.sources.declaration import Source
from common.storage.checkpoints import reset, streams
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

MAP = {"transaction_id": "id", "event_time": "ts", "amount": "amount"}
FEED = {"reader": "files", "format": "json_lines", "into": {"transactions": {"map": MAP}}}
BANK = Source.model_validate(
    {
        "name": "bank",
        "description": "A bank with an archive and a live feed.",
        "feeds": {
            "archive": {**FEED, "path": "{landing}/archive"},
            "live": {**FEED, "path": "{landing}/live"},
        },
    }
)
FEWER = BANK.model_copy(update={"feeds": {"archive": BANK.feeds["archive"]}})


def payment(number: int, amount: Any = "1.00") -> dict[str, Any]:
    return {"id": f"P{number}", "ts": "2025-06-01T10:00:00Z", "amount": amount}


def run(lake: Lake, landing: Path, source: Source = BANK, **files: list[dict[str, Any]]) -> Outcome:
    for feed in ("archive", "live"):
        (landing / feed).mkdir(exist_ok=True)
    for name, records in files.items():
        feed, _, number = name.partition("_")
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (landing / feed / f"{number}.jsonl").write_text(lines)
    ingest(lake, source)
    return refine(lake, source, "transactions")


def flows(lake: Lake) -> dict[str, tuple[int, int, int, int]]:
    rows = accounted(lake).collect()
    assert all(row["holds"] for row in rows), rows
    return {r["feed"]: (r["records_read"], r["accepted"], r["duplicates"], r["quarantined"]) for r in rows}


def ids(lake: Lake) -> list[str]:
    return [row[0] for row in lake.table(TRANSACTIONS).select("transaction_id").orderBy("transaction_id").collect()]


def test_a_key_that_two_feeds_have_is_one_row_and_each_feed_is_accounted_for(lake: Lake, landing: Path) -> None:
    both = [payment(number) for number in range(20, 40)]
    outcome = run(
        lake,
        landing,
        archive_1=[payment(number) for number in range(30)],
        live_1=[*both, payment(50, "much"), payment(10, "9.99")],
    )

    assert outcome.rows_in == 52
    assert (outcome.rows_out, outcome.quarantined) == (40, 2)
    assert ids(lake) == sorted(f"P{number}" for number in range(40))
    counts = flows(lake)
    assert sum(accepted for _, accepted, _, _ in counts.values()) == 40
    assert counts["archive"][0] == 30
    assert counts["live"][0] == 22
    assert sum(duplicates for *_, duplicates, _ in counts.values()) == 10


def test_a_second_run_reads_nothing(lake: Lake, landing: Path) -> None:
    before = flows(lake)

    assert run(lake, landing).rows_in == 0
    assert flows(lake) == before


def test_a_replay_takes_each_feeds_own_records(lake: Lake) -> None:
    done = {(replayed.target, replayed.records) for replayed in replay_quarantine(lake, BANK, TRANSACTIONS.name)}

    assert done == {(TRANSACTIONS.name, 0), (TRANSACTIONS.name, 2)}
    flows(lake)


@pytest.mark.parametrize("name", ["silver/transactions/archive", "silver/transactions", "bronze/bank/live"])
def test_a_feed_that_is_read_again_adds_nothing(lake: Lake, landing: Path, name: str) -> None:
    before = ids(lake)
    reset(lake.settings, name)

    run(lake, landing, live_2=[payment(60)])

    assert ids(lake) == sorted({*before, "P60"})
    flows(lake)


def test_an_earlier_releases_checkpoint_goes_on_as_its_feeds(lake: Lake, landing: Path) -> None:
    """Before targets had several feeds, a target's checkpoint was silver/TARGET itself."""
    folder = Path(lake.settings.checkpoint("silver", "transactions"))
    (folder / "archive").rename(folder.with_name("kept"))
    for other in folder.glob("*"):
        other.rename(folder.with_name(f"live.{other.name}"))
    folder.rmdir()
    folder.with_name("kept").rename(folder)

    outcome = run(lake, landing, FEWER, archive_2=[payment(70)])

    assert outcome.rows_in == 1
    assert "silver/transactions/archive" in [stream.name for stream in streams(lake.settings)]
    queries = lake.table(BATCHES).where(F.col("feed") == "archive").where("kind = 'stream'")
    newest = queries.orderBy(F.desc("committed_at")).first()
    assert newest is not None
    assert newest["records_read"] == 1
