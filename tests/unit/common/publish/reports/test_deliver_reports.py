"""What is written, when, and when not; and that what fails leaves the rest."""

import csv
import errno
import hashlib
import io
import json
import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from report_builders import OF_PEOPLE, Ledger, a_ledger, a_report, a_run, contents, snapshot_options

from common.errors import OutputError
from common.publish.delivery import FAILED, Delivery
from common.publish.reports.deliver import CHANGED, NEW, NOTHING, RESTORED, UNCHANGED, deliver_reports
from common.publish.reports.query import ReportQuery
from common.publish.reports.report import Report
from common.storage import files

FIRST = date(2025, 3, 1)
DAILY = {"daily": a_report()}


def modes(deliveries: list[Delivery]) -> dict[str, str]:
    return {delivery.item: delivery.mode for delivery in deliveries}


def manifest(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.manifest.json").read_text())
    return found


def test_each_day_that_is_over_has_a_file_with_its_manifest(tmp_path: Path) -> None:
    deliveries = deliver_reports(a_run(tmp_path, a_ledger(FIRST, 6)), DAILY)
    assert modes(deliveries) == {f"daily 2025-03-0{day}": NEW for day in (3, 4, 5)}
    content = (tmp_path / "alerts_2025-03-05.csv").read_bytes()
    assert content == b"event_date,alerts\r\n2025-03-05,4\r\n"
    assert {
        name: value for name, value in manifest(tmp_path, "alerts_2025-03-05.csv").items() if name != "written_at"
    } == {
        "output": "reports",
        "report": "daily",
        "file": "alerts_2025-03-05.csv",
        "period_start": "2025-03-05",
        "period_end": "2025-03-06",
        "rows": 1,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "edition": 1,
        "query": DAILY["daily"].query,
        "columns": {"event_date": "event_date", "alerts": "alerts"},
        "delimiter": ",",
        "encoding": "utf-8",
        "tables": {"gold.daily_fraud_summary": [6, "commit 6"]},
        "erased_until": "",
        "notice": "not declared",
    }
    assert len(contents(tmp_path)) == 6
    first = deliveries[0]
    assert (first.rows_written, first.version, first.is_news) == (1, 6, True)
    assert first.destination == str(tmp_path / "alerts_2025-03-03.csv")


def test_without_a_transaction_there_is_no_period(tmp_path: Path) -> None:
    assert modes(deliver_reports(a_run(tmp_path, Ledger()), DAILY)) == {"daily": NOTHING}
    assert contents(tmp_path) == {}


def test_two_runs_with_nothing_new_write_nothing(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 6)
    reports = {**DAILY, "all": Report.model_validate(snapshot_options())}
    deliver_reports(a_run(tmp_path, ledger), reports)
    before, asked = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}, len(ledger.asked)
    deliveries = deliver_reports(a_run(tmp_path, ledger), reports)
    assert modes(deliveries) == {"daily": UNCHANGED, "all": UNCHANGED}
    assert not any(delivery.is_news for delivery in deliveries)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before
    assert len(ledger.asked) == asked


def test_of_several_tables_the_versions_are_in_words(tmp_path: Path) -> None:
    query = (
        "SELECT d.event_date, d.alerts FROM gold.daily_fraud_summary d JOIN gold.merchant_risk r ON true "
        "WHERE d.alerts > 100 ORDER BY d.event_date"
    )
    ledger = Ledger()
    ledger.book(FIRST, 1)
    ledger.kept[1] = {}
    several = {"several": Report.model_validate(snapshot_options(query=query))}
    (delivery,) = deliver_reports(a_run(tmp_path, ledger), several)
    assert (delivery.source_table, delivery.from_version, delivery.version) == (None, None, None)
    assert delivery.note == "new, 0 rows, of gold.daily_fraud_summary 1, gold.merchant_risk 1"
    assert delivery.is_news  # it is noted, though it has no rows and no version
    (again,) = deliver_reports(a_run(tmp_path, ledger), several)
    assert not again.is_news

    (one,) = deliver_reports(a_run(tmp_path / "one", ledger), {"all": Report.model_validate(snapshot_options())})
    assert (one.source_table, one.from_version, one.version) == ("gold.daily_fraud_summary", None, 1)
    assert one.note == "new, 0 rows"


