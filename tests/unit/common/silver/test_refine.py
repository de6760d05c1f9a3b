"""A small world of files through bronze into silver, in several runs over the same lake."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from common.bronze.ingest import ingest
from common.bronze.refusals import refused_files
from common.checks.conservation import accounted, check_conservation
from common.contracts.silver import CUSTOMER, QUARANTINE, TARGETS, TRANSACTIONS
from common.errors import ConservationError, DeclarationError, LakehouseError, SourceError
from common.platform import DATABRICKS
from common.silver.history import check_histories
from common.silver.refine import Outcome, refine
from common.sources.declaration import Source
from common.storage.checkpoints import reset
from common.storage.lake import Lake
from lake_tables import require

pytestmark = pytest.mark.spark

SHOP = Source.model_validate(
    {
        "name": "shop",
        "description": "A small shop.",
        "feeds": {
            "payments": {
                "reader": "files",
                "format": "json_lines",
                "path": "{landing}/payments",
                "into": {
                    "transactions": {
                        "map": {
                            "transaction_id": "id",
                            "event_time": "ts",
                            "customer_id": "customer",
                            "terminal_id": "'T1'",
                            "amount": "amount",
                            "currency": "currency",
                            "country": "country",
                        }
                    },
                    "fraud_reports": {
                        "where": "fraud = 'Y'",
                        "map": {"transaction_id": "id", "is_fraud": "'true'", "reported_at": "ts"},
                    },
                },
            },
            "customers": {
                "reader": "files",
                "format": "csv",
                "path": "{landing}/customers",
                "into": {
                    "customers": {
                        "map": {
                            "customer_id": "id",
                            "full_name": "name",
                            "country": "country",
                            "email": "email",
                            "changed_at": "changed",
                        }
                    }
                },
            },
        },
    }
)


def a_payment(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"P{number}",
        "ts": f"2025-06-01T10:00:{number:02d}Z",
        "customer": "C1",
        "amount": 12.5,
        "currency": "EUR",
        "country": "DE",
    } | changes


def land(landing: Path, name: str, *records: dict[str, Any] | str) -> None:
    path = landing / name
    path.parent.mkdir(exist_ok=True, parents=True)
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("\n".join(lines) + "\n")


def run(lake: Lake) -> dict[str, Outcome]:
    ingest(lake, SHOP)
    return {target: refine(lake, SHOP, target) for target in ("customers", "transactions", "fraud_reports")}


def counts_of(outcome: Outcome) -> tuple[int, int, int, int, int]:
    return (outcome.rows_in, outcome.rows_out, outcome.duplicates, outcome.quarantined, outcome.not_selected)


def rows(lake: Lake, table: str, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in lake.table(table).select(*columns).orderBy(*columns).collect()]


@pytest.fixture(scope="module")
def first_run(lake: Lake, landing: Path) -> dict[str, Outcome]:
    """The first day: good records, every kind of bad ones, an unreadable file, and a file still being written."""
    land(
        landing,
        "customers/day1.csv",
        "id,name,country,email,changed",
        "C1,anna van der BERG,Germany,Anna@Example.org,2025-01-01",
        "C1,Anna Moved,France,anna@example.org,2025-03-01",
        "C2,Bob,DE,not-an-address,2025-01-01",
    )
    land(
        landing,
        "payments/day1.jsonl",
        a_payment(1),
        a_payment(2, customer="C9", fraud="Y", country=" germany "),
        a_payment(2, amount=99, customer="C9"),
        a_payment(3, amount=-1, currency="XXQ"),
        a_payment(4, amount="12,50", ts="yesterday"),
        a_payment(5, id="has space"),
        '{"id": "P6", ',
        a_payment(1),
    )
    (landing / "payments" / "broken.jsonl.gz").write_bytes(b"\x1f\x8bnot gzip")
    land(landing, "payments/day2.jsonl.tmp", a_payment(7))
    land(landing, "payments/_day3.jsonl", a_payment(8))
    return run(lake)


def test_every_record_is_accounted_for(lake: Lake, first_run: dict[str, Outcome]) -> None:
    assert counts_of(first_run["transactions"]) == (9, 2, 1, 6, 0)
    assert counts_of(first_run["fraud_reports"]) == (9, 1, 0, 2, 6)
    assert counts_of(first_run["customers"]) == (3, 2, 0, 1, 0)
    assert all(row["holds"] for row in accounted(lake).collect())
    require(check_conservation(lake))


def test_accepted_rows_are_clean_and_the_first_of_a_key_wins(lake: Lake, first_run: dict[str, Outcome]) -> None:
    columns = ("transaction_id", "amount", "country", "is_known_customer", "channel")

    found = [(i, float(a), c, k, ch) for i, a, c, k, ch in rows(lake, TRANSACTIONS.name, *columns)]

    assert found == [("P1", 12.5, "DE", True, None), ("P2", 12.5, "DE", False, None)]


def test_refused_records_keep_their_payload_and_every_reason(lake: Lake, first_run: dict[str, Outcome]) -> None:
    quarantined = (
        lake.table(QUARANTINE)
        .where(F.col("target") == TRANSACTIONS.name)
        .select(F.split_part("source_ref", F.lit("/"), F.lit(-1)), "failed_checks.name", "payload")
        .collect()
    )

    reasons = {row[0]: set(row[1]) for row in quarantined}
    assert reasons == {
        "day1.jsonl#3": {"conflict"},
        "day1.jsonl#4": {"currency_convertible", "amount_not_negative"},
        "day1.jsonl#5": {"amount_convertible", "event_time_convertible"},
        "day1.jsonl#6": {"transaction_id_format"},
        "day1.jsonl#7": {"well_formed"},
        "broken.jsonl.gz#0": {"readable"},
    }
    payloads = {row[0]: row[2] for row in quarantined}
    assert payloads["day1.jsonl#7"] == '{"id": "P6",'
    assert json.loads(payloads["day1.jsonl#5"])["amount"] == "12,50"
    assert json.loads(payloads["day1.jsonl#3"])["amount"] == 99
    example = lake.table(QUARANTINE).where("source_ref LIKE '%day1.jsonl#5'").select("failed_checks").first()
    assert "amount='12,50' can't be read as decimal(18,2)" in {c["reason"] for c in example[0]}  # type: ignore[index]


def test_an_unreadable_file_is_named_and_the_others_go_on(lake: Lake, first_run: dict[str, Outcome]) -> None:
    refused = refused_files(lake, SHOP)

    assert [path.rsplit("/", 1)[-1] for path in refused["path"]] == ["broken.jsonl.gz"]
    assert "gzip" in refused["read_error"][0]


def test_reference_data_keep_their_versions(lake: Lake, first_run: dict[str, Outcome]) -> None:
    columns = ("customer_id", "full_name", "last_name", "country", "is_current")

    assert rows(lake, CUSTOMER.history.name, *columns) == [
        ("C1", "Anna Moved", "Moved", "FR", True),
        ("C1", "anna van der BERG", "van der BERG", "DE", False),
    ]


def test_later_runs_add_only_what_is_new(lake: Lake, landing: Path, first_run: dict[str, Outcome]) -> None:
    before = {table: lake.version(table) for table in (TRANSACTIONS.name, QUARANTINE.name, CUSTOMER.history.name)}
    nothing = run(lake)

    assert all(outcome.rows_in == 0 for outcome in nothing.values())
    assert {table: lake.version(table) for table in before} == before

    (landing / "payments" / "day2.jsonl.tmp").rename(landing / "payments" / "day2.jsonl")
    land(landing, "payments/resend.jsonl", "  " + json.dumps(a_payment(1)), a_payment(9))
    # A change that comes late is put where it belongs in time.
    land(
        landing,
        "customers/late.csv",
        "changed,id,name,country",
        "2025-02-01,C1,Anna Between,DE",
        "2025-05-01,C2,Bob,DE",
    )
    later = run(lake)

    assert counts_of(later["transactions"]) == (3, 2, 1, 0, 0)
    assert counts_of(later["customers"]) == (2, 2, 0, 0, 0)
    assert [row[0] for row in rows(lake, TRANSACTIONS.name, "transaction_id")] == ["P1", "P2", "P7", "P9"]
    history = lake.table(CUSTOMER.history).where("customer_id = 'C1'").orderBy("valid_from")
    assert [(r["full_name"], r["is_current"]) for r in history.collect()] == [
        ("anna van der BERG", False),
        ("Anna Between", False),
        ("Anna Moved", True),
    ]
    require(check_conservation(lake))


def test_a_record_lost_from_silver_is_found(lake: Lake, first_run: dict[str, Outcome]) -> None:
    kept = lake.version(TRANSACTIONS)
    lake.spark.sql(f"DELETE FROM {lake.full_name(TRANSACTIONS)} WHERE transaction_id = 'P1'")

    with pytest.raises(ConservationError, match=r"payments -> silver.transactions.*accepted \d+ \(target holds \d+\)"):
        require(check_conservation(lake))

    lake.spark.sql(f"RESTORE TABLE {lake.full_name(TRANSACTIONS)} TO VERSION AS OF {kept}")


@pytest.mark.parametrize(
    ("target", "column", "expression"),
    [("customers", "full_name", "upper(name)"), ("transactions", "amount", "concat('-', amount)")],
)
def test_a_reset_stream_whose_map_makes_others_of_the_existing_rows_writes_nothing(
    lake: Lake, first_run: dict[str, Outcome], target: str, column: str, expression: str
) -> None:
    table = TARGETS[target]
    feeds = json.loads(SHOP.model_dump_json())
    feed = "customers" if target == "customers" else "payments"
    feeds["feeds"][feed]["into"][target]["map"][column] = expression
    kept = rows(lake, table.name, *table.column_names)

    reset(lake.settings, f"silver/{target}")
    with pytest.raises(
        LakehouseError,
        match=rf"are read again.*DROP TABLE {lake.full_name(table)}.*`lakehouse reset silver/{target}`",
    ):
        refine(lake, Source.model_validate(feeds), target)
    refine(lake, SHOP, target)

    assert rows(lake, table.name, *table.column_names) == kept
    require(check_conservation(lake) + check_histories(lake))


def test_a_history_that_was_restored_is_noticed_and_derived_again(lake: Lake, first_run: dict[str, Outcome]) -> None:
    kept = rows(lake, CUSTOMER.history.name, *CUSTOMER.history.column_names)
    lake.spark.sql(f"RESTORE TABLE {lake.full_name(CUSTOMER.history)} TO VERSION AS OF 1")

    with pytest.raises(ConservationError, match=r"customer_changes -> silver.customers.*`lakehouse reset silver/cust"):
        require(check_histories(lake))
    reset(lake.settings, "silver/customers")
    refine(lake, SHOP, "customers")

    require(check_histories(lake))
    assert rows(lake, CUSTOMER.history.name, *CUSTOMER.history.column_names) == kept


def on_databricks(lake: Lake) -> Lake:
    """The same tables, with the words of a deployment."""
    landing = lake.settings.landing
    return Lake(lake.spark, replace(lake.settings, platform=DATABRICKS, landing_folder=landing))


def test_a_workspace_holds_one_world(lake: Lake, first_run: dict[str, Outcome]) -> None:
    other = SHOP.model_copy(update={"name": "bank"})

    with pytest.raises(SourceError, match=r"has data of the source 'shop'.*LAKEHOUSE_HOME="):
        ingest(lake, other)
    ops = lake.settings.table("ops")
    with pytest.raises(SourceError, match=rf"this deployment \({ops}\) has data of the source 'shop'.*another target"):
        ingest(on_databricks(lake), other)


def test_a_misspelt_field_is_reported_before_everything_is_quarantined(
    lake: Lake, first_run: dict[str, Outcome]
) -> None:
    feeds = json.loads(SHOP.model_dump_json())
    feeds["feeds"]["payments"]["into"]["transactions"]["map"]["amount"] = "AMT"

    with pytest.raises(
        DeclarationError, match=r"transactions.map.amount: no column 'AMT' in the records of bronze.payments"
    ):
        refine(lake, Source.model_validate(feeds), "transactions")


def test_a_missing_folder_is_reported_with_the_way_out(lake: Lake, first_run: dict[str, Outcome]) -> None:
    feeds = json.loads(SHOP.model_dump_json())
    feeds["feeds"]["payments"]["path"] = "{landing}/nowhere"

    with pytest.raises(DeclarationError, match=r"feeds.payments.path: there is no folder .*/nowhere; create it"):
        ingest(lake, Source.model_validate(feeds))
    with pytest.raises(DeclarationError, match=r"no folder .*/nowhere; `databricks fs mkdir dbfs:/.*/nowhere`"):
        ingest(on_databricks(lake), Source.model_validate(feeds))
