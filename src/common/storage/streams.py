"""Structured Streaming queries: started with a checkpoint, run to their end, started again where a worker came late."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from common import errors
from common.errors import CheckpointError, FeedError, LakehouseError, first_line, with_words
from common.platform import this_platform
from common.storage.files import write_whole
from common.storage.lake import Lake, Once

BatchStep = Callable[[Lake, DataFrame, Once], None]
"""What a micro-batch goes through: the tables, its rows, and the name under which its writes are done once.

It runs in a worker of the engine, on copies of what it was given, and must be repeatable.
"""


@dataclass(frozen=True)
class Trigger:
    """How long a query goes on: until nothing is new, or for ever with a pause between micro-batches."""

    kind: str = "available_now"
    interval_seconds: int = 10

    @property
    def goes_on(self) -> bool:
        """Whether the query goes on for ever."""
        return self.kind != "available_now"

    def on(self, writer: DataStreamWriter) -> DataStreamWriter:
        """The writer with this trigger."""
        if self.goes_on:
            return writer.trigger(processingTime=f"{self.interval_seconds} seconds")
        return writer.trigger(availableNow=True)


AVAILABLE_NOW = Trigger()
POLL_SECONDS = 1

STARTS = 5
"""How often a query is started at most while its worker doesn't connect in time."""
PAUSE_SECONDS = 5
"""The pause before the second start; each further one is longer by as much."""


@dataclass(frozen=True)
class Query:
    """A streaming query that is not started yet. `explained` may give a better error for its failure."""

    checkpoint: str
    start: Callable[[], StreamingQuery]
    explained: Callable[[PySparkException], Exception | None] = lambda _: None
    goes_on: bool = False


def append_query(rows: DataFrame, full_name: str, checkpoint: str, trigger: Trigger = AVAILABLE_NOW) -> Query:
    """A query that appends the stream to a Delta table, each micro-batch exactly once."""
    writer = rows.writeStream.format("delta").outputMode("append").option("checkpointLocation", checkpoint)
    return Query(checkpoint, lambda: trigger.on(writer).toTable(full_name), goes_on=trigger.goes_on)


def batch_query(
    lake: Lake, rows: DataFrame, checkpoint: str, step: BatchStep, trigger: Trigger = AVAILABLE_NOW
) -> Query:
    """A query that takes each micro-batch through `step`."""
    settings = lake.settings

    def process(batch: DataFrame, batch_id: int) -> None:
        try:
            step(Lake(batch.sparkSession, settings), batch, Once(query_id(checkpoint), batch_id))
        except LakehouseError as error:
            _note_failure(checkpoint, error)
            raise

    writer = rows.writeStream.foreachBatch(process).option("checkpointLocation", checkpoint)
    return Query(checkpoint, lambda: trigger.on(writer).start(), goes_on=trigger.goes_on)


def run_queries(queries: Iterable[Query], unread: dict[str, FeedError] | None = None) -> None:
    """Starts the queries and waits until all have ended.

    Where one fails, the others go on to their end, and its failure is raised after that. Queries that go on for ever
    are stopped by a failure of any, and all are where the wait is broken off. A query whose Python worker doesn't come
    in time, as happens on a busy machine, is started again after a pause. Where `unread` is given, it notes by
    checkpoint those that can't read their source, and nothing is raised for them.

    Raises:
        FeedError: a query can't read its source, and `unread` is not given.
        CheckpointError: a table that a query reads was made again since the query last read it.
        LakehouseError: a micro-batch failed for a reason that a person can mend, or the query runs already.
        PySparkException: a micro-batch failed otherwise.
    """
    started: list[_Running] = []
    failures: list[Exception] = []
    goes_on = False
    try:
        for query in queries:
            if failures and goes_on:
                break
            goes_on = goes_on or query.goes_on
            with _noting(query, failures, unread):
                started.append(_Running(query))
        waiting = started
        while waiting and not (failures and goes_on):
            # In turns: a query that goes on for ever must not hide the next one's failure.
            waiting = [running for running in waiting if not _has_ended(running, failures, unread)]
    finally:
        for running in started:
            running.stop()
    if failures:
        raise _failure_of_all(failures)


