"""A run with feeds that can't be read, or can't be pulled: what of the others it reads, and what it says."""

from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from common.bronze.ingest import Pulled, ingest
from common.bronze.unread import check_feeds, checking_feeds, unread
from common.checks.findings import failure
from common.errors import FeedError, LakehouseError, SecretError
from common.result import Result
from common.sources.declaration import Source
from common.sources.feed import FeedAt
from common.sources.readers.files import FileFeed
from common.storage.lake import Lake
from common.storage.last_success import begin, still_valid, succeed

INTO = {"transactions": {"map": {"transaction_id": "ID", "event_time": "TS", "amount": "AMT"}}}
AWAY = FeedError("sftp.example:22: no answer")


def bank(lake: Lake, *names: str) -> Source:
    """A source whose feeds have a file of one record each."""
    feeds = {}
    for name in names:
        folder = Path(lake.settings.landing) / name
        folder.mkdir()
        folder.joinpath("a.csv").write_text("ID,TS\nt1,2025-01-31T10:00:00Z\n")
        feeds[name] = {"reader": "files", "format": "csv", "path": f"{{landing}}/{name}", "into": INTO}
    return Source.model_validate({"name": "bank", "description": "A bank.", "feeds": feeds})


def test_what_the_only_feed_s_pull_landed_before_it_failed_goes_on(lake: Lake) -> None:
    source = bank(lake, "only")

    ingested = ingest(lake, source, pulled=Pulled({"only": AWAY}))

    assert ingested.by_feed == {"only": 1}
    assert unread(source, lake.settings)["only"].reason == str(AWAY)
    assert isinstance(failure(check_feeds(source, lake.settings)), FeedError)
    with pytest.raises(FeedError, match=r"only: sftp\.example"):
        ingest(lake, source, pulled=Pulled({"only": AWAY}))


def test_a_feed_that_breaks_otherwise_hides_no_feed_that_is_away(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    source = bank(lake, "away", "broken")
    stream = FileFeed.stream

    def broken(feed: FileFeed, spark: SparkSession, at: FeedAt) -> DataFrame:
        if at.name == "broken":
            raise LakehouseError("the table is gone")
        return stream(feed, spark, at)

    monkeypatch.setattr(FileFeed, "stream", broken)
    with pytest.raises(LakehouseError, match=r"the table is gone; .* away: sftp\.example") as raised:
        ingest(lake, source, pulled=Pulled({"away": AWAY}))

    assert type(raised.value) is LakehouseError
    assert set(unread(source, lake.settings)) == {"away"}


def test_a_feed_whose_secret_is_missing_stops_no_other(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    source = bank(lake, "locked", "open")
    check = FileFeed.check

    def without_secret(feed: FileFeed, at: FeedAt) -> None:
        if at.name == "locked":
            raise SecretError("the secret 'broker' is nowhere")
        check(feed, at)

    earlier = begin(lake, checking_feeds(source), {})
    succeed(lake, earlier, Result())
    assert still_valid(lake, earlier)
    with monkeypatch.context() as patch:
        patch.setattr(FileFeed, "check", without_secret)
        assert ingest(lake, source).by_feed == {"locked": 0, "open": 1}
        assert "'broker' is nowhere" in str(failure(check_feeds(source, lake.settings)))

    assert ingest(lake, source).by_feed == {"locked": 1, "open": 0}
    assert not still_valid(lake, earlier), "the failed check must not stay the last word"
