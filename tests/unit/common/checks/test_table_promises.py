"""What is promised of a built table, read from its contract; and findings in a few words."""

from dataclasses import replace

import pytest

from common.checks.findings import CONSERVATION, FEED_WAS_READ, OUTPUT_COMPLETE, Finding, failure, summary
from common.checks.promises import promises, recent_by, row_checks
from common.contracts.registry import all_tables
from common.contracts.silver import ACCOUNT, CUSTOMER, FRAUD_REPORTS, TRANSACTIONS
from common.contracts.table import ForeignKey, required
from common.errors import ConservationError, DeclarationError, FeedError, LakehouseError, OutputError, QualityError
from common.looks.checks import by_subject, not_passed
from lake_tables import require

HOLDS = Finding("silver.a", "unique", True, "0 of 5 rows")
WARNS = Finding("silver.a", "freshness", False, "late", "warning")
FAILS = Finding("silver.b", "unique", False, "2 of 5 rows")
LOST = Finding("feed -> silver.b", CONSERVATION, False, "read 3, accepted 2")
UNREAD = Finding("bronze.a", FEED_WAS_READ, False, "no answer")


def test_a_key_holds_no_null_unless_it_may() -> None:
    assert "customer_id_required" in promises(CUSTOMER.history)
    assert "balance" in ACCOUNT.changes.key
    assert "balance_required" not in promises(ACCOUNT.changes)
    with pytest.raises(DeclarationError, match="unknown columns"):
        replace(ACCOUNT.changes, nullable_key=("nothing",))


def test_checks_of_single_rows_are_named_once_and_do_not_depend_on_the_source() -> None:
    names = [check.name for check in row_checks(TRANSACTIONS)]

    assert len(names) == len(set(names))
    assert set(names) == {check.name for check in TRANSACTIONS.checks if not check.if_mapped}


def test_no_promise_hides_another_of_the_same_name() -> None:
    for table in all_tables():
        names = [name for name in promises(table) if not name.startswith("unique")]
        assert len(names) == len(row_checks(table)) + len(table.foreign_keys), table.name


def test_dates_are_a_promise_of_their_own_where_the_key_does_not_hold_them() -> None:
    assert promises(TRANSACTIONS)["unique_across_dates"].severity == "warning"
    assert "unique_across_dates" not in promises(FRAUD_REPORTS)
    assert "unique_across_dates" not in promises(replace(TRANSACTIONS, key=("transaction_id", "event_date")))


def test_recent_rows_are_known_by_scope_date_or_the_time_kept_fresh() -> None:
    assert recent_by(TRANSACTIONS) == "event_date"
    assert recent_by(FRAUD_REPORTS) == "reported_at"
    assert recent_by(CUSTOMER.changes) == "changed_at"
    assert recent_by(CUSTOMER.history) is None


def test_a_foreign_key_has_its_own_severity_and_says_where_it_leads() -> None:
    key = ForeignKey("customer_id", "gold.dim_customer", "customer_id", severity="warning")
    promise = promises(replace(TRANSACTIONS, foreign_keys=(key,)))["customer_id_in_dim_customer"]

    assert (promise.severity, promise.rule) == ("warning", "every customer_id is a customer_id of gold.dim_customer")


def test_a_required_check_that_is_only_for_mapped_columns_leaves_the_key_checked() -> None:
    table = replace(CUSTOMER.history, checks=required("customer_id", if_mapped=True))

    (customer_id, *_) = row_checks(table)
    assert (customer_id.name, customer_id.if_mapped) == ("customer_id_required", False)


def test_warnings_do_not_end_the_run_and_failures_do_with_their_numbers() -> None:
    require([HOLDS, WARNS])
    with pytest.raises(QualityError, match=r"1 of 3 checks failed:\n  silver.b: unique: 2 of 5 rows\n"):
        require([HOLDS, WARNS, FAILS])
    with pytest.raises(ConservationError, match="2 of 2 checks failed"):
        require([FAILS, LOST])


def test_findings_in_a_few_words_and_by_table() -> None:
    assert summary([HOLDS]) == "all 1 checks hold"
    assert summary([HOLDS, WARNS, FAILS, LOST]) == "of 4 checks, 2 failed and 1 warn"
    assert by_subject([HOLDS, WARNS, FAILS]).loc["silver.a"].to_dict() == {"passed": 1, "warnings": 1, "failures": 0}
    assert not_passed([HOLDS, WARNS, FAILS]) == [FAILS, WARNS]


@pytest.mark.parametrize(
    ("beside", "kind"),
    [((), OutputError), ((LOST,), ConservationError), ((FAILS,), QualityError), ((UNREAD,), FeedError)],
)
def test_what_an_output_lacks_is_an_error_of_the_output_with_a_way_out_of_its_own(
    beside: tuple[Finding, ...], kind: type[LakehouseError]
) -> None:
    error = failure([Finding("warehouse: users", OUTPUT_COMPLETE, False, "2 rows there"), *beside])

    assert type(error) is kind
    assert "An output's next delivery brings what it should have: run publish" in str(error)
    assert ("ops.batches" in str(error)) == (LOST in beside)
