"""Pulling: each portion is landed once, whole or not at all, whatever moment a pull is broken off at."""

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import FeedError
from common.settings import Settings
from common.sources.feed import FeedAt
from common.sources.files.landed import LAYOUT, Record, landed_lines
from common.sources.files.parsing import FileRefused, parse_file
from common.sources.pulling import pull as pulls
from common.sources.pulling.pull import Landed, Portion, pull
from common.sources.pulling.removal import forget_lines, remove_old

Step = Callable[[], None]


class Killed(BaseException):
    """Stands for the end of the process."""


@dataclass
class Log:
    """A source that is a list of numbers; its position is what it has confirmed, and it may fall back."""

    numbers: list[int]
    step: Step = lambda: None
    confirmed: list[str] = field(default_factory=list)

    def portions(self, landed: Landed) -> Iterator[Portion]:
        newest = landed.newest()
        begin = int(newest.split(".")[0]) if newest else 0
        for end in range(begin + 3, len(self.numbers) + 3, 3):
            rows = self.numbers[begin:end]
            if rows:
                self.step()
                yield Portion(f"{begin + len(rows):08d}.jsonl", self._lines(begin, rows))
            begin += len(rows)

    def _lines(self, begin: int, rows: list[int]) -> Iterator[bytes]:
        for number, row in enumerate(rows, start=begin):
            self.step()
            yield from landed_lines([Record(f"log/{number:08d}#1", json.dumps({"n": row}))])

    def confirm(self, portion: Portion) -> None:
        self.step()
        self.confirmed.append(portion.name)


def at(home: Path) -> FeedAt:
    return FeedAt("bank", "log", Settings(home, landing_folder=str(home / "landing")))


def landed_records(place: FeedAt) -> list[tuple[str, str | None]]:
    found = []
    for path in sorted(Path(place.pulled).glob("[!.]*")):
        for references, payloads, _ in parse_file(path.read_bytes(), LAYOUT):
            found += list(zip(references.to_pylist(), payloads.to_pylist(), strict=True))
    return found


@given(st.integers(0, 20), st.lists(st.integers(0, 12), max_size=10))
def test_a_pull_that_is_broken_off_anywhere_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, count: int, kills: list[int]
) -> None:
    place = at(tmp_path_factory.mktemp("home"))
    log = Log([*range(count)])
    for moment in kills:
        left = iter(range(moment))

        def step(left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Killed

        log.step = step
        try:
            pull(log, place)
        except Killed:
            continue
    log.step = lambda: None

    pull(log, place)

    assert landed_records(place) == [(f"log/{n:08d}#1", json.dumps({"n": n})) for n in range(count)]
    assert pull(log, place) == 0
    assert not list(Path(place.pulled).glob(".*.part"))


def test_one_process_pulls_a_feed_at_a_time(tmp_path: Path) -> None:
    place = at(tmp_path)
    log = Log([1])

    def second() -> None:
        log.step = lambda: None
        pull(Log([2]), place)

    log.step = second
    with pytest.raises(FeedError, match="the feed log of the source bank is being pulled by another process"):
        pull(log, place)


@contextmanager
def no_locks(path: Path, blocking: bool = True) -> Iterator[bool]:
    """The locks of a volume."""
    raise OSError(errno.ENOSYS, "no locks", str(path))
    yield


@pytest.mark.parametrize("place_of_begin", ["step", "rename"])
@pytest.mark.parametrize("newer_is_killed_at", [0, 4, None])
def test_of_two_pulls_without_locks_the_newer_goes_on_and_the_older_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newer_is_killed_at: int | None, place_of_begin: str
) -> None:
    """The newer one begins at each step of the older one, or between its last look and its rename."""
    monkeypatch.setattr(pulls, "file_lock", no_locks)
    stopped = 0
    for moment in range(14):
        place = at(tmp_path / str(moment))
        newer = Log([*range(8)], killed_after(newer_is_killed_at))  # its last portion has another name
        with monkeypatch.context() as patch:
            begin = begins_at(moment, newer, place, patch)
            older = Log([*range(7)], begin if place_of_begin == "step" else lambda: None)
            if place_of_begin == "rename":
                patch.setattr(Path, "rename", before_rename(begin))
            try:
                pull(older, place)
            except FeedError as error:
                stopped += "another pull of the feed has begun: this one stops" in str(error)

        pull(Log([*range(8)]), place)
        assert landed_records(place) == [(f"log/{n:08d}#1", json.dumps({"n": n})) for n in range(8)]
    assert stopped == (12 if place_of_begin == "step" else 3)