def test_a_late_row_changes_its_day_alone(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 6)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    untouched = (tmp_path / "alerts_2025-03-05.csv").stat().st_mtime_ns
    ledger.book(date(2025, 3, 4), 70)
    assert modes(deliver_reports(a_run(tmp_path, ledger), DAILY)) == {"daily 2025-03-04": CHANGED}
    assert (
        tmp_path / "alerts_2025-03-04.csv"
    ).read_bytes() == b"event_date,alerts\r\n2025-03-04,3\r\n2025-03-04,70\r\n"
    assert manifest(tmp_path, "alerts_2025-03-04.csv")["edition"] == 2
    assert (tmp_path / "alerts_2025-03-05.csv").stat().st_mtime_ns == untouched
    # Its rows were found in the new version, which can be read for longer.
    assert manifest(tmp_path, "alerts_2025-03-05.csv")["tables"] == {"gold.daily_fraud_summary": [7, "commit 7"]}


def test_a_row_that_comes_too_late_changes_nothing(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 4)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    for day in range(4, 9):
        ledger.book(FIRST + timedelta(days=day), day)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    ledger.book(FIRST + timedelta(days=1), 99)
    ledger.asked.clear()
    assert modes(deliver_reports(a_run(tmp_path, ledger), DAILY)) == {"daily": UNCHANGED}
    assert min(day for day in ledger.asked if day) == date(2025, 3, 6)


@pytest.mark.parametrize("order", [(1, 2, 3, 4, 5, 6), (6, 4, 5, 3, 1, 2), (5, 6, 3, 4, 2, 1)])
def test_the_order_of_arrival_does_not_matter(tmp_path: Path, order: tuple[int, ...]) -> None:
    report = {"daily": a_report(since=FIRST, reopen="30 days")}
    ledger = Ledger()
    for day in order:
        ledger.book(date(2025, 3, day), day)
        deliver_reports(a_run(tmp_path, ledger), report)
    shown = {name: content for name, content in contents(tmp_path).items() if name.endswith(".csv")}
    assert shown == {
        f"alerts_2025-03-0{day}.csv": f"event_date,alerts\r\n2025-03-0{day},{day}\r\n".encode() for day in range(1, 6)
    }


def _change(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"3", b"9"))


def _remove_manifest(file: Path) -> None:
    file.with_name(f"{file.name}.manifest.json").unlink()


def _cut_manifest(file: Path) -> None:
    file.with_name(f"{file.name}.manifest.json").write_text('{"output": "rep')


def _edited(**changed: Any) -> Callable[[Path], object]:
    def edit(file: Path) -> None:
        beside = file.with_name(f"{file.name}.manifest.json")
        beside.write_text(json.dumps(json.loads(beside.read_text()) | changed))

    return edit


@pytest.mark.parametrize(
    ("harm", "mode"),
    [
        (_change, RESTORED),
        (Path.unlink, RESTORED),
        (_remove_manifest, NEW),
        (_cut_manifest, NEW),
        (_edited(edition="two"), NEW),
        (_edited(period_start="March"), NEW),
        (_edited(period_end=3), NEW),
        (_edited(tables=["gold.daily_fraud_summary"]), NEW),
        (_edited(tables={"gold.daily_fraud_summary": []}), NEW),
        (_edited(tables={"gold.daily_fraud_summary": ["six", "commit 6"]}), NEW),
    ],
)
def test_what_a_person_did_is_made_good(tmp_path: Path, harm: Callable[[Path], object], mode: str) -> None:
    ledger = a_ledger(FIRST, 6)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    before = contents(tmp_path)
    harm(tmp_path / "alerts_2025-03-04.csv")
    assert modes(deliver_reports(a_run(tmp_path, ledger), DAILY)) == {"daily 2025-03-04": mode}
    after = contents(tmp_path)
    assert after.keys() == before.keys()
    assert after["alerts_2025-03-04.csv"] == before["alerts_2025-03-04.csv"]


