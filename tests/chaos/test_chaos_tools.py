"""The tools of chaos do what they say: all processes die, a full disk is full, a seed gives the same moments."""

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import chaos_faults
import chaos_run
import pytest
from chaos_faults import can_mount, full_disk, mount_disk, read_only, unmount
from chaos_moments import SHARES, Moment, TaskProfile, draw, earlier
from chaos_options import command_again, options_of
from chaos_processes import States, Worker, kill_all, lander, none_left, processes_of
from chaos_report import figures
from chaos_run import Chaos
from chaos_strike import ChaosError, require_kills
from chaos_tables import merged_tables, snapshot
from chaos_timeout import exit_status
from chaos_world import Rounds

from local.processes import wait_until
from local.run.run_record import FAILED, PENDING, RUNNING, SUCCESS, TIMEDOUT, UPSTREAM_FAILED
from local.workspace import write_json

CHILD = "import time, subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'], {}); {}"
PARENT = CHILD.format("start_new_session=True", "time.sleep(99)")
WRITER = """
import pathlib, time
for number in range(10000):
    try:
        pathlib.Path({folder!r}, str(number)).write_bytes(b'x' * 100_000)
        written = 'written'
    except OSError:
        written = 'refused'
    pathlib.Path({written!r}).open('a').write(written[0])
    time.sleep(0.01)
"""
JOB = """
import os, time
for task in ("first", "last"):
    os.write({events}, b"started " + task.encode() + b"\\n")
    time.sleep(0.4)
    os.write({events}, b"ended " + task.encode() + b"\\n")
os.write({events}, b"finished all\\n")
"""
"""A job of two short tasks."""
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


@pytest.fixture
def chaos(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chaos]:
    """One round of no files; its job is JOB."""
    chaos = Chaos(tmp_path, Rounds(tmp_path, ((),), datetime(2025, 6, 1, tzinfo=UTC), 1), tell=lambda _: None)
    (tmp_path / "logs").mkdir()
    chaos.disturbed.mkdir()
    let_job_be(monkeypatch, JOB)
    with none_left(chaos.disturbed):
        yield chaos


