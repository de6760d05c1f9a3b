"""Queries are started again when their worker comes late, and a step's own error reaches whoever waits."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from common.errors import ConservationError, FeedError, LakehouseError
from common.storage import streams
from common.storage.lake import Lake, Once
from common.storage.streams import STARTS, Query, append_query, batch_query, run_queries
from lake_tables import pairs, pairs_table

FROM = pairs_table("streamed_from")
TO = pairs_table("streamed_to")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PAUSE_SECONDS", 0)


@pytest.fixture
def filled(lake: Lake) -> Lake:
    lake.ensure(FROM, TO)
    lake.append(pairs(lake.spark, range(3), "any"), FROM)
    return lake


def late(times: int, query: Query) -> Query:
    """The query, whose worker comes too late so many times."""
    left = iter(range(times))

    def start() -> StreamingQuery:
        if next(left, None) is not None:
            raise PySparkException("java.lang.Exception: Python worker failed to connect back.")
        return query.start()

    return Query(query.checkpoint, start)


@pytest.mark.spark
def test_a_query_whose_worker_comes_late_is_started_again(filled: Lake, tmp_path: Path) -> None:
    query = append_query(filled.stream(FROM), filled.full_name(TO), str(tmp_path / "late"))
    run_queries([late(STARTS - 1, query)])
    assert filled.table(TO).count() == 3


def test_a_query_whose_worker_never_comes_fails_with_sparks_words(tmp_path: Path) -> None:
    def start() -> StreamingQuery:
        starts.append(1)
        raise PySparkException("Python worker failed to connect back.")

    starts: list[int] = []
    with pytest.raises(PySparkException, match="connect back"):
        run_queries([Query(str(tmp_path / "never"), start)])
    assert len(starts) == STARTS


def test_another_error_is_raised_at_once(tmp_path: Path) -> None:
    def start() -> StreamingQuery:
        starts.append(1)
        raise PySparkException("no such column")

    starts: list[int] = []
    with pytest.raises(PySparkException, match="no such column"):
        run_queries([Query(str(tmp_path / "wrong"), start)])
    assert starts == [1]


class Ending:
    """A query that runs: it ends after so many looks at it, or fails then."""

    def __init__(self, looks: int, failure: Exception | None = None) -> None:
        self.looks, self.failure, self.isActive = looks, failure, True

    def awaitTermination(self, _seconds: float) -> bool:  # noqa: N802
        self.looks -= 1
        if self.looks <= 0:
            self.isActive = False
            if self.failure:
                raise self.failure
        return not self.isActive

    def stop(self) -> None:
        self.isActive = False


def of(tmp_path: Path, *running: Ending | Exception, goes_on: bool = False) -> list[Query]:
    def started(one: Ending | Exception) -> Callable[[], StreamingQuery]:
        def start() -> StreamingQuery:
            if isinstance(one, Exception):
                raise one
            return cast(StreamingQuery, one)

        return start

    return [Query(str(tmp_path / str(n)), started(one), goes_on=goes_on) for n, one in enumerate(running)]


def test_a_failure_is_raised_after_the_others_have_read_to_their_end(tmp_path: Path) -> None:
    long = Ending(5)
    lost = Ending(2, PySparkException("lost"))
    with pytest.raises(PySparkException, match="lost") as raised:
        run_queries(of(tmp_path, FeedError("away"), lost, long))
    assert raised.value.__notes__ == ["another stream failed, too: away"]
    assert (lost.looks, long.looks) == (0, 0)
    with pytest.raises(FeedError, match=r"^away; refused$"):
        run_queries(of(tmp_path, FeedError("away"), FeedError("refused"), Ending(1)))


def test_a_failure_stops_queries_that_go_on(tmp_path: Path) -> None:
    for failing_one in (FeedError("lost"), Ending(2, PySparkException("lost"))):
        other = Ending(1000)
        with pytest.raises((FeedError, PySparkException), match="lost"):
            run_queries(of(tmp_path, other, failing_one, goes_on=True))
        assert not other.isActive
        assert other.looks > 900


def failing(error: Callable[[], Exception]) -> streams.BatchStep:
    def step(lake: Lake, batch: DataFrame, once: Once) -> None:
        del lake, batch, once
        raise error()

    return step


@pytest.mark.spark
def test_a_steps_own_error_arrives_with_its_type_and_all_its_lines(filled: Lake, tmp_path: Path) -> None:
    step = failing(lambda: ConservationError("two lines:\n  at the second, 3 records are missing"))
    with pytest.raises(ConservationError) as caught:
        run_queries([batch_query(filled, filled.stream(FROM), str(tmp_path / "own"), step)])
    assert str(caught.value) == "two lines:\n  at the second, 3 records are missing"
    assert not list(tmp_path.glob("*.failure")), "the next run starts without it"


@pytest.mark.spark
def test_a_steps_other_error_is_sparks(filled: Lake, tmp_path: Path) -> None:
    step = failing(lambda: ZeroDivisionError("division"))
    with pytest.raises(PySparkException, match="division"):
        run_queries([batch_query(filled, filled.stream(FROM), str(tmp_path / "bug"), step)])


@pytest.mark.spark
def test_an_error_of_an_earlier_run_is_not_raised_again(filled: Lake, tmp_path: Path) -> None:
    checkpoint = tmp_path / "old"
    Path(f"{checkpoint}.failure").write_text('{"type": "LakehouseError", "message": "from before"}')
    with pytest.raises(PySparkException) as caught:
        run_queries([batch_query(filled, filled.stream(FROM), str(checkpoint), failing(lambda: KeyError("new")))])
    assert not isinstance(caught.value, LakehouseError)
