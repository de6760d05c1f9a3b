"""A person erased through the real flow: files, bronze, silver, gold. Then every file is searched."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from common.bronze.ingest import ingest
from common.checks.conservation import accounted, check_conservation
from common.contracts.gold import TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.contracts.ops import BATCHES
from common.contracts.silver import ACCOUNT, CUSTOMER, FRAUD_REPORTS, QUARANTINE, TRANSACTIONS
from common.contracts.star import DIMENSIONS, FACT_FRAUD_REPORT, FACT_TRANSACTION
from common.contracts.verdicts import ALERT_VERDICTS
from common.errors import CheckpointError, ConservationError, ParameterError
from common.gold.dimensions import dimension_rows
from common.gold.fact_transaction import FROM_SILVER, transaction_facts
from common.gold.star_schema import STAR, build_star_schema
from common.gold.transaction_features import build_features
from common.privacy import erase as steps
from common.privacy.erase import Erased
from common.privacy.expire import expire_unparsed
from common.privacy.forget import forget_customer
from common.silver.alert_verdicts import Verdict, record_verdict
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.checkpoints import reset
from common.storage.erasure import open_plans
from common.storage.lake import Lake
from lake_tables import require

pytestmark = pytest.mark.spark

BANK = Source.model_validate(
    {
        "name": "bank",
        "description": "A small bank.",
        "feeds": {
            "people": {
                "reader": "files",
                "format": "json_lines",
                "path": "{landing}/people",
                "into": {
                    "customers": {
                        "map": {
                            "customer_id": "id",
                            "full_name": "name",
                            "email": "email",
                            "birth_date": "born",
                            "changed_at": "changed",
                        }
                    }
                },
            },
            "cards": {
                "reader": "files",
                "format": "json_lines",
                "path": "{landing}/cards",
                "into": {"accounts": {"map": {"account_id": "id", "customer_id": "owner", "changed_at": "changed"}}},
            },
            "payments": {
                "reader": "files",
                "format": "json_lines",
                "path": "{landing}/payments",
                "into": {
                    "transactions": {
                        "map": {
                            "transaction_id": "id",
                            "event_time": "ts",
                            "customer_id": "payer",
                            "account_id": "card",
                            "terminal_id": "'T1'",
                            "amount": "amount",
                            "currency": "'EUR'",
                        }
                    },
                    "fraud_reports": {
                        "where": "fraud = 'Y'",
                        "map": {"transaction_id": "id", "is_fraud": "'true'", "reported_at": "ts"},
                    },
                },
            },
        },
    }
)
PEOPLE = ("C1", "C2", "C4")
TABLES = (CUSTOMER.changes, CUSTOMER.history, ACCOUNT.changes, ACCOUNT.history, TRANSACTIONS, FRAUD_REPORTS, QUARANTINE)
BRONZE = ("bronze.people", "bronze.cards", "bronze.payments")
HOLDING = (
    *BRONZE,
    *(table.name for table in TABLES),
    ALERT_VERDICTS.name,
    TRANSACTION_FEATURES.name,
    TRANSACTION_SCORES.name,
    *(table.name for table in STAR),
)


def name_of(person: str) -> str:
    return f"Zyxwina {person}quellbrunn"


def born(person: str) -> str:
    return f"193{person[1]}-03-09"


def land(landing: Path, name: str, *records: dict[str, Any] | str) -> None:
    path = landing / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))


def a_person(person: str, **changes: Any) -> dict[str, Any]:
    email = f"{person}quellbrunn@example.org"
    return {
        "id": person,
        "name": name_of(person),
        "email": email,
        "born": born(person),
        "changed": "2025-01-01",
    } | changes


def a_payment(person: str, number: int, **changes: Any) -> dict[str, Any]:
    payment = {"id": f"{person}-P{number}", "ts": f"2025-06-0{number}T10:00:00Z", "payer": person, "amount": 12.5}
    return payment | {"card": f"{person}-A", "fraud": "N"} | changes


def a_life(person: str) -> list[dict[str, Any]]:
    return [
        a_payment(person, 1),
        a_payment(person, 1),
        a_payment(person, 2, fraud="Y"),
        a_payment(person, 3, amount=-1),
        a_payment(person, 4, payer=f" {person} "),
    ]


def run(lake: Lake) -> None:
    ingest(lake, BANK)
    for target in ("customers", "accounts", "transactions", "fraud_reports"):
        refine(lake, BANK, target)
    build_features(lake)
    score(lake)


def score(lake: Lake) -> None:
    """Scores what is new as a champion with a challenger beside it does."""
    lake.ensure(TRANSACTION_SCORES)
    given = {"score": 0.7, "threshold": 0.5, "model_version": "1", "challenger_version": "2", "challenger_score": 0.2}
    judged = {"decision": "fraud", "is_backfill": False}
    payments = lake.table(TRANSACTIONS).withColumns({name: F.lit(value) for name, value in (given | judged).items()})
    columns = (F.col(c.name) if c.name in payments.columns else F.lit(None) for c in TRANSACTION_SCORES.columns)
    typed = (of.cast(c.type).alias(c.name) for of, c in zip(columns, TRANSACTION_SCORES.columns, strict=True))
    lake.insert_new(payments.select(*typed), TRANSACTION_SCORES)


@pytest.fixture(scope="module")
def world(lake: Lake, landing: Path) -> Lake:
    """Three people with versions, an account, payments of every verdict; an account that changed hands; garbage."""
    married = [a_person(p, name=f"{name_of(p)}-Married", changed="2025-02-01") for p in PEOPLE]
    people = [a_person(p) for p in PEOPLE] + married
    quarantined = [a_person(p, email=f"{p}quellbrunn-at-home", changed="2025-03-01") for p in PEOPLE]
    land(landing, "people/1.jsonl", *people, *quarantined)
    cards = [{"id": f"{p}-A", "owner": p, "changed": "2025-01-01"} for p in PEOPLE]
    handed_on = [{"id": "X-A", "owner": p, "changed": f"2025-0{n}-01"} for n, p in ((1, "C1"), (2, "C4"), (3, "C1"))]
    land(landing, "cards/1.jsonl", *cards, *handed_on)
    # The last three: a payment of C4 that C1 claims too; with the card that changed hands, one without a payer, and a
    # fraud that C4 paid when it was C1's again.
    claimed = [
        a_payment("C4", 1, payer="C1"),
        a_payment("X", 5, payer=None, card="X-A"),
        a_payment("C4", 6, card="X-A", fraud="Y"),
    ]
    # Quarantined, and yet C4 can be found in it.
    claimed.append(a_payment("C4", 8, id="has space"))
    land(landing, "payments/1.jsonl", *(r for p in PEOPLE for r in a_life(p)), *claimed, '{"id": "garb')
    run(lake)
    for person in PEOPLE:
        record_verdict(lake, Verdict(f"{person}-P1", "fraud", "anna", f"{name_of(person)} was at home"))
    build_features(lake)  # a stream that has yet to read a table would hold up an erasure
    assert holds(lake)
    for table in (BRONZE[0], CUSTOMER.changes.name):
        # Databricks' default: deleted rows are marked, and stay in their files until those are rewritten.
        lake.spark.sql(f"ALTER TABLE {lake.full_name(table)} SET TBLPROPERTIES ('delta.enableDeletionVectors' = true)")
    return lake


def holds(lake: Lake) -> bool:
    rows = accounted(lake).collect()
    assert {row["target"] for row in rows} == {
        t.name for t in (CUSTOMER.changes, ACCOUNT.changes, TRANSACTIONS, FRAUD_REPORTS)
    }
    return all(row["holds"] for row in rows)


def texts_of_files(lake: Lake) -> Iterator[tuple[Path, str]]:
    """Every file of the tables and below checkpoints: Parquet decoded, everything else as it is."""
    located = [lake.spark.sql(f"DESCRIBE DETAIL {lake.full_name(t)}").collect()[0]["location"] for t in HOLDING]
    folders = {Path(location.removeprefix("file:")) for location in located} | {lake.settings.home / "checkpoints"}
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        is_table = path.suffix == ".parquet"
        yield path, str(pq.read_table(path).to_pylist()) if is_table else path.read_bytes().decode("latin-1")


def traces_of(lake: Lake, person: str) -> list[tuple[str, str]]:
    """Where something of a person is left: their name in any form, birth date, or an id in a data file."""
    name = f"{person}quellbrunn"
    direct = (name, name.lower(), born(person), f"193{person[1]}, 3, 9")
    ids = (f"'{person}'", f"'{person}-", f'"{person}"', f'"{person}-')
    found = []
    for path, text in texts_of_files(lake):
        in_log = "_delta_log" in path.parts
        found += [(path.name, word) for word in direct + (() if in_log else ids) if word in text]
    return found


def rows_of_others(lake: Lake, *erased: str) -> dict[str, list[str]]:
    """All rows but those that name one of the erased."""
    texts = {table: [str(row.asDict()) for row in lake.table(table).collect()] for table in HOLDING}
    marks = [mark for person in erased for mark in (f"'{person}'", f"'{person}-", f'"{person}"', f'" {person} "')]
    return {table: sorted(row for row in rows if not any(m in row for m in marks)) for table, rows in texts.items()}


class Killed(BaseException):
    """The process dies here."""


def killed_at(monkeypatch: pytest.MonkeyPatch, step: str, call: int = 1) -> Callable[[], None]:
    """Lets the process die before the given call of a step; call what is returned to let it live again."""
    kept, calls = getattr(steps, step), []

    def dying(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return kept(*arguments, **named)

    monkeypatch.setattr(steps, step, dying)
    return lambda: monkeypatch.setattr(steps, step, kept)


def erased_counts(lake: Lake, erasure_id: str) -> dict[str, tuple[int, ...]]:
    names = ("records_read", "accepted", "duplicates", "quarantined", "not_selected")
    rows = lake.table(BATCHES).where(f"kind = 'erasure' AND query_id = '{erasure_id}'").collect()
    assert len({row["target"] for row in rows}) == len(rows)
    return {row["target"]: tuple(row[name] for name in names) for row in rows}


@pytest.mark.parametrize("customer_id", ["", "  "])
def test_nobody_is_erased_without_an_id(world: Lake, customer_id: str) -> None:
    before = world.version(BATCHES)

    with pytest.raises(ParameterError, match=r"customer_id='.*'"):
        forget_customer(world, BANK, customer_id)

    assert world.version(BATCHES) == before
    assert not open_plans(world.settings)


def test_an_erasure_killed_twice_is_ended_by_the_next_run_and_counted_once(
    world: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "vacuum_at_once", lambda *_: None)
    # Among the tables, then between the counts and the end.
    for step, call in (("erase", 4), ("remove_staged", 1)):
        revive = killed_at(monkeypatch, step, call)
        with pytest.raises(Killed):
            forget_customer(world, BANK, "C2")
        revive()
        assert [plan.customer_id for plan in open_plans(world.settings)] == ["C2"]
        with pytest.raises(CheckpointError, match="an erasure was broken off"):
            reset(world.settings, "silver/transactions")

    done = forget_customer(world, BANK, "C2")

    assert len(done) == 1
    assert not open_plans(world.settings)
    assert holds(world)
    assert erased_counts(world, done[0].erasure_id)[TRANSACTIONS.name] == (5, 3, 1, 1, 0)


@pytest.fixture(scope="module")
def forgotten(world: Lake) -> tuple[dict[str, list[str]], Erased]:
    build_star_schema(world)
    others = rows_of_others(world, "C1")
    (done,) = forget_customer(world, BANK, "C1")
    return others, done


def test_the_others_keep_their_rows(world: Lake, forgotten: tuple[dict[str, list[str]], Erased]) -> None:
    others, _ = forgotten
    after = rows_of_others(world, "C1")
    # Of the account that changed hands, versions are derived again; what names them is looked at in the next test.
    versioned = {ACCOUNT.history.name, *(table.name for table in STAR)}
    for table in others:
        if table not in versioned:
            assert after[table] == others[table], table


def test_an_account_that_changed_hands_is_the_others_from_then_on(
    world: Lake, forgotten: tuple[dict[str, list[str]], Erased]
) -> None:
    left = [row.asDict() for row in world.table(ACCOUNT.history).where("account_id = 'X-A'").collect()]
    assert [(row["customer_id"], str(row["valid_from"]), row["valid_to"]) for row in left] == [
        ("C4", "2025-02-01 00:00:00", None)
    ]
    dimension = dimension_rows(world.table(ACCOUNT.history), ACCOUNT)
    existing = world.table(DIMENSIONS["account"]).where("account_key <> -1")
    assert sorted(existing.collect()) == sorted(dimension.collect())
    (key,) = (row[0] for row in dimension.where("account_id = 'X-A'").select("account_key").collect())
    facts = world.table(FACT_TRANSACTION)
    again = transaction_facts(world, world.table(TRANSACTIONS).select(*FROM_SILVER))
    assert sorted(map(str, facts.collect())) == sorted(map(str, again.collect()))
    for table in (facts, world.table(FACT_FRAUD_REPORT)):
        assert [row[0] for row in table.where("transaction_id = 'C4-P6'").select("account_key").collect()] == [key]


def test_nothing_of_the_person_is_left_in_any_file(world: Lake, forgotten: tuple[dict[str, list[str]], Erased]) -> None:
    assert traces_of(world, "C1") == []
    # C2 was erased without a VACUUM of its own: this one took those files too.
    assert traces_of(world, "C2") == []
    assert traces_of(world, "C4") != []


def test_what_was_decided_on_others_stays(world: Lake, forgotten: tuple[dict[str, list[str]], Erased]) -> None:
    left = [(row["transaction_id"], row["note"]) for row in world.table(ALERT_VERDICTS).collect()]
    assert left == [("C4-P1", f"{name_of('C4')} was at home")]


def test_a_fact_that_is_missing_is_reported(world: Lake, forgotten: tuple[dict[str, list[str]], Erased]) -> None:
    require(check_conservation(world))
    kept = world.version(FACT_TRANSACTION)
    world.spark.sql(f"DELETE FROM {world.full_name(FACT_TRANSACTION)} WHERE transaction_id = 'C4-P6'")

    with pytest.raises(ConservationError, match=r"silver.transactions -> gold.fact_transaction: completeness"):
        require(check_conservation(world))

    world.spark.sql(f"RESTORE TABLE {world.full_name(FACT_TRANSACTION)} TO VERSION AS OF {kept}")


def test_what_was_erased_is_a_term_of_the_counts(world: Lake, forgotten: tuple[dict[str, list[str]], Erased]) -> None:
    _, done = forgotten

    # Read, accepted, duplicates, quarantined, not selected.
    counts = erased_counts(world, done.erasure_id)
    assert counts[CUSTOMER.changes.name] == (3, 2, 0, 1, 0)
    assert counts[ACCOUNT.changes.name] == (3, 3, 0, 0, 0)
    assert counts[TRANSACTIONS.name] == (6, 3, 1, 2, 0)
    assert counts[FRAUD_REPORTS.name] == (6, 1, 0, 0, 5)
    assert done.records == 12
    assert [(Path(path).parent.name, records) for path, records in done.files] == [
        ("people", 3),
        ("cards", 3),
        ("payments", 6),
    ]
    assert holds(world)


def test_erased_twice_is_an_error_that_changes_nothing(
    world: Lake, forgotten: tuple[dict[str, list[str]], Erased]
) -> None:
    before = world.version(BATCHES)

    with pytest.raises(ParameterError, match="erased already"):
        forget_customer(world, BANK, "C1")

    assert world.version(BATCHES) == before


def test_the_flow_goes_on_after_an_erasure_and_none_is_begun_before_it_has_read_all(
    world: Lake, landing: Path, forgotten: tuple[dict[str, list[str]], Erased]
) -> None:
    features = world.table(TRANSACTION_FEATURES).count()
    land(landing, "payments/3.jsonl", a_payment("C4", 7), a_payment("C4", 1))
    ingest(world, BANK)

    with pytest.raises(CheckpointError, match=r"payments holds rows that silver/fraud_reports/payments, silver/trans"):
        forget_customer(world, BANK, "C4")

    run(world)
    assert holds(world)
    assert world.table(TRANSACTION_FEATURES).count() == features + 1 == world.table(TRANSACTIONS).count()


def test_what_nobody_can_be_found_in_expires_and_is_counted(
    world: Lake, forgotten: tuple[dict[str, list[str]], Erased]
) -> None:
    assert expire_unparsed(world, BANK, days=1) == []

    (done,) = expire_unparsed(world, BANK, days=-1)

    # The half record, and the payment without a payer.
    counts = erased_counts(world, done.erasure_id)
    assert counts == {TRANSACTIONS.name: (2, 0, 0, 2, 0), FRAUD_REPORTS.name: (2, 0, 0, 1, 1)}
    assert world.table("bronze.payments").where("payload LIKE '%garb%'").isEmpty()
    assert world.table("bronze.payments").where("payload LIKE '%has space%'").count() == 1
    assert holds(world)
