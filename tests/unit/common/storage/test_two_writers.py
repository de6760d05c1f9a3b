"""Two processes that write at once: a run forced past the job's lock, or a person's statement in a notebook."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Barrier

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from common.contracts.table import Table
from common.errors import LakehouseError
from common.storage import conflicts
from common.storage.conflicts import ATTEMPTS, is_conflict, retried
from common.storage.lake import Lake, Once
from common.storage.streams import Query, Trigger, batch_query, run_queries
from lake_tables import pairs, pairs_table
from local.engine.sessions import fresh_session

WRITERS, ROUNDS = 2, 2


class Lost(PySparkException):
    """A commit that lost its race."""

    def __init__(self, condition: str) -> None:
        super().__init__(f"[{condition}] another writer was first")


def a_write(*outcomes: Exception | str) -> Callable[[], str]:
    """A write that comes out one way after the other."""
    remaining = iter(outcomes)

    def write() -> str:
        outcome = next(remaining)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return write


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(conflicts.time, "sleep", slept.append)
    return slept


def test_a_write_that_lost_is_tried_again_with_longer_pauses(pauses: list[float]) -> None:
    lost = Lost("DELTA_CONCURRENT_APPEND")

    assert retried(a_write(lost, lost, "done")) == "done"
    assert len(pauses) == 2


def test_a_write_that_always_loses_is_reported(pauses: list[float]) -> None:
    with pytest.raises(Lost):
        retried(a_write(*[Lost("DELTA_METADATA_CHANGED")] * ATTEMPTS, "too late"))
    assert len(pauses) == ATTEMPTS - 1


def test_another_failure_is_not_tried_again(pauses: list[float]) -> None:
    with pytest.raises(Lost):
        retried(a_write(Lost("DELTA_TABLE_NOT_FOUND"), "not reached"))
    assert not pauses


@pytest.fixture
def writers(lake: Lake) -> Iterator[list[Lake]]:
    """The lake as several processes see it, each with a session of its own."""
    with ExitStack() as stack:
        yield [
            Lake(stack.enter_context(fresh_session(os.environ["SPARK_REMOTE"])), lake.settings) for _ in range(WRITERS)
        ]


def at_once(*works: Callable[[], object]) -> list[object]:
    """Starts all of them at one moment and waits; the first failure is raised."""
    barrier = Barrier(len(works))

    def begin(work: Callable[[], object]) -> object:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


def halves(lake: Lake, table: Table) -> int:
    """Rows of which one writer's half is there and another's."""
    return lake.table(table).where("NOT (one <=> other)").count()


@pytest.mark.spark
def test_merges_at_once_all_take_effect(lake: Lake, writers: list[Lake]) -> None:
    table = pairs_table("merged_at_once")
    lake.ensure(table)
    lake.append(pairs(lake.spark, range(100), "begin"), table)

    def merge_own(number: int) -> None:
        for round_ in range(ROUNDS):
            rows = pairs(writers[number].spark, range(100 + number), f"{number}/{round_}")
            changed = rows.where((F.col("id") % WRITERS == number) | (F.col("id") >= 100))
            writers[number].apply_changes(changed.withColumn("operation", F.lit("upsert")), table)

    at_once(*(lambda number=number: merge_own(number) for number in range(WRITERS)))  # type: ignore[misc]

    assert halves(lake, table) == 0
    found = {row["id"]: row["one"] for row in lake.table(table).collect()}
    assert len(found) == lake.table(table).count() == 100 + WRITERS - 1
    assert all(found[id_] == f"{id_ % WRITERS}/{ROUNDS - 1}" for id_ in range(100))


@pytest.mark.spark
def test_a_batch_that_two_processes_write_at_once_is_there_once(lake: Lake, writers: list[Lake]) -> None:
    table = pairs_table("written_at_once")
    lake.ensure(table)

    for batch in range(ROUNDS):
        ids = range(batch * 10, batch * 10 + 10)
        once = Once("a query", batch)
        at_once(
            *(
                lambda writer=writer, ids=ids, once=once: writer.insert_new(  # type: ignore[misc]
                    pairs(writer.spark, ids, "any"), table, once
                )
                for writer in writers
            )
        )

    assert lake.table(table).count() == lake.table(table).select("id").distinct().count() == ROUNDS * 10


@pytest.mark.spark
def test_a_persons_statement_meets_a_merge_and_neither_is_half_applied(lake: Lake, writers: list[Lake]) -> None:
    table = pairs_table("touched_by_a_person")
    lake.ensure(table)
    lake.append(pairs(lake.spark, range(50), "begin"), table)
    refused: list[PySparkException] = []

    def update_by_hand() -> None:
        statement = f"UPDATE {writers[0].full_name(table)} SET one = concat(one, '!'), other = concat(other, '!')"
        for _ in range(ROUNDS):
            try:
                writers[0].spark.sql(statement)
            except PySparkException as error:
                refused.append(error)

    def merge() -> None:
        for round_ in range(ROUNDS):
            rows = pairs(writers[1].spark, range(10, 60), f"job {round_}").withColumn("operation", F.lit("upsert"))
            writers[1].apply_changes(rows, table)

    at_once(update_by_hand, merge)

    assert halves(lake, table) == 0
    assert all(is_conflict(error) for error in refused), "a person's statement is applied or refused as a conflict"
    found = {row["id"]: row["one"] for row in lake.table(table).collect()}
    assert len(found) == lake.table(table).count() == 60
    updates = ROUNDS - len(refused)
    assert {found[id_] for id_ in range(10)} == {"begin" + "!" * updates}
    assert {found[id_].rstrip("!") for id_ in range(10, 60)} == {f"job {ROUNDS - 1}"}


@pytest.mark.spark
def test_an_insert_of_a_key_that_another_writer_has_added_meanwhile_is_an_update(lake: Lake) -> None:
    table = pairs_table("meanwhile")
    lake.ensure(table)
    lake.append(pairs(lake.spark, range(3), "other writer"), table)
    lake.apply_changes(pairs(lake.spark, range(5), "mine").withColumn("operation", F.lit("insert")), table)
    assert {row["id"]: row["one"] for row in lake.table(table).collect()} == dict.fromkeys(range(5), "mine")


@pytest.mark.spark
def test_a_stream_that_runs_already_is_refused_in_a_sentence(lake: Lake, writers: list[Lake], tmp_path: Path) -> None:
    table = pairs_table("read_twice")
    lake.ensure(table)
    lake.append(pairs(lake.spark, range(3), "any"), table)
    checkpoint = str(tmp_path / "checkpoint")

    def query(writer: Lake, trigger: Trigger) -> Query:
        return batch_query(writer, writer.stream(table), checkpoint, lambda *batch: batch[1].count() and None, trigger)

    first = query(writers[0], Trigger("processing_time", 1)).start()
    try:
        while not list(Path(checkpoint, "commits").glob("[0-9]*")):
            time.sleep(0.1)
        with pytest.raises(LakehouseError, match="runs already"):
            run_queries([query(writers[1], Trigger())])
        assert first.isActive, "the one that was there goes on"
    finally:
        with suppress(PySparkException):
            first.stop()