def test_another_layout_is_another_edition(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 6)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    report = a_report(columns={"alerts": "Alerts; all"}, delimiter=";", encoding="utf-8-sig")
    assert set(modes(deliver_reports(a_run(tmp_path, ledger), {"daily": report})).values()) == {CHANGED}
    text = (tmp_path / "alerts_2025-03-05.csv").read_text(encoding="utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=";")) == [["Alerts; all"], ["4"]]


def test_another_rhythm_leaves_the_files_of_before(tmp_path: Path) -> None:
    ledger = a_ledger(date(2025, 2, 26), 6)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    (tmp_path / "alerts_2025-03-01.csv").write_text("by hand")
    before = contents(tmp_path)
    monthly = {"daily": a_report(period="month", file="alerts_{period:%Y-%m}.csv")}
    for expected in ({"daily 2025-02-01": NEW}, {"daily": UNCHANGED}):
        assert modes(deliver_reports(a_run(tmp_path, ledger), monthly)) == expected
    assert contents(tmp_path).keys() - before.keys() == {"alerts_2025-02.csv", "alerts_2025-02.csv.manifest.json"}
    assert {name: contents(tmp_path)[name] for name in before} == before


def test_another_order_of_columns_is_another_edition(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 6)
    for names in (["alerts", "event_date"], ["event_date", "alerts"]):
        report = a_report(columns={name: name for name in names})
        deliver_reports(a_run(tmp_path, ledger), {"daily": report})
        assert (tmp_path / "alerts_2025-03-05.csv").read_text().splitlines()[0] == ",".join(names)


def test_a_snapshot_is_replaced(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 1)
    reports = {"all": Report.model_validate(snapshot_options())}
    deliver_reports(a_run(tmp_path, ledger), reports)
    ledger.book(FIRST, 5)
    assert modes(deliver_reports(a_run(tmp_path, ledger), reports)) == {"all": CHANGED}
    assert contents(tmp_path)["all.csv"] == b"event_date,alerts\r\n2025-03-01,0\r\n2025-03-01,5\r\n"


def test_after_an_erasure_old_files_that_know_people_are_looked_at(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 20)
    reports = {
        "daily": a_report(since=FIRST),
        "people": a_report(query=OF_PEOPLE, file="p_{period:%Y%m%d}.csv", since=FIRST),
    }
    deliver_reports(a_run(tmp_path, ledger), reports)
    ledger.days = {day: [] if day == FIRST else numbers for day, numbers in ledger.days.items()}
    ledger.version += 1
    ledger.erased = "1741000000000000"
    ledger.asked.clear()
    assert modes(deliver_reports(a_run(tmp_path, ledger), reports)) == {
        "daily": UNCHANGED,
        "people 2025-03-01": CHANGED,
    }
    assert contents(tmp_path)["p_20250301.csv"] == b"customer_id,event_date\r\n"
    assert ledger.asked.count(FIRST) == 1
    ledger.asked.clear()
    ledger.book(date(2025, 3, 21), 21)
    deliver_reports(a_run(tmp_path, ledger), reports)
    assert min(day for day in ledger.asked if day) > FIRST


class _Failing(Ledger):
    def of(self, query: ReportQuery, *asked: Any) -> Any:
        if "fail" in query.sql:
            raise OutputError("the query fails: no such column")
        if "mistake" in query.sql:
            raise ValueError("nobody thought of this")
        return super().of(query, *asked)


def test_a_report_that_fails_leaves_the_others(tmp_path: Path) -> None:
    ledger = _Failing()
    for day in range(6):
        ledger.book(FIRST + timedelta(days=day), day)
    failing = a_report(query=f"{a_report().query} -- fail", file="f_{period:%Y%m%d}.csv")
    deliveries = deliver_reports(a_run(tmp_path, ledger), {"failing": failing, **DAILY})
    assert modes(deliveries) == {"failing": FAILED} | {f"daily 2025-03-0{day}": NEW for day in (3, 4, 5)}
    assert deliveries[0].failure == "the query fails: no such column"
    assert sorted(contents(tmp_path)) == sorted(
        f"alerts_2025-03-0{day}.csv{suffix}" for day in (3, 4, 5) for suffix in ("", ".manifest.json")
    )


def test_a_mistake_in_one_report_leaves_the_others_and_is_told(tmp_path: Path) -> None:
    ledger, told = _Failing(), list[str]()
    for day in range(6):
        ledger.book(FIRST + timedelta(days=day), day)
    wrong = a_report(query=f"{a_report().query} -- mistake", file="f_{period:%Y%m%d}.csv")
    deliveries = deliver_reports(a_run(tmp_path, ledger, tell=told.append), {"wrong": wrong, **DAILY})
    assert modes(deliveries) == {"wrong": FAILED} | {f"daily 2025-03-0{day}": NEW for day in (3, 4, 5)}
    assert deliveries[0].failure == "ValueError: nobody thought of this"
    assert "test_deliver_reports.py" in told[0]


def test_another_output_keeps_its_file(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 6)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    before = contents(tmp_path)
    (delivery,) = deliver_reports(a_run(tmp_path, ledger, output="other"), DAILY)
    assert "is the report daily of the output reports" in delivery.failure
    assert contents(tmp_path) == before


def test_a_file_of_others_is_not_overwritten(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 6)
    mine = tmp_path / "alerts_2025-03-04.csv"
    mine.write_text("my own;list\n1;2\n")
    failed = [delivery for delivery in deliver_reports(a_run(tmp_path, ledger), DAILY) if delivery.failure]
    assert f"{mine} is there without a manifest" in failed[0].failure
    assert mine.read_text() == "my own;list\n1;2\n"


def test_a_file_of_a_run_that_was_killed_is_brought_up_to_date_though_rows_came_since(tmp_path: Path) -> None:
    ledger = a_ledger(FIRST, 6)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    _remove_manifest(tmp_path / "alerts_2025-03-04.csv")
    ledger.book(date(2025, 3, 4), 70)
    assert modes(deliver_reports(a_run(tmp_path, ledger), DAILY)) == {"daily 2025-03-04": NEW}
    assert "70" in (tmp_path / "alerts_2025-03-04.csv").read_text()


def test_what_another_run_is_writing_is_left_alone(tmp_path: Path) -> None:
    left, live = (tmp_path / f".alerts.csv.{sign * 32}.part" for sign in "ab")
    for file in (left, live):
        file.touch()
    os.utime(left, (0, 0))
    deliver_reports(a_run(tmp_path, a_ledger(FIRST, 6)), DAILY)
    assert live.exists()
    assert not left.exists()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full: make room"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "no right to it"),
    ],
)
def test_a_target_that_refuses_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    ledger = a_ledger(FIRST, 6)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    before = contents(tmp_path)
    ledger.book(date(2025, 3, 4), 70)

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number), "/reports")

    with monkeypatch.context() as patched:
        patched.setattr(files, "sync", refuse)
        (delivery,) = deliver_reports(a_run(tmp_path, ledger), DAILY)
    assert said in delivery.failure
    assert contents(tmp_path) == before
    assert modes(deliver_reports(a_run(tmp_path, ledger), DAILY)) == {"daily 2025-03-04": CHANGED}


def test_a_folder_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    from common.publish.reports.folders import LocalReportFolder

    run = a_run(tmp_path, a_ledger(FIRST, 6), folder=LocalReportFolder(tmp_path / "share", False))
    (delivery,) = deliver_reports(run, DAILY)
    assert f"there is no folder {tmp_path / 'share'}" in delivery.failure
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_folder_s_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("mine")
    (delivery,) = deliver_reports(a_run(tmp_path / "reports" / "of", a_ledger(FIRST, 6)), DAILY)
    assert "a part of the path is a file" in delivery.failure
    assert (tmp_path / "reports").read_text() == "mine"
