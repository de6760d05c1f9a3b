"""A withdrawal of all that a feed gave, killed at each of its steps, ends as one that was left alone.

Files in UTF-8 were declared as cp1252, so that their records were accepted with other names.
"""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from common.bronze.ingest import ingest
from common.checks.conservation import check_conservation
from common.contracts.gold import TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.contracts.ops import REPLAYED_RECORDS
from common.contracts.silver import CUSTOMER, FRAUD_REPORTS, QUARANTINE, TRANSACTIONS
from common.contracts.star import DIMENSIONS, FACT_FRAUD_REPORT, FACT_TRANSACTION
from common.gold.star_schema import build_star_schema
from common.gold.transaction_features import build_features
from common.rereading import steps
from common.rereading.withdraw import withdraw
from common.silver.history import check_histories
from common.silver.refine import refine
from common.silver.replay import replay_quarantine
from common.sources.declaration import Source
from common.storage.lake import Lake
from lake_tables import require

pytestmark = pytest.mark.spark

CSV_OPTIONS = {"reader": "files", "format": "csv"}


def a_source(encoding: str, amount: str = "amount") -> Source:
    people = {"customer_id": "id", "full_name": "name", "changed_at": "changed"}
    payments = {"transaction_id": "id", "event_time": "ts", "customer_id": "payer", "amount": amount}
    reports = {"transaction_id": "id", "is_fraud": "'true'", "reported_at": "ts"}
    into = {"transactions": {"map": payments}, "fraud_reports": {"where": "fraud = 'Y'", "map": reports}}
    feeds = {
        "people": {"path": "{landing}/people", "into": {"customers": {"map": people}}},
        "payments": {"path": "{landing}/payments", "into": into},
    }
    options = CSV_OPTIONS | {"encoding": encoding}
    declared = {name: feed | options for name, feed in feeds.items()}
    return Source.model_validate({"name": "shop", "description": "A shop.", "feeds": declared})


WRONG, MENDED = a_source("cp1252"), a_source("utf-8")

PEOPLE = "id,name,changed\nC1,José,2025-01-01\nC1,José García,2025-03-01\nCú,Zoë,2025-01-01\n"
PAYMENTS = (
    "id,ts,payer,amount,fraud,note\nP1,2025-06-01T10:00:00Z,C1,10.00,,\nPú,2025-06-02T10:00:00Z,Cú,20.00,Y,\n"
    'P3,2025-06-03T10:00:00Z,C1,none,,\nP4,2025-06-04T10:00:00Z,C1,"7,50",,\n'
)
GONE = "id,ts,payer,amount,fraud,note\nP0,2025-05-01T10:00:00Z,C1,10.00,,\n"


def land(landing: Path, name: str, text: str) -> Path:
    file = landing / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def run(lake: Lake, source: Source, reread: str = "") -> None:
    withdraw(lake, source, reread)
    ingest(lake, source)
    for target in ("customers", "transactions", "fraud_reports"):
        refine(lake, source, target)
    build_star_schema(lake)
    build_features(lake)
    score(lake)


def score(lake: Lake) -> None:
    """A decision on each transaction that has none, with the amount that the scorer saw."""
    lake.ensure(TRANSACTION_SCORES)
    scored = lake.table(TRANSACTION_SCORES).select("transaction_id")
    new = lake.table(TRANSACTIONS).join(scored, "transaction_id", "left_anti")
    known = {"score": F.lit(0.1), "customer_id": F.col("customer_id"), "scored_at": F.current_timestamp()}
    columns = [
        (known.get(c.name) if c.name in known else F.col(c.name) if c.name in new.columns else F.lit(None))
        .cast(c.type)
        .alias(c.name)
        for c in TRANSACTION_SCORES.columns
    ]
    lake.append(new.select(*columns), TRANSACTION_SCORES)


def table(lake: Lake, name: str, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(map(str, row)) for row in lake.table(name).select(*columns).collect())


