"""Structured Streaming queries: started with a checkpoint, waited for, ended with their notebook."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from pyspark.errors import PySparkException, StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from common.errors import LakehouseError, PositionError
from common.platform import this_platform

Process = Callable[[DataFrame, int], None]


@dataclass(frozen=True)
class Trigger:
    """How long a query goes on: until nothing is new, or for ever with a pause between micro-batches."""

    kind: str = "available_now"
    interval_seconds: int = 10

    def on(self, writer: DataStreamWriter) -> DataStreamWriter:
        """The writer with this trigger."""
        if self.kind == "available_now":
            return writer.trigger(availableNow=True)
        return writer.trigger(processingTime=f"{self.interval_seconds} seconds")


AVAILABLE_NOW = Trigger()
POLL_SECONDS = 1


def append_stream(rows: DataFrame, full_name: str, checkpoint: str, trigger: Trigger = AVAILABLE_NOW) -> StreamingQuery:
    """Starts a query that appends the stream to a Delta table, each micro-batch exactly once."""
    writer = rows.writeStream.format("delta").outputMode("append").option("checkpointLocation", checkpoint)
    return _started(lambda: trigger.on(writer).toTable(full_name), checkpoint)


def process_stream(
    rows: DataFrame, process: Process, checkpoint: str, trigger: Trigger = AVAILABLE_NOW
) -> StreamingQuery:
    """Starts a query that hands each micro-batch to `process`, which runs in the engine and must be idempotent."""
    writer = rows.writeStream.foreachBatch(process).option("checkpointLocation", checkpoint)
    return _started(lambda: trigger.on(writer).start(), checkpoint)


_ACTIVE = "another query with same id is already active"
"""What Spark says of a checkpoint in use, where it is told not to stop the query that uses it."""


def _started(start: Callable[[], StreamingQuery], checkpoint: str) -> StreamingQuery:
    try:
        return start()
    except PySparkException as error:
        if _ACTIVE not in str(error):
            raise
        raise LakehouseError(
            f"the stream with the checkpoint {checkpoint} runs already, in another run or notebook, and one runs at a "
            f"time. Nothing was started. Wait for that one to end, or stop it ({this_platform().stop_stream})"
        ) from None


def wait_for(queries: Iterable[StreamingQuery]) -> None:
    """Starts the queries and waits until all have ended; if one fails or the wait is broken off, all are stopped.

    The queries are best given as a generator, so that those started are stopped when a later one can't be.

    Raises:
        PositionError: a table that a query reads was made anew since the query last read it.
        LakehouseError: a micro-batch failed for a reason that a person can mend.
        StreamingQueryException: a micro-batch failed otherwise.
    """
    started: list[StreamingQuery] = []
    try:
        for query in queries:
            started.append(query)
        waiting = started
        while waiting:
            # In turns: a query that goes on for ever must not hide the failure of the next.
            waiting = [query for query in waiting if not query.awaitTermination(POLL_SECONDS)]
    except StreamingQueryException as error:
        if _OTHER_TABLE in str(error):
            raise PositionError(_made_anew(str(error))) from None
        if (message := _own_message(str(error))) is not None:
            raise LakehouseError(message) from None
        raise
    finally:
        for query in started:
            if query.isActive:
                query.stop()


_OTHER_TABLE = "DELTA_DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE"


def _made_anew(text: str) -> str:
    said = next((line.strip() for line in text.splitlines() if _OTHER_TABLE in line), _OTHER_TABLE)
    return (
        "a table that this stream reads was made anew since its last run, so that it can't tell what is new. "
        f"Reset the streams that read it ({this_platform().list_streams}) and run the job again. "
        f"Delta says: {said[:500]}"
    )


def _own_message(text: str) -> str | None:
    """The message of one of this project's errors within the trace that came back from the engine."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.strip().startswith("common.errors."):
            rest = takewhile(lambda following: following.strip() and not following.lstrip().startswith("at "), lines)
            return "\n".join([line.split(":", 1)[1].strip(), *rest])
    return None


def has_begun(checkpoint: str) -> bool:
    """Whether a query with this checkpoint was ever started."""
    return Path(checkpoint, "metadata").is_file()


def query_id(checkpoint: str) -> str:
    """The id that Spark gave the query of a checkpoint: the same after every restart, new with a new checkpoint."""
    text = Path(checkpoint, "metadata").read_text(encoding="utf-8")
    if not text.strip():
        way_out = this_platform().reset_stream.format(stream="STREAM", folder=checkpoint)
        raise PositionError(f"{checkpoint}/metadata is empty: {way_out}, so that it reads everything again")
    return str(json.loads(text)["id"])
