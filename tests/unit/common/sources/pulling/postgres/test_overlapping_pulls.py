"""A pull that a newer one has overtaken destroys nothing: neither scraps that are the newer one's, nor its slot."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from common.errors import FeedError
from common.sources.pulling.postgres.cdc import slot as slots
from common.sources.pulling.postgres.cdc.puller import ChangesPuller
from common.sources.pulling.postgres.cdc.state import SlotState, staged
from common.sources.pulling.postgres.tables.state import Store
from common.sources.pulling.pull import Landed

OVERTAKEN = "another pull of the feed has begun"


@pytest.fixture
def older(tmp_path: Path) -> Landed:
    (tmp_path / ".pulling").write_text("older")
    return Landed(tmp_path, "older")


def overtake(landed: Landed) -> None:
    (landed.folder / ".pulling").write_text("newer")


def test_files_of_tables_that_a_newer_pull_has_written_stay(older: Landed) -> None:
    store = Store(older)
    part = store.folder / "20250131T000000000000Z-00001.jsonl"
    part.write_text("the newer one's\n")
    overtake(older)

    with pytest.raises(FeedError, match=OVERTAKEN):
        store.state(older)

    assert part.exists()


@pytest.mark.parametrize(
    ("overtaken_at", "done"), [("save", []), ("first drop", ["drop old"]), ("tell", ["drop old", "drop new"])]
)
def test_a_slot_that_a_newer_pull_has_made_stays(
    older: Landed, monkeypatch: pytest.MonkeyPatch, overtaken_at: str, done: list[str]
) -> None:
    calls: list[str] = []
    saved = SlotState(1, "system", ("a",), "streaming", slot="old").save(older)
    part = staged(older.folder, "1")
    part.write_text("a row\n")
    save = SlotState.save

    def saving(state: SlotState, landed: Landed) -> SlotState:
        save(state, landed)
        if overtaken_at == "save":
            overtake(older)
        return saved

    def dropping(_: Any, slot: str) -> None:
        calls.append(f"drop {slot}")
        if overtaken_at == "first drop":
            overtake(older)

    monkeypatch.setattr(SlotState, "save", saving)
    monkeypatch.setattr(slots, "drop", dropping)
    monkeypatch.setattr(slots, "make", lambda *_: pytest.fail("it is the newer one's"))
    declared: Any = SimpleNamespace(snapshot=2, tables=("a",), slot="new", feed="accounts")
    seen: Any = SimpleNamespace(server=SimpleNamespace(system="system"), publication=SimpleNamespace(entries={"a": 1}))
    puller = ChangesPuller("db", declared, lambda _: nullcontext(MagicMock()), lambda _: overtake(older))
    puller._landed, puller._control = older, MagicMock()

    with pytest.raises(FeedError, match=OVERTAKEN):
        puller._begin(seen, MagicMock())

    assert calls == done
    assert part.exists() is (overtaken_at == "save")
