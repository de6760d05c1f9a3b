"""A reviewer's verdict: written once, a changed mind is another row, and what can't be is refused with the way out."""

from datetime import UTC, datetime, timedelta

import pytest

from common.checks.rows import breaks
from common.contracts.ddl import schema_of
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.contracts.table import Table
from common.contracts.verdicts import ALERT_VERDICTS, VERDICTS
from common.errors import ParameterError
from common.features.labels import known_labels, last_labels
from common.parameters import NO_VERDICT, PARAMETERS
from common.silver.alert_verdicts import Verdict, record_verdict
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

PAID = datetime(2025, 9, 28, 12, tzinfo=UTC)


def add(lake: Lake, table: Table, **values: object) -> None:
    row = tuple(values.get(name) for name in table.column_names)
    lake.append(lake.spark.createDataFrame([row], schema_of(table)), table)


@pytest.fixture(scope="module")
def paid(lake: Lake) -> Lake:
    """Transactions, one for each test."""
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS)
    for name in ("once", "dated", "changed", "after-report", "checked"):
        add(lake, TRANSACTIONS, transaction_id=name, event_time=PAID, event_date=PAID.date())
    return lake


def verdicts(lake: Lake, transaction_id: str) -> list[tuple[str, str, str | None]]:
    """Verdict, reviewer and note, in the order of decision."""
    rows = lake.table(ALERT_VERDICTS).where(f"transaction_id = '{transaction_id}'").orderBy("decided_at").collect()
    return [(row["verdict"], row["reviewer"], row["note"]) for row in rows]


def says_fraud(lake: Lake, transaction_id: str) -> list[bool]:
    return [
        r["is_fraud"] for r in last_labels(known_labels(lake)).where(f"transaction_id = '{transaction_id}'").collect()
    ]


def test_before_anybody_has_reviewed_the_reports_are_the_labels(paid: Lake) -> None:
    assert not paid.exists(ALERT_VERDICTS)  # this is the first test: the others make the table
    assert known_labels(paid).columns == ["transaction_id", "is_fraud", "reported_at"]
    assert known_labels(paid).isEmpty()


def test_a_cell_that_is_run_twice_records_its_verdict_once(paid: Lake) -> None:
    given = Verdict("once", "fraud", "anna", "card was stolen")

    results = [record_verdict(paid, given) for _ in range(2)]

    assert [result.rows_out or 0 for result in results] == [1, 0]
    assert "recorded already" in results[1].note
    assert verdicts(paid, "once") == [("fraud", "anna", "card was stolen")]
    assert says_fraud(paid, "once") == [True]


def test_a_verdict_with_its_time_is_a_label_from_then_on_and_recorded_once(paid: Lake) -> None:
    for _ in range(2):
        record_verdict(paid, Verdict("dated", "genuine", "anna"), "2025-09-28 14:30")

    (row,) = known_labels(paid).where("transaction_id = 'dated'").selectExpr("unix_seconds(reported_at)").collect()
    assert row[0] == int((PAID + timedelta(hours=2, minutes=30)).timestamp())
    assert verdicts(paid, "dated") == [("genuine", "anna", None)]


def test_a_changed_mind_is_a_new_row_and_the_last_counts_until_somebody_is_unsure(paid: Lake) -> None:
    said = ("unsure", "fraud", "genuine", "fraud", "unsure")
    results = [record_verdict(paid, Verdict("changed", verdict, "anna")) for verdict in said]

    assert [row[0] for row in verdicts(paid, "changed")] == list(said)
    assert says_fraud(paid, "changed") == [True]
    assert results[0].note == "unsure on changed by anna recorded; it makes no label"
    assert results[-1].note.endswith("and takes fraud by anna not back. To do that, record genuine")


def test_the_same_verdict_after_a_customers_report_is_a_new_statement(paid: Lake) -> None:
    given = Verdict("after-report", "genuine", "anna")
    record_verdict(paid, given, "2025-09-29 10:00")
    add(paid, FRAUD_REPORTS, transaction_id="after-report", is_fraud=True, reported_at=PAID + timedelta(days=3))
    assert says_fraud(paid, "after-report") == [True]

    record_verdict(paid, given)

    assert len(verdicts(paid, "after-report")) == 2
    assert says_fraud(paid, "after-report") == [False]


@pytest.mark.parametrize(
    ("given", "decided_at", "message"),
    [
        (
            Verdict("nobody's", "fraud", "anna"),
            "",
            r"transaction_id=\"nobody's\": silver.transactions has no .*lakehouse sql",
        ),
        (Verdict("", "fraud", "anna"), "", "transaction_id='': say which"),
        (Verdict("once", "frod", "anna"), "", "verdict='frod': must be one of fraud, genuine, unsure"),
        (Verdict("once", "fraud", ""), "", "reviewer='': say who"),
        (
            Verdict("once", "fraud", "anna"),
            "2025-09-28 11:59",
            r"11:59:00: the transaction once happened at .*12:00:00",
        ),
        (Verdict("once", "fraud", "anna"), "2999-01-01", "must not lie ahead"),
    ],
)
def test_what_cannot_be_is_refused_with_value_rule_and_way_out(
    paid: Lake, given: Verdict, decided_at: str, message: str
) -> None:
    paid.ensure(ALERT_VERDICTS)
    before = paid.version(ALERT_VERDICTS)

    with pytest.raises(ParameterError, match=message):
        record_verdict(paid, given, decided_at)

    assert paid.version(ALERT_VERDICTS) == before


def test_without_a_verdict_nothing_is_written(paid: Lake) -> None:
    paid.ensure(ALERT_VERDICTS)
    before = paid.version(ALERT_VERDICTS)

    assert not record_verdict(paid, Verdict("once", NO_VERDICT, "anna")).rows_out
    assert paid.version(ALERT_VERDICTS) == before


def test_the_parameter_offers_the_contracts_verdicts() -> None:
    assert PARAMETERS["verdict"].choices == (NO_VERDICT, *VERDICTS)


def test_rows_keep_the_contracts_checks(paid: Lake) -> None:
    record_verdict(paid, Verdict("checked", "unsure", "anna"))

    rows = paid.table(ALERT_VERDICTS)
    assert not rows.isEmpty()
    for check in ALERT_VERDICTS.checks:
        assert rows.where(breaks(check)).isEmpty(), check.name
