"""What is found on reports that were written."""

import errno
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from report_builders import Ledger, a_ledger, a_report, a_run

from common.checks.findings import Finding
from common.publish.reports.check import REACHED, ROWS, UNCHANGED, check_report
from common.publish.reports.deliver import deliver_reports

REPORT = a_report()


def check(folder: Path, ledger: Ledger) -> dict[str, Finding]:
    return {finding.check_name: finding for finding in check_report(a_run(folder, ledger), "daily", REPORT)}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = a_ledger(date(2025, 3, 1), 6)
    deliver_reports(a_run(tmp_path, made), {"daily": REPORT})
    return made


def test_what_was_just_written_is_right(tmp_path: Path, ledger: Ledger) -> None:
    findings = check(tmp_path, ledger)
    assert {name: finding.passed for name, finding in findings.items()} == {UNCHANGED: True, ROWS: True}
    assert findings[ROWS].details == "3 rows, those of 3 files counted again"


def test_before_the_first_run_nothing_is_wrong(tmp_path: Path) -> None:
    assert all(finding.passed for finding in check(tmp_path, a_ledger(date(2025, 3, 1), 6)).values())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda file: file.write_text("by hand"), "was changed since it was written"),
        (Path.unlink, "is gone"),
        (lambda file: file.with_name(f"{file.name}.manifest.json").unlink(), "is missing"),
    ],
)
def test_what_was_changed_by_hand_is_found_and_made_good(
    tmp_path: Path, ledger: Ledger, harm: Callable[[Path], object], said: str
) -> None:
    harm(tmp_path / "alerts_2025-03-04.csv")
    finding = check(tmp_path, ledger)[UNCHANGED]
    assert finding.failed
    assert f"alerts_2025-03-04.csv {said}" in finding.details
    deliver_reports(a_run(tmp_path, ledger), {"daily": REPORT})
    assert check(tmp_path, ledger)[UNCHANGED].passed


def test_rows_that_the_tables_do_not_have_are_found(tmp_path: Path, ledger: Ledger) -> None:
    ledger.kept = {version: {**days, date(2025, 3, 4): []} for version, days in ledger.kept.items()}
    finding = check(tmp_path, ledger)[ROWS]
    assert finding.failed
    assert finding.details == "alerts_2025-03-04.csv has 1 rows, its query 0"


def test_rows_that_came_since_are_no_error(tmp_path: Path, ledger: Ledger) -> None:
    ledger.book(date(2025, 3, 4), 50)
    assert all(finding.passed for finding in check(tmp_path, ledger).values())


def test_versions_that_are_gone_are_said(tmp_path: Path, ledger: Ledger) -> None:
    ledger.kept.clear()
    finding = check(tmp_path, ledger)[ROWS]
    assert finding.passed
    assert finding.details == "3 rows, those of 0 files counted again; of 3, the tables' versions are gone"


def test_what_an_earlier_release_asked_for_is_not_counted(tmp_path: Path, ledger: Ledger) -> None:
    for file in tmp_path.glob("*.manifest.json"):
        file.write_text(file.read_text().replace("FROM gold.daily_fraud_summary", "FROM gold.gone"))
    finding = check(tmp_path, ledger)[ROWS]
    assert finding.passed
    assert finding.details.startswith("3 rows, those of 0 files counted again")


def test_a_place_that_cannot_be_read_is_a_finding(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr(Path, "iterdir", refuse)
    (finding,) = check(tmp_path, ledger).values()
    assert finding.warns
    assert finding.check_name == REACHED
    assert finding.details == f"{tmp_path} can't be read: no right to it: give the lakehouse's user that right"
