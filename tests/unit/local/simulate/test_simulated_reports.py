import json
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from simulated_files import Made, small_world, truth

from local.simulate import simulate

LONG = small_world(
    customers=100,
    days=60,
    difficulty=0.0,
    large_amount_rate=0.1,
    withdrawn_report_rate=0.01,
    report_never_share=0.1,
    reference_dirt_rate=0.05,
)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A world with many frauds, long enough for all reports of its first days to have come."""
    landing = tmp_path_factory.mktemp("long")
    return Made(landing, LONG, simulate(landing, LONG))


def reports_of(made: Made) -> list[tuple[Path, dict[str, str]]]:
    """The clean reports, with their files."""
    return [
        (path, json.loads(line))
        for path in made.files("fraud_reports")
        for number, line in enumerate(made.lines(path), start=1)
        if (path.name, number) not in made.dirt
    ]


def days_after(report: dict[str, str], event_time: str) -> float:
    return (datetime.fromisoformat(report["reported_at"]) - datetime.fromisoformat(event_time)) / timedelta(days=1)


def test_a_report_is_in_the_file_of_the_day_it_is_made(long: Made) -> None:
    corrections = 0
    for path, report in reports_of(long):
        file_day = datetime.fromisoformat(path.name[len("fraud_reports-") :][:10] + "T00:00Z")
        reported = datetime.fromisoformat(report["reported_at"])
        # One quarantined for its dirt is sent right on the next day.
        corrections += reported < file_day
        assert file_day - timedelta(days=1) <= reported < file_day + timedelta(days=1)
    quarantined = [
        row for row in long.dirt.values() if row["entity"] == "fraud_reports" and row["outcome"] == "quarantined"
    ]
    assert corrections == pytest.approx(len(quarantined), abs=2)
    assert quarantined


def test_most_frauds_are_reported_within_a_week_some_later_a_few_never(long: Made) -> None:
    settled = f"{long.world.day(long.world.days - 32)}"
    event_times = {row["id"]: row["ts"] for row in long.clean_transactions if row["ts"][:10] < settled}
    frauds = {row["transaction_id"] for row in truth(long.landing, "fraud")} & event_times.keys()
    reported = defaultdict(list)
    for _, report in reports_of(long):
        if report["transaction_id"] in frauds and report["is_fraud"]:
            reported[report["transaction_id"]].append(days_after(report, event_times[report["transaction_id"]]))
    delays = [min(each) for each in reported.values()]
    assert len(frauds) > 200
    assert all(0 <= delay <= 30 for delay in delays)
    within_week = sum(delay <= 7 for delay in delays) / len(frauds)
    assert within_week == pytest.approx(long.world.report_within_week_share, abs=0.08)
    assert 1 - len(delays) / len(frauds) == pytest.approx(long.world.report_never_share, abs=0.08)
    assert max(delays) > 14


def test_a_mistaken_report_is_withdrawn_later(long: Made) -> None:
    frauds = {row["transaction_id"] for row in truth(long.landing, "fraud")}
    verdicts = defaultdict(list)
    for _, report in reports_of(long):
        if report["transaction_id"] not in frauds:
            verdicts[report["transaction_id"]].append((report["reported_at"], report["is_fraud"]))
    withdrawn = [[is_fraud for _, is_fraud in sorted(each)] for each in verdicts.values() if len(each) == 2]
    assert len(withdrawn) > 10
    assert all(each == [True, False] for each in withdrawn)


def test_dirty_reports_are_known_to_the_truth(long: Made) -> None:
    files = {path.name: long.lines(path) for path in long.files("fraud_reports")}
    dirt = [row for row in long.dirt.values() if row["entity"] == "fraud_reports"]
    assert {row["kind"] for row in dirt} == {"missing_id", "bad_date", "stray_text", "duplicate"}
    for row in dirt:
        report = json.loads(files[row["file"]][row["record"] - 1])
        is_bad = report["transaction_id"] is None or "13-45" in report["reported_at"]
        assert is_bad == (row["outcome"] == "quarantined")


def test_reports_are_in_order_of_time(long: Made) -> None:
    for path in long.files("fraud_reports"):
        times = [report["reported_at"] for file, report in reports_of(long) if file == path]
        assert times == sorted(times)
