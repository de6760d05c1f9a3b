"""Pullers and servers that are killed at every step: nothing is lost, and nothing is landed twice."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import psycopg
import pytest
from captured_accounts import Captured, transaction
from servers.postgres import Postgres

from common.errors import FeedError
from common.sources.pulling import pull as pulls
from common.sources.pulling.postgres.changes import puller as pulling
from common.sources.pulling.postgres.changes import slot as slots
from common.sources.pulling.postgres.changes import snapshot as snapshots
from common.sources.pulling.postgres.changes.state import SlotState


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
    for step in [*range(1, 41), *(random.randint(1, 60) for _ in range(40))]:
        bank.execute(*(transaction(random, 12) for _ in range(3)))
        killer.left = step
        with suppress(Killed):
            bank.pull()
    killer.left = 0
    bank.pull()
    assert steps_of_first_pull > 20
    assert killer.kills - steps_of_first_pull > 50
    bank.check_landed()
    assert bank.pull() == 0