def what_there_is(lake: Lake) -> dict[str, Any]:
    return {
        "bronze": table(lake, "bronze.payments", "record_id", "payload", "read_as"),
        "customers": table(lake, CUSTOMER.history.name, "customer_id", "full_name", "valid_from", "is_current"),
        "transactions": table(lake, TRANSACTIONS.name, "transaction_id", "customer_id", "amount"),
        "reports": table(lake, FRAUD_REPORTS.name, "transaction_id"),
        "quarantine": table(lake, QUARANTINE.name, "target", "record_id"),
        "replayed": table(lake, REPLAYED_RECORDS.name, "target", "record_id"),
        "features": table(lake, TRANSACTION_FEATURES.name, "transaction_id", "customer_tx_count_30d"),
        "facts": table(lake, FACT_TRANSACTION.name, "transaction_id"),
        "facts of reports": table(lake, FACT_FRAUD_REPORT.name, "transaction_id"),
        "dimension": table(lake, DIMENSIONS["customer"].name, "customer_id", "valid_from"),
        "scores": table(lake, TRANSACTION_SCORES.name, "transaction_id", "customer_id"),
    }


@pytest.fixture(scope="module")
def read_wrongly(lake: Lake, landing: Path) -> Lake:
    """A world by the wrong encoding, with a record that was replayed, and a file that is gone."""
    land(landing, "people/day1.csv", PEOPLE)
    land(landing, "payments/day1.csv", PAYMENTS)
    gone = land(landing, "payments/gone.csv", GONE)
    run(lake, WRONG)
    replay_quarantine(lake, a_source("cp1252", "replace(amount, ',', '.')"))
    gone.unlink()
    return lake


class Killed(Exception):
    pass


def killed_before(feed: str, number: int) -> tuple[steps.WithdrawalStep, ...]:
    def kill(lake: Lake, work: steps.Withdrawal) -> None:
        if work.at.name == feed:
            raise Killed

    return (*steps.STEPS[:number], kill, *steps.STEPS[number:])


def test_wherever_a_withdrawal_is_killed_the_next_run_ends_it(
    read_wrongly: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = read_wrongly
    before = what_there_is(lake)
    assert ("PÃº", "CÃº", "20.00") in before["transactions"]
    decided = table(lake, TRANSACTION_SCORES.name, "transaction_id", "scored_at")

    # Of people, where a history has lost its changes, and where it is derived again.
    kills = [("people", 2), ("people", 5), *(("payments", number) for number in range(len(steps.STEPS) + 1))]
    for feed, number in kills:
        monkeypatch.setattr(steps, "STEPS", killed_before(feed, number))
        with pytest.raises(Killed):
            withdraw(lake, MENDED, "payments,people" if (feed, number) == kills[0] else "")
        monkeypatch.undo()
    run(lake, MENDED)

    after = what_there_is(lake)
    assert [row[0] for row in after["transactions"]] == ["P0", "P1", "Pú"]
    assert [row[1] for row in after["customers"]] == ["José", "José García", "Zoë"]
    assert "Ã" not in str(after)
    assert [row[0] for row in after["reports"]] == ["Pú"]
    assert [name for name in ("features", "facts", "scores") if [r[0] for r in after[name]] != ["P0", "P1", "Pú"]] == []
    assert not after["replayed"]
    # The decision on the payment whose file is gone stays as it was made; the others were made again.
    now = table(lake, TRANSACTION_SCORES.name, "transaction_id", "scored_at")
    assert {row for row in now if row in decided} == {row for row in decided if row[0] == "P0"}
    require(check_conservation(lake) + check_histories(lake))
    assert not list(Path(lake.settings.checkpoint("bronze", "shop")).glob("*.rereading"))

    versions = {name: lake.version(name) for name in (TRANSACTIONS.name, "bronze.payments", FACT_TRANSACTION.name)}
    withdraw(lake, MENDED, "all")
    ingest(lake, MENDED)
    assert what_there_is(lake) == after
    assert {name: lake.version(name) for name in versions} == versions
