"""Tables broken on purpose: every kind of finding appears, with its numbers, and a good lake has none."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from quality_builders import (
    FACTS,
    FIRST_DAY,
    LAST_DAY,
    PAYMENTS,
    PER_DAY,
    TABLES,
    a_fact,
    a_payment,
    a_report,
    add,
    an_account,
    at,
    fill,
)

from common.checks.expectations import check_expectations
from common.checks.findings import Finding, record
from common.checks.promises import promises
from common.checks.tables import built_tables, check_tables
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import ACCOUNT, CUSTOMER, FRAUD_REPORTS, REFERENCES, TRANSACTIONS
from common.contracts.table import Table
from common.errors import QualityError
from common.storage.lake import Lake
from lake_tables import require

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def good(lake: Lake) -> Lake:
    fill(lake)
    return lake


@contextmanager
def restored(lake: Lake, *tables: Table) -> Iterator[None]:
    """The tables are as they were once the block is done."""
    versions = {table: lake.version(table) for table in tables}
    yield
    for table, version in versions.items():
        lake.spark.sql(f"RESTORE TABLE {lake.full_name(table)} TO VERSION AS OF {version}")


def broken(findings: Sequence[Finding]) -> dict[tuple[str, str], int]:
    """How many rows break each check that doesn't hold."""
    return {(f.subject, f.check_name): int(f.details.split()[0].replace(",", "")) for f in findings if not f.passed}


def named(findings: Sequence[Finding]) -> dict[tuple[str, str], Finding]:
    return {(f.subject, f.check_name): f for f in findings if not f.passed}


def test_a_good_lake_keeps_every_promise(good: Lake) -> None:
    findings = check_tables(good, TABLES, days=0) + check_expectations(good, TABLES)

    assert not named(findings)
    require(findings)
    record(good, findings)
    promised = {(table.name, name) for table in TABLES for name in promises(table)}
    names = {(finding.subject, finding.check_name) for finding in findings}
    assert promised <= names
    assert (FACTS.name, "transaction_id_in_transactions") in promised
    assert {f.check_name for f in findings if f.subject == TRANSACTIONS.name} >= {"freshness", "volume", "columns"}
    assert not any("currency_required" in name for _, name in names), "a source needn't map it"
    unique = next(f for f in findings if (f.subject, f.check_name) == (TRANSACTIONS.name, "unique"))
    assert unique.details == f"0 of {PAYMENTS} rows break the rule: one row for each transaction_id"
    recorded = good.table(QUALITY_RESULTS).select("subject", "check_name", "severity", "passed", "details").collect()
    assert {Finding(r[0], r[1], r[3], r[4], r[2]) for r in recorded} == set(findings)


def test_every_kind_of_breakage_is_found_with_its_numbers(good: Lake) -> None:
    with restored(good, TRANSACTIONS, FACTS, ACCOUNT.history, ACCOUNT.changes):
        add(
            good,
            TRANSACTIONS,
            a_payment(f"P1-{LAST_DAY}"),
            a_payment(f"P1-{LAST_DAY}"),
            a_payment(f"P2-{FIRST_DAY}", LAST_DAY),
            a_payment(f"P2-{FIRST_DAY}", LAST_DAY),
            a_payment("Q1", amount=None),
            a_payment("Q2", amount=Decimal("-1.00"), channel="carrier_pigeon"),
            a_payment("has space"),
            a_payment(None),  # type: ignore[arg-type]
            a_payment("Q3", event_time=at(FIRST_DAY.replace(year=1889))),
        )
        add(
            good,
            FACTS,
            a_fact("Q1", decision="perhaps"),
            a_fact("Q2", decision=None),
            a_fact("Q9", customer_id="C9"),
            a_fact("Q8", customer_id="C9"),
            a_fact("Q7", customer_id=None),
        )
        add(good, ACCOUNT.history, an_account("A3", customer_id="C9"))
        add(good, ACCOUNT.changes, an_account("A0", changed_at=at(FIRST_DAY, 10)))

        findings = check_tables(good, TABLES, days=0)

    assert broken(findings) == {
        (TRANSACTIONS.name, "unique"): 3,
        (TRANSACTIONS.name, "unique_across_dates"): 1,
        (TRANSACTIONS.name, "transaction_id_required"): 1,
        (TRANSACTIONS.name, "transaction_id_format"): 1,
        (TRANSACTIONS.name, "amount_required"): 1,
        (TRANSACTIONS.name, "amount_not_negative"): 1,
        (TRANSACTIONS.name, "channel_one_of"): 1,
        (TRANSACTIONS.name, "event_time_in_range"): 1,
        (FACTS.name, "decision_one_of"): 1,
        (FACTS.name, "decision_required"): 1,
        (FACTS.name, "transaction_id_in_transactions"): 3,
        (FACTS.name, "customer_id_in_customers"): 2,
        (ACCOUNT.history.name, "customer_id_in_customers"): 1,
        # The key's balance may be null, and a null equals a null.
        (ACCOUNT.changes.name, "unique"): 1,
    }
    wrong = named(findings)
    negative = wrong[TRANSACTIONS.name, "amount_not_negative"].details
    assert negative == (
        f"1 of {PAYMENTS + 9} rows break the rule: amount must not be negative; where that is a refund, the feed "
        "declares `negative_amounts: refunds`; for example transaction_id='Q2'"
    )
    assert wrong[FACTS.name, "customer_id_in_customers"].details.endswith("for example customer_id='C9'")
    assert {check for (_, check), f in wrong.items() if f.warns} == {"unique_across_dates", "customer_id_in_customers"}
    assert wrong[FACTS.name, "customer_id_in_customers"].failed
    assert wrong[ACCOUNT.history.name, "customer_id_in_customers"].warns
    with pytest.raises(QualityError, match=re.escape(f"12 of {len(findings)} checks failed")) as error:
        require(findings)
    assert negative in str(error.value)
    assert "unique_across_dates" not in str(error.value)


