"""Feeds that could not be read are noted, and fail the check at the end of the job until a run reads them."""

from dataclasses import replace
from pathlib import Path

import pytest

from common.bronze.ingest import ingestion
from common.bronze.unread import Unread, check_feeds, checking_feeds, note_unread, unread
from common.checks.findings import FEED_WAS_READ, Finding, failure
from common.errors import ConservationError, FeedError, QualityError
from common.settings import Settings, settings_from
from common.sources.declaration import Source
from common.storage.lake import Lake

INTO = {"transactions": {"map": {"transaction_id": "ID", "event_time": "TS", "amount": "AMT"}}}
FEED = {"reader": "files", "format": "csv", "path": "{landing}/x", "into": INTO}
SOURCE = Source.model_validate({"name": "bank", "description": "A bank.", "feeds": {"core": FEED, "partner": FEED}})
AWAY = {"partner": FeedError("sftp.example:22: no answer, 6 times. The next run goes on there")}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(settings_from(landing=str(tmp_path / "landing")), home=tmp_path)


def test_a_feed_that_could_not_be_read_fails_its_check_until_a_run_reads_it(settings: Settings) -> None:
    note_unread(SOURCE, settings, AWAY)
    findings = check_feeds(SOURCE, settings)

    assert [(one.subject, one.check_name, one.passed) for one in findings] == [
        ("bronze.core", FEED_WAS_READ, True),
        ("bronze.partner", FEED_WAS_READ, False),
    ]
    error = failure(findings)
    assert isinstance(error, FeedError)
    assert "bronze.partner" in str(error)
    assert "sftp.example:22: no answer, 6 times. The next run goes on there" in str(error)
    assert "contract" not in str(error)

    note_unread(SOURCE, settings, {})
    assert failure(check_feeds(SOURCE, settings)) is None


def test_since_when_it_can_not_be_read_stays_and_the_reason_is_the_last_one(settings: Settings) -> None:
    note_unread(SOURCE, settings, AWAY)
    note = SOURCE.at("partner", settings).note("unread")
    note.write_text(note.read_text().replace("20", "19", 1))
    since = unread(SOURCE, settings)["partner"].since

    note_unread(SOURCE, settings, {"partner": FeedError("sftp.example:22 refuses the login of lake")})

    assert unread(SOURCE, settings)["partner"] == Unread(since, "sftp.example:22 refuses the login of lake")
    assert since.startswith("19")


def test_where_the_reading_broke_off_what_is_noted_of_other_feeds_stays(settings: Settings) -> None:
    note_unread(SOURCE, settings, AWAY)

    note_unread(SOURCE, settings, {"core": FeedError("core.example: no answer")}, were_read=())

    assert set(unread(SOURCE, settings)) == {"core", "partner"}


def test_a_note_that_another_run_removes_meanwhile_is_none(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: True)

    assert unread(SOURCE, settings) == {}


def test_nothing_is_up_to_date_while_a_feed_is_unread(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(lambda: pytest.fail("needs no Spark"), settings)
    steps = (ingestion(lake, SOURCE), checking_feeds(SOURCE))
    (ingesting, checking) = steps
    before = checking.looks_at(settings)
    assert ingesting.leaves(settings) == ""

    note_unread(SOURCE, settings, AWAY)

    assert ingesting.leaves(settings) is None, "no success is noted, so that the next run tries again"
    assert checking.looks_at(settings) != before


@pytest.mark.parametrize(("check", "kind"), [("conservation", ConservationError), ("unique_key", QualityError)])
def test_beside_other_failures_a_feed_is_named_and_so_is_the_way_on(check: str, kind: type[Exception]) -> None:
    unread_feed = Finding("bronze.partner", FEED_WAS_READ, False, "not since 2026: no answer")

    error = failure([unread_feed, Finding("silver.transactions", check, False, "3 rows")])

    assert type(error) is kind
    assert "no answer" in str(error)
    assert "Do what is named, then run the job again" in str(error)
    assert "nothing of it is lost" not in str(error), "records may be gone for good: the reason says it"
