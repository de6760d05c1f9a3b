"""The tools of chaos do what they say: all processes die, a full disk is full, a seed gives the same moments."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import chaos_faults
import pytest
from chaos_faults import can_mount, full_disk, mount_disk, read_only, unmount
from chaos_moments import SHARES, TaskProfile, draw
from chaos_processes import Worker, kill_all, lander, none_left, processes_of
from chaos_tables import merged_tables, snapshot

from local.processes import wait_until

CHILD = "import time, subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'], {}); {}"
PARENT = CHILD.format("start_new_session=True", "time.sleep(99)")
WRITER = """
import pathlib, time
for number in range(10000):
    try:
        pathlib.Path({folder!r}, str(number)).write_bytes(b'x' * 100_000)
        said = 'written'
    except OSError:
        said = 'refused'
    pathlib.Path({said!r}).open('a').write(said[0])
    time.sleep(0.01)
"""
PROFILE = {
    "first": TaskProfile(4.0, 6, frozenset()),
    "second": TaskProfile(8.0, 3, frozenset({"silver.customers"})),
    "third": TaskProfile(1.0, 0, frozenset()),
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    (home / "warehouse").mkdir(parents=True)
    with none_left(home):
        yield home
    unmount(home)


def test_a_kill_reaches_processes_of_other_sessions_and_only_those_of_the_workspace(home: Path, tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"])
    worker = Worker(home, tmp_path / "log", [sys.executable, "-c", PARENT])
    try:
        assert wait_until(lambda: len(processes_of(home)) == 2, 20)
        assert kill_all(home) == 2
        assert not processes_of(home)
        assert worker.process.wait() == -9
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("fault", [full_disk, read_only], ids=["full disk", "read-only warehouse"])
@pytest.mark.parametrize("is_mounted", [True, False], ids=["mounted", "not mounted"])
def test_a_fault_refuses_writes_while_it_lasts(
    home: Path, tmp_path: Path, fault: object, is_mounted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_mounted and not can_mount():
        pytest.skip("mounting needs root and CAP_SYS_ADMIN")
    if is_mounted and fault is full_disk:
        monkeypatch.setattr(chaos_faults, "DISK_MIB", 64)
        assert mount_disk(home)
        (home / "warehouse").mkdir()
    if not is_mounted and fault is read_only and can_mount():
        pytest.skip("root writes to folders without write permission: the read-only mount is what is used")
    said = tmp_path / "said"
    source = WRITER.format(folder=str(home / "warehouse"), said=str(said))
    Worker(home, tmp_path / "log", [sys.executable, "-c", source.replace("{", "{{").replace("}", "}}")])

    def says(letter: str) -> bool:
        before = said.stat().st_size if said.exists() else 0
        return wait_until(lambda: said.exists() and letter in said.read_text()[before:], 20)

    assert says("w")
    with fault(home) as how:  # type: ignore[operator]
        assert how
        assert says("r")
    assert says("w")


def test_the_same_seed_gives_the_same_moments_and_another_one_others() -> None:
    one, same, other = (draw(seed, PROFILE, 30, by_command=3, faults=("read_only",)) for seed in ("7/1", "7/1", "8/1"))

    assert one == same
    assert one != other
    assert len(one) == 31
    assert sum(moment.by == "command" for moment in one) == 3
    assert {moment.way for moment in one} <= SHARES.keys()
    assert {moment.task for moment in one if moment.way == "merge"} <= {"second"}
    assert "third" not in {moment.task for moment in one if moment.way in ("write", "commit")}


def test_a_sender_that_is_killed_leaves_no_half_file_under_its_name(home: Path, tmp_path: Path) -> None:
    origin, landing = tmp_path / "origin", tmp_path / "landing"
    for name in ("a", "b"):
        (origin / name).mkdir(parents=True)
        (origin / name / "file").write_text("whole " * 1000)
    files = ["a/file", "b/file"]
    sender = lander(home, tmp_path / "log", (origin, landing), files, 0.5)
    assert wait_until(lambda: ("half", "b/file") in (sender.news() or sender.told), 20)
    kill_all(home)
    sender.process.wait()

    assert (landing / "a" / "file").read_text() == (origin / "a" / "file").read_text()
    assert not (landing / "b" / "file").exists()
    again = lander(home, tmp_path / "log", (origin, landing), files, 0)
    assert again.process.wait() == 0
    assert (landing / "b" / "file").read_text() == (origin / "b" / "file").read_text()


def test_what_lies_on_disk_is_seen(home: Path) -> None:
    table = home / "warehouse" / "silver.db" / "customers"
    (table / "_delta_log").mkdir(parents=True)
    for number, operation in enumerate(("CREATE TABLE", "MERGE")):
        commit = table / "_delta_log" / f"{number:020}.json"
        commit.write_text(f'{{"commitInfo": {{"operation": "{operation}"}}}}\n')
    (table / "part-1.parquet").touch()

    found = snapshot(home)

    assert found.commits == {"silver.customers": 2}
    assert found.data == {"silver.customers/part-1.parquet"}
    assert merged_tables(home, {"silver.customers": 1}) == {"silver.customers"}
    assert merged_tables(home, {"silver.customers": 2}) == frozenset()


def test_events_come_whole_however_they_are_cut(home: Path, tmp_path: Path) -> None:
    source = (
        "import os, time; os.write({events}, b'started '); time.sleep(0.2); os.write({events}, b'bronze\\nended x\\n')"
    )
    worker = Worker(home, tmp_path / "log", [sys.executable, "-c", source])
    while worker.is_running:
        worker.news()
        time.sleep(0.01)
    worker.news()
    worker.close()

    assert worker.told == [("started", "bronze"), ("ended", "x")]
