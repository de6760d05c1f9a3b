"""Merchants' history in memory: as it was at the time, read again only when its table has changed."""

from typing import cast

import pyarrow as pa
import pytest
from gold_worlds import at

from common.gold import watchlist
from common.gold.watchlist import Version, Watchlist
from common.storage.lake import Lake
from common.storage.table_state import TableState


class Merchants:
    """Stands for a lake: the history of merchants in one version after the other."""

    def __init__(self) -> None:
        self.version, self.reads = 0, 0
        self.history: dict[str | None, list[Version]] = {}

    def state(self, _: object) -> TableState:
        return TableState(self.version, f"commit {self.version}")

    def read(self) -> dict[str | None, list[Version]]:
        self.reads += 1
        return dict(self.history)


@pytest.fixture
def merchants(monkeypatch: pytest.MonkeyPatch) -> Merchants:
    made = Merchants()
    monkeypatch.setattr(watchlist, "_versions", lambda lake: lake.read())
    return made


def rows(*places: tuple[str | None, float]) -> pa.Table:
    return pa.table({"merchant_id": [name for name, _ in places], "event_time": [at(day) for _, day in places]})


def flags(known: Watchlist, merchants: Merchants, *places: tuple[str | None, float]) -> list[bool | None]:
    return list(known.flags(cast(Lake, merchants), rows(*places)).to_pylist())


def test_a_version_counts_from_its_first_moment_until_the_next_begins(merchants: Merchants) -> None:
    merchants.history = {"M": [(False, at(1), at(3)), (True, at(3), None)]}
    places = [("M", 0.9), ("M", 1), ("M", 2.9), ("M", 3), ("M", 99), ("N", 3), (None, 3)]
    assert flags(Watchlist(), merchants, *places) == [None, False, False, True, True, None, None]


def test_the_history_is_read_again_when_the_table_has_changed(merchants: Merchants) -> None:
    known = Watchlist()
    assert flags(known, merchants, ("M", 3)) == [None]
    merchants.history = {"M": [(True, at(1), None)]}
    assert flags(known, merchants, ("M", 3)) == [None], "it has the same version"
    merchants.version = 1
    assert flags(known, merchants, ("M", 3)) == [True]
    assert merchants.reads == 2