def let_job_be(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    def start(home: Path, log: Path, *_: object) -> Worker:
        return Worker(home, log, [sys.executable, "-c", source])

    for name in ("driver", "Worker"):
        monkeypatch.setattr(chaos_run, name, start)


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
    written = tmp_path / "written"
    source = WRITER.format(folder=str(home / "warehouse"), written=str(written))
    Worker(home, tmp_path / "log", [sys.executable, "-c", source.replace("{", "{{").replace("}", "}}")])

    def says(letter: str) -> bool:
        before = written.stat().st_size if written.exists() else 0
        return wait_until(lambda: written.exists() and letter in written.read_text()[before:], 20)

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


def test_more_kills_by_command_than_there_are_moments_are_as_many_as_there_are() -> None:
    for seed in range(20):
        moments = draw(str(seed), PROFILE, 1, by_command=2, faults=())

        assert [moment.by for moment in moments] == ["driver" if moments[0].way == "landing" else "command"]


def test_a_run_is_repeated_by_the_command_that_it_names() -> None:
    options = options_of(["--kills", "5", "--command-kills", "1", "--seed", "7", "--days", "9", "--no-faults"])

    python, *arguments = shlex.split(command_again(options))

    assert [python, *arguments[:2]] == ["python", "-m", "tests.chaos"]
    assert options_of(arguments[2:]) == options


def test_a_job_that_ended_before_its_moment_is_struck_again_until_it_is_killed(chaos: Chaos) -> None:
    # 0.4 s is a share of 0.02 of a task that counts as one of 20 s.
    profile = {"first": PROFILE["third"], "last": PROFILE["second"]}
    moment = Moment("time", "last", 0.16)

    chaos.strike(0, profile, [moment, Moment("commit", "first", 0.0)])

    *early, killed, between = chaos.strikes
    assert early
    assert {strike.outcome for strike in early} == {"had ended"}
    assert killed.moment.share == moment.share / 2 ** len(early)
    assert [strike.outcome for strike in (killed, between)] == ["killed", "killed"]
    assert figures(chaos.strikes, chaos.attempts, 1.0)[0].startswith(f"2 kills in {chaos.attempts} attempts")
    require_kills(chaos.strikes, 2)
    with pytest.raises(ChaosError, match="2 kills happened, 3 were asked for"):
        require_kills(chaos.strikes, 3)


def test_a_job_killed_when_all_its_tasks_are_done_is_no_kill(chaos: Chaos, monkeypatch: pytest.MonkeyPatch) -> None:
    let_job_be(monkeypatch, f"{JOB}\ntime.sleep(0.5)")
    monkeypatch.setattr(chaos_run, "KILL_TRIES", 1)

    chaos.strike(0, PROFILE | {"last": PROFILE["third"]}, [Moment("time", "last", 1.0)])

    assert [(strike.outcome, strike.is_kill) for strike in chaos.strikes] == [("had ended", False)]


def test_a_fault_is_no_kill_and_tried_once(chaos: Chaos) -> None:
    chaos.strike(0, PROFILE | {"last": PROFILE["second"]}, [Moment("time", "last", 1.0, effect="full_disk")])

    assert [strike.is_kill for strike in chaos.strikes] == [False]
    with pytest.raises(ChaosError, match="0 kills happened, 1 were asked for"):
        require_kills(chaos.strikes, 1)


def test_an_earlier_moment_is_of_the_same_task_by_the_clock() -> None:
    assert earlier(Moment("merge", "x", 0.5, by="command")) == Moment("time", "x", 0.25, by="command")


def test_a_job_that_ended_while_files_landed_is_no_kill(chaos: Chaos, tmp_path: Path) -> None:
    files = ("transactions/1", "transactions/2")
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("whole " * 10)
    chaos.rounds = Rounds(tmp_path, (files,), chaos.rounds.first_day, 1)

    # The job takes 0.8 s, the second file is half written after 12.
    chaos.strike(0, PROFILE | {"last": PROFILE["third"]}, [Moment("landing", "first", 0.5)])

    ended, killed = chaos.strikes
    assert ended.outcome.startswith("had ended with")
    assert (killed.outcome, killed.moment) == ("killed", Moment("time", "first", 0.25))


@pytest.mark.parametrize(("last", "is_done"), [(SUCCESS, True), (RUNNING, False), (PENDING, False)])
def test_a_command_is_done_when_its_record_has_no_task_left(
    home: Path, tmp_path: Path, last: str, is_done: bool
) -> None:
    worker = Worker(home, tmp_path / "log", [sys.executable, "-c", "import time; time.sleep(99)"])
    tasks = [{"key": "first", "state": SUCCESS}, {"key": "last", "state": last}]
    write_json(home / "runs" / "20261121T100000-aaaa" / "run.json", {"tasks": tasks})
    kill_all(home)
    worker.process.wait()

    assert States(home, worker, is_command=True).is_done() == is_done


@pytest.mark.parametrize(
    ("status", "outcome"), [(0, "the task was ended by its time limit"), (3, "the task was quicker")]
)
def test_a_time_limit_says_what_came_of_it(
    chaos: Chaos, monkeypatch: pytest.MonkeyPatch, status: int, outcome: str
) -> None:
    let_job_be(monkeypatch, f"import sys; sys.exit({status})")

    assert chaos._time_out(Moment("time", "last", 0.5, effect="timeout")) == outcome


def test_a_job_with_a_time_limit_that_fails_otherwise_is_an_error_with_its_log(
    chaos: Chaos, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_job_be(monkeypatch, "raise RuntimeError('lost my way')")

    with pytest.raises(ChaosError, match=r"on last failed, status 1:(?s:.*)lost my way"):
        chaos._time_out(Moment("time", "last", 0.5, effect="timeout"))


def test_a_time_limit_is_distinguished_from_a_failure_of_any_task() -> None:
    assert exit_status({"one": SUCCESS, "two": TIMEDOUT, "three": UPSTREAM_FAILED}, "two") == 0
    assert exit_status({"one": SUCCESS, "two": SUCCESS}, "two") == 3
    assert exit_status({"one": FAILED, "two": UPSTREAM_FAILED}, "two") == 1
    assert exit_status({"one": SUCCESS, "two": FAILED}, "two") == 1
    assert exit_status({"one": FAILED, "two": TIMEDOUT}, "two") == 1


def test_a_sender_that_is_killed_leaves_no_half_file_under_its_name(home: Path, tmp_path: Path) -> None:
    origin, landing = tmp_path / "origin", tmp_path / "landing"
    for name in ("a", "b"):
        (origin / name).mkdir(parents=True)
        (origin / name / "file").write_text("whole " * 1000)
    files = ["a/file", "b/file"]
    sender = lander(home, tmp_path / "log", (origin, landing), files, 0.5)
    assert wait_until(lambda: ("half", "b/file") in (sender.news() or sender.reported), 20)
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

    assert worker.reported == [("started", "bronze"), ("ended", "x")]