def _failure_of_all(failures: list[Exception]) -> Exception:
    """One failure as it is; of several those that a person can mend together, or as notes of one that nobody knows."""
    unknown = [error for error in failures if not isinstance(error, LakehouseError)]
    if not unknown and len(failures) > 1:
        return type(failures[0])("; ".join(map(str, failures)))
    first = (unknown or failures)[0]
    for other in failures:
        if other is not first:
            first = with_words(first, f"another stream failed, too: {first_line(other)}")
    return first


def _has_ended(running: "_Running", failures: list[Exception], unread: dict[str, FeedError] | None) -> bool:
    with _noting(running.query, failures, unread):
        return running.has_ended()
    return True


@contextmanager
def _noting(query: Query, failures: list[Exception], unread: dict[str, FeedError] | None) -> Iterator[None]:
    """Notes why a query fails."""
    try:
        yield
    except FeedError as error:
        if unread is None:
            failures.append(error)
        else:
            unread[query.checkpoint] = error
    except Exception as error:
        failures.append(error)


class _Running:
    """A query that was started, perhaps more than once."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self._starts = 0
        _failure_file(query.checkpoint).unlink(missing_ok=True)
        self._active = self._start()

    def has_ended(self) -> bool:
        """Waits a moment for the end."""
        try:
            return bool(self._active.awaitTermination(POLL_SECONDS))
        except PySparkException as error:
            self._pause_or_raise(error)
            self._active = self._start()
            return False

    def stop(self) -> None:
        if self._active.isActive:
            self._active.stop()

    def _start(self) -> StreamingQuery:
        while True:
            self._starts += 1
            try:
                return self.query.start()
            except PySparkException as error:
                self._pause_or_raise(error)

    def _pause_or_raise(self, error: PySparkException) -> None:
        if _WORKER_IS_LATE in str(error) and self._starts < STARTS:
            time.sleep(PAUSE_SECONDS * self._starts)
            return
        raise self.query.explained(error) or _failure(self.query.checkpoint, error) from None


_WORKER_IS_LATE = "Python worker failed to connect back"
"""Spark gives a worker 10 seconds to connect, which is fixed in its code, and names no error class."""
_ACTIVE = "another query with same id is already active"
"""Spark's message for a checkpoint in use, where its settings forbid to stop the query that uses it."""
_OTHER_TABLE = "DELTA_DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE"


def _failure(checkpoint: str, error: PySparkException) -> Exception:
    """The error to raise for a failed query: its step's own error, a sentence for a known cause, or Spark's."""
    text = str(error)
    if _ACTIVE in text:  # what is noted is the other query's
        return LakehouseError(
            f"the stream with the checkpoint {checkpoint} runs already, in another run or notebook, and one runs at a "
            f"time. Nothing was started. Wait for that one to end, or stop it ({this_platform().stop_stream})"
        )
    if (own := _noted_failure(checkpoint)) is not None:
        return own
    if _OTHER_TABLE in text:
        reason = next((line.strip() for line in text.splitlines() if _OTHER_TABLE in line), _OTHER_TABLE)
        return CheckpointError(
            "a table that this stream reads was made again since its last run, so that it can't tell what is new. "
            f"Reset the streams that read it ({this_platform().list_streams}) and run the job again. "
            f"Delta says: {reason[:500]}"
        )
    return error


def _failure_file(checkpoint: str) -> Path:
    """Where a step leaves its error for the waiting process, which gets the worker's exception as a trace alone."""
    return Path(f"{checkpoint}.failure")


def _note_failure(checkpoint: str, error: LakehouseError) -> None:
    content = {"type": type(error).__name__, "message": str(error)}
    with suppress(OSError):  # then the trace has to do
        write_whole(_failure_file(checkpoint), json.dumps(content))


def _noted_failure(checkpoint: str) -> LakehouseError | None:
    file = _failure_file(checkpoint)
    if not file.is_file():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    kind: type[LakehouseError] = getattr(errors, content["type"], LakehouseError)
    return kind(content["message"])


def query_id(checkpoint: str) -> str:
    """The id that Spark gave the query of a checkpoint: the same after every restart, new with a new checkpoint."""
    text = Path(checkpoint, "metadata").read_text(encoding="utf-8")
    if not text.strip():
        way_out = this_platform().reset_stream.format(stream="STREAM", folder=checkpoint)
        raise CheckpointError(f"{checkpoint}/metadata is empty: {way_out}, so that it reads everything again")
    return str(json.loads(text)["id"])
