"""Pullers and servers that are killed at every step: nothing is lost, and nothing is landed twice."""

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Lock, Thread
from typing import Any

import psycopg
import pytest
from captured_accounts import Captured, transaction

from common.errors import FeedError
from common.sources.pulling import pull as pulls
from common.sources.pulling.postgres.cdc import puller as pulling
from common.sources.pulling.postgres.cdc import slot as slots
from common.sources.pulling.postgres.cdc import snapshot as snapshots
from common.sources.pulling.postgres.cdc.state import SlotState
from servers.postgres import Postgres


class Killed(BaseException):
    """As if the process had ended: nothing catches it."""


class Killer:
    """Ends a pull at one of its steps: before or after it, counted from the pull's begin."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.kills = 0
        for place, name in (
            (slots, "make"),
            (slots, "drop"),
            (slots, "advance"),
            (pulling, "stage"),
            (pulling, "preflight"),
            (pulls, "land"),
            (SlotState, "save"),
            (os, "fsync"),
            (Path, "rename"),
            (Path, "replace"),
            (Path, "unlink"),
        ):
            patch.setattr(place, name, self._stepping(getattr(place, name)))

    def _stepping(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **options: Any) -> Any:
            self._count()
            result = step(*arguments, **options)
            self._count()
            return result

        return stepped

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.kills += 1
            raise Killed


@pytest.fixture
def bank(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Captured]:
    monkeypatch.setattr(snapshots, "PART_RECORDS", 15)
    monkeypatch.setattr(pulling, "PORTION_BYTES", 2_000)
    monkeypatch.setattr(pulling, "PEEKED_CHANGES", 20)
    captured = Captured(postgres, tmp_path)
    captured.execute("INSERT INTO accounts SELECT i, 'x' FROM generate_series(1, 40) i")
    yield captured
    monkeypatch.undo()
    captured.drop()


def test_a_pull_that_ends_at_any_step_loses_nothing_and_repeats_nothing(
    bank: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(2)
    killer = Killer(monkeypatch)
    for step in itertools.count(1):  # the first pull, from the beginning each time until the snapshot is there
        killer.left = step
        try:
            bank.pull()
            break
        except Killed:
            bank.execute(*(transaction(random) for _ in range(2)))
    steps_of_first_pull = killer.kills
    for step in [*range(1, 26), *(random.randint(1, 60) for _ in range(10))]:
        bank.execute(*(transaction(random, 12) for _ in range(3)))
        killer.left = step
        with suppress(Killed):
            bank.pull()
    killer.left = 0
    bank.pull()
    assert steps_of_first_pull > 20
    assert killer.kills - steps_of_first_pull > 25
    bank.check_landed()
    assert bank.pull() == 0


def test_killed_pullers_and_servers_lose_nothing_and_repeat_nothing(bank: Captured) -> None:
    random = Random(3)
    server = bank.server
    done: list[int] = []
    writing = Lock()

    def write() -> None:
        while not done:
            with suppress(psycopg.OperationalError), server.connect(bank.database) as connection:
                while not done:
                    with writing:
                        connection.execute(transaction(random, truncates=False))
                    time.sleep(0.05)  # a pull in small steps must keep up
            time.sleep(0.05)

    writer = Thread(target=write)
    writer.start()
    killed = 0
    try:
        for _ in range(4):
            for _ in range(2):
                killed += killed_while_it_pulls(bank, random.uniform(0.05, 0.4), writing)
            killing = Thread(target=lambda: (time.sleep(random.uniform(0.01, 0.2)), server.kill()))
            killing.start()
            with suppress(FeedError):
                while killing.is_alive():
                    bank.pull()
            killing.join()
            server.start()
            killed += 1
    finally:
        done.append(1)
        writer.join()
    bank.pull()
    assert killed == 12
    bank.check_landed()


def killed_while_it_pulls(bank: Captured, seconds: float, writing: Lock) -> bool:
    """Kills a process that pulls again and again; whether it was at that until then."""
    is_served = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lakehouse'"
    is_read = f"SELECT active_pid FROM pg_replication_slots WHERE slot_name = '{bank.slot}' AND active"
    # The server notices late that the one before was killed: it may yet begin what that one asked for last.
    while bank.execute(is_served) or bank.execute(is_read):
        time.sleep(0.01)
    with writing:  # a lock that another thread has when the process is forked would never be free
        child = os.fork()
    if child == 0:
        try:
            while True:
                bank.pull()
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_a_slot_that_fell_back_gives_nothing_again(bank: Captured) -> None:
    bank.pull()
    for key in range(100, 110):
        bank.execute(f"INSERT INTO accounts (account_id) VALUES ({key})")
        bank.pull()
    bank.check_landed()
    confirmed = f"SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '{bank.slot}'"
    before = bank.execute(confirmed)
    bank.server.kill()
    bank.server.start()
    assert bank.execute(confirmed) <= before
    files = len(bank.files)
    assert bank.pull() == 0
    assert len(bank.files) == files
    bank.check_landed()
