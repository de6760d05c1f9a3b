"""The shop's tables, written at random while they are pulled, and pulls and servers killed: the records make them."""

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sales_database import Writers, lines_of, rows_of, state_of

from common.sources.feed import FeedAt
from common.sources.readers.postgres_tables import PostgresTablesFeed
from servers.postgres import Postgres

FeedOf = Callable[..., PostgresTablesFeed]
WATERMARKS = (["xmin"], ["updated_at", "xmin"])
PULLING = "/common/sources/pulling/"
NOTES = "/common/storage/files.py"
KILLED = 77
Line = tuple[str, int]


@pytest.mark.parametrize("watermark", WATERMARKS)
def test_records_make_the_tables_while_they_are_written(
    server: Postgres, at: FeedAt, feed_of: FeedOf, watermark: list[str]
) -> None:
    feed, folder = feed_of(watermark=watermark, overlap="1 minute"), Path(at.pulled)
    writers = Writers(server, seed=11)
    draw = random.Random(5)
    for turn in range(20):
        writers.write(draw.randrange(80))
        if turn == 8:
            server.execute(
                "CREATE TABLE returns (id bigint PRIMARY KEY, why text)", "INSERT INTO returns VALUES (1, 'x')"
            )
        if turn == 5:
            writers.close()
            server.restart()
        if turn == 12:
            server.kill()
            server.start()
            writers.close()
        if turn == 15:
            writers.end()
            server.execute("ALTER TABLE orders ALTER COLUMN id TYPE numeric", "ALTER TABLE stores ADD COLUMN size int")
        feed.pull(at)
        assert _without(state_of(folder, server), "size") == _without(rows_of(server), "size")
    writers.end()
    feed.pull(at)
    assert _without(state_of(folder, server), "size") == _without(rows_of(server), "size")
    assert sum(len(rows) for rows in rows_of(server).values()) > 150
    assert {row["_op"] for _, row in lines_of(folder)} == {"r", "d"}
    writers.close()
    assert feed.pull(at) == 0


def test_a_kill_at_any_line_loses_and_doubles_nothing(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    """Before each line that is run while the folder is another than at the lines before: the others leave the same."""
    feed, folder = feed_of(watermark=["updated_at", "xmin"]), Path(at.pulled)
    writers = Writers(server, seed=3)
    writers.write(300)
    feed.pull(at)
    writers.write(60)
    lines = _lines_of(lambda: feed.pull(at), folder)
    assert len(lines) > 15
    kills = 0
    for number, line in enumerate(lines * 2):
        writers.write(4)
        kills += _killed_at(line, lambda: feed.pull(at))
        if number % 5 == 0:
            feed.pull(at)
            assert state_of(folder, server) == rows_of(server)
    feed.pull(at)
    assert state_of(folder, server) == rows_of(server)
    assert kills > 30
    assert not list(folder.glob(".*part"))
    writers.close()


def _without(rows: dict[str, dict[str, dict[str, Any]]], column: str) -> dict[str, Any]:
    """The rows without a column that came later: of a row that has not changed since, no record has it."""
    return {
        table: {key: {name: value for name, value in row.items() if name != column} for key, row in found.items()}
        for table, found in rows.items()
    }


def _lines_of(work: Callable[[], object], folder: Path) -> list[Line]:
    """The lines of pulling code, its notes included, that some work runs, in the order in which they are first run.

    Of those that are run while the folder stays as it is, the first one.
    """
    lines: dict[Line, bool] = {}
    before: list[tuple[str, int, int]] = []

    def reach(line: Line) -> None:
        if line not in lines:
            found = sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*"))
            lines[line] = found != before
            before[:] = found

    _traced(work, reach)
    return [line for line, is_first in lines.items() if is_first]


def _killed_at(line: Line, work: Callable[[], object]) -> bool:
    """Does the work in a process that dies, like one that is killed, before it runs the line; whether it came there."""
    child = os.fork()
    if child == 0:
        try:
            _traced(work, lambda reached: os._exit(KILLED) if reached == line else None)
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED)
    return status == KILLED


def _traced(work: Callable[[], object], reach: Callable[[Line], object]) -> None:
    def trace(frame: FrameType, event: str, _: object) -> Any:
        if PULLING not in frame.f_code.co_filename and not frame.f_code.co_filename.endswith(NOTES):
            return None
        if event == "line":
            reach((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