def begins_at(moment: int, newer: Log, place: FeedAt, patch: pytest.MonkeyPatch) -> Step:
    """A step that begins the newer pull the so manieth time it is come to, and never again."""
    left = iter(range(moment + 1))

    def step() -> None:
        if next(left, None) == moment:
            patch.undo()
            patch.setattr(pulls, "file_lock", no_locks)
            with suppress(Killed):
                pull(newer, place)

    return step


def before_rename(step: Step) -> Callable[[Path, Path], Path]:
    rename = Path.rename

    def stepped(path: Path, target: Path) -> Path:
        step()
        return rename(path, target)

    return stepped


def killed_after(steps: int | None) -> Step:
    left = iter(range(steps or 0))

    def step() -> None:
        if steps is not None and next(left, None) is None:
            raise Killed

    return step


def test_what_a_puller_remembers_is_kept_only_by_the_newest_pull(tmp_path: Path) -> None:
    (tmp_path / ".pulling").write_text("newer")
    note = tmp_path / ".note"
    Landed(tmp_path, "newer").keep(note, "right")
    with pytest.raises(FeedError, match="another pull of the feed has begun"):
        Landed(tmp_path, "older").keep(note, "wrong")
    assert note.read_text() == "right"
    assert {path.name for path in tmp_path.iterdir()} == {".pulling", ".note"}


def test_a_full_disk_is_named_and_nothing_is_landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, opened = at(tmp_path), Path.open

    def full(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        return opened(Path("/dev/full") if mode == "wb" else path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(pulls.NotWritten, match=r"/log/\.00000003\.jsonl.* can't be written here \(No space"):
        pull(Log([1, 2, 3]), place)
    assert landed_records(place) == []


def test_what_is_no_json_or_half_a_character_is_carried() -> None:
    records = [Record("a#1", "not json\n"), Record("a#2", None, "not UTF-8"), Record("a#3", '{"x": "\ud800"}')]

    ((references, payloads, errors),) = parse_file(b"".join(landed_lines(records)), LAYOUT)

    assert references.to_pylist() == ["a#1", "a#2", "a#3"]
    assert payloads.to_pylist() == ["not json\n", None, '{"x": "\\ud800"}']
    assert errors.to_pylist()[:2] == [None, "not UTF-8"]
    assert "surrogate" in errors.to_pylist()[2]


def test_a_file_that_no_puller_wrote_is_refused() -> None:
    with pytest.raises(FileRefused, match="line 2 is not what a puller writes"):
        list(parse_file(b'{"ref": "a#1", "payload": null, "error": null}\n{"id": 1}\n', LAYOUT))


def test_a_persons_lines_are_taken_out_and_the_position_stays(tmp_path: Path) -> None:
    place = at(tmp_path)
    pull(Log([*range(7)]), place)
    folder = Path(place.pulled)
    names = Landed(folder).names()

    assert forget_lines(folder, {"log/00000001#1", "log/00000006#1", "log/00000099#1"}) == 2
    assert forget_lines(folder, {"log/00000001#1"}) == 0

    assert Landed(folder).names() == names
    assert [reference for reference, _ in landed_records_of_whole_files(place)] == [
        f"log/{n:08d}#1" for n in (0, 2, 3, 4, 5)
    ]
    assert pull(Log([*range(7)]), place) == 0


def landed_records_of_whole_files(place: FeedAt) -> list[tuple[str, str | None]]:
    for path in Path(place.pulled).glob("[!.]*"):
        if not path.stat().st_size:
            path.rename(path.with_name(f".{path.name}"))
    found = landed_records(place)
    for path in Path(place.pulled).glob(".0*"):
        path.rename(path.with_name(path.name[1:]))
    return found


def test_old_files_are_removed_but_not_the_position(tmp_path: Path) -> None:
    place = at(tmp_path)
    pull(Log([*range(7)]), place)
    folder = Path(place.pulled)
    names = Landed(folder).names()
    now = max(path.stat().st_ctime for path in folder.iterdir()) + 1

    assert remove_old(folder, names[:-1], now - 86_400) == 0
    assert remove_old(folder, names[:-1], now) == 2
    assert Landed(folder).names() == names[-1:]
    assert pull(Log([*range(7)]), place) == 0