def test_only_the_last_days_are_read_unless_all_are_asked_for(good: Lake) -> None:
    with restored(good, TRANSACTIONS, FACTS):
        add(good, TRANSACTIONS, a_payment("Q1", FIRST_DAY, channel="x"), a_payment("Q2", channel="x"))
        add(good, FACTS, a_fact("Q3", FIRST_DAY), a_fact("Q4"))
        recent, everything = (check_tables(good, (TRANSACTIONS, FACTS), days) for days in (3, 0))

    assert broken(recent) == {
        (TRANSACTIONS.name, "channel_one_of"): 1,
        (FACTS.name, "transaction_id_in_transactions"): 1,
    }
    first = LAST_DAY - timedelta(days=2)
    details = named(recent)[TRANSACTIONS.name, "channel_one_of"].details
    assert details.startswith(f"1 of {3 * PER_DAY + 1} rows since {first} break the rule")
    assert broken(everything) == {
        (TRANSACTIONS.name, "channel_one_of"): 2,
        (FACTS.name, "transaction_id_in_transactions"): 2,
    }


def test_a_foreign_key_to_a_table_without_rows_is_not_checked(good: Lake) -> None:
    with restored(good, CUSTOMER.history):
        good.spark.sql(f"DELETE FROM {good.full_name(CUSTOMER.history)}")
        findings = check_tables(good, (ACCOUNT.history,), days=0)

    assert "customer_id_in_customers" not in {finding.check_name for finding in findings}
    assert not named(findings)


def test_a_halved_day_is_named(good: Lake) -> None:
    with restored(good, TRANSACTIONS):
        fewer = f"event_date = '{LAST_DAY}' AND transaction_id RLIKE '^P[0-9]?[1-68]-'"
        good.spark.sql(f"DELETE FROM {good.full_name(TRANSACTIONS)} WHERE {fewer}")
        findings = check_expectations(good, (TRANSACTIONS,))

    wrong = named(findings)
    assert set(wrong) == {(TRANSACTIONS.name, "volume")}
    assert wrong[TRANSACTIONS.name, "volume"].warns
    assert wrong[TRANSACTIONS.name, "volume"].details == (
        f"12 rows on {LAST_DAY}, the newest whole day; at least 20.0 are expected after days of "
        "40, 40, 40, 40, 40, 40, 40"
    )
    require(findings)


def test_a_feed_that_stops_while_others_go_on_is_named(good: Lake) -> None:
    with restored(good, TRANSACTIONS):
        stop = LAST_DAY - timedelta(days=2)
        good.spark.sql(f"DELETE FROM {good.full_name(TRANSACTIONS)} WHERE event_date >= '{stop}'")
        # A report that its source dates ahead is no sign that time went on.
        with restored(good, FRAUD_REPORTS):
            add(good, FRAUD_REPORTS, a_report("P1", LAST_DAY + timedelta(days=30)))
            findings = check_expectations(good, TABLES)

    stopped = named(findings)
    assert stopped[TRANSACTIONS.name, "freshness"].details == (
        f"the newest event_time ({stop - timedelta(days=1)} 23:30) is 58 hours behind the newest event of the "
        f"lakehouse ({LAST_DAY} 10:00); at most 24"
    )
    # The accounts' last change is at 10 o'clock: the day before is the newest whole one.
    assert stopped[TRANSACTIONS.name, "volume"].details.startswith(f"0 rows on {LAST_DAY - timedelta(days=1)}")
    assert set(stopped) == {(TRANSACTIONS.name, "freshness"), (TRANSACTIONS.name, "volume")}


def test_a_table_without_its_contracts_columns_is_reported_and_the_others_are_checked(good: Lake) -> None:
    terminals, merchants = REFERENCES["terminals"].history, REFERENCES["merchants"].history
    good.spark.sql(f"CREATE TABLE {good.full_name(terminals)} (terminal_id string, latitude string) USING delta")
    good.spark.sql(f"CREATE TABLE {good.full_name(merchants)} (merchant_id string) USING delta")
    try:
        assert {terminals, merchants, TRANSACTIONS} <= set(built_tables(good))
        findings = check_tables(good, (terminals, merchants, CUSTOMER.history), days=2)
    finally:
        for table in (terminals, merchants):
            good.spark.sql(f"DROP TABLE {good.full_name(table)}")

    wrong = named(findings)
    assert set(wrong) == {(terminals.name, "columns"), (merchants.name, "columns")}
    assert wrong[terminals.name, "columns"].failed
    assert "latitude is string in the table and double in the contract" in wrong[terminals.name, "columns"].details
    assert wrong[merchants.name, "columns"].warns
    assert "name, category_code" in wrong[merchants.name, "columns"].details
    assert {finding.subject for finding in findings if finding.check_name == "unique"} == {CUSTOMER.history.name}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_tables_carry_their_contracts_comments(good: Lake, table: Table) -> None:
    described = good.spark.sql(f"DESCRIBE TABLE EXTENDED {good.full_name(table)}").collect()

    comments = {row["col_name"]: row["comment"] for row in described[: len(table.columns)]}
    assert comments == {column.name: column.comment for column in table.columns}
    comments = [row["data_type"] for row in described if row["col_name"] == "Comment"]
    assert comments == [f"{table.comment} Grain: {table.grain}."]
