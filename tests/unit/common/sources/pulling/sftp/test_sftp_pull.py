import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import paramiko
import pytest
from bank import Bank

from common.sources.pulling import sftp
from common.sources.pulling.sftp import SftpPuller, landed_name
from common.sources.pulling.sftp_server import RemoteFile, SftpServer


def write(path: Path, content: str, modified: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    if modified is not None:
        os.utime(path, (modified, modified))


def test_a_file_is_pulled_once_and_a_changed_one_once_more(bank: Bank) -> None:
    write(bank.out / "a.csv", "id\n1\n", 1_700_000_000)
    write(bank.out / "b.csv", "id\n2\n")
    assert (bank.pull(), bank.pull()) == (2, 0)

    write(bank.out / "a.csv", "id\n1\n3\n", 1_700_000_000)  # another size
    write(bank.out / "b.csv", "id\n4\n", 1_700_000_000)  # another time
    assert (bank.pull(), bank.pull()) == (2, 0)

    assert bank.landed() == [
        ("out__a.csv", b"id\n1\n"),
        ("out__a.csv", b"id\n1\n3\n"),
        ("out__b.csv", b"id\n2\n"),
        ("out__b.csv", b"id\n4\n"),
    ]
    assert bank.unfinished() == []


def test_the_oldest_file_is_pulled_first_and_keeps_its_time(bank: Bank) -> None:
    write(bank.out / "a.csv", "later", 1_700_000_100)
    write(bank.out / "b.csv", "earlier", 1_700_000_000)
    bank.pull()
    bank.out.joinpath("a.csv").unlink()

    names = sorted(path.name for path in Path(bank.at.pulled).glob("2*"))
    assert [name.split(".")[0] for name in names] == ["20231114T221320Z", "20231114T221500Z"]
    assert [Path(bank.at.pulled, name).stat().st_mtime for name in names] == [1_700_000_000, 1_700_000_100]
    assert bank.pull() == 0


def test_a_copy_that_a_person_removes_does_not_come_again(bank: Bank) -> None:
    for name in ("a.csv", "b.csv"):
        write(bank.out / name, name)
    bank.pull()
    for path in Path(bank.at.pulled).glob("*.out__a.csv"):
        path.unlink()
    assert (bank.pull(), bank.pull()) == (0, 0)

    write(bank.out / "a.csv", "another")
    assert bank.pull() == 1
    noted = (Path(bank.at.pulled) / ".pulled").read_text().splitlines()
    names = sorted(name.split(".", 2)[2] for name in noted)
    assert names == ["out__a.csv", "out__b.csv"], "of versions that are on the server still"


def test_only_files_of_the_pattern_that_no_sender_is_writing_are_pulled(bank: Bank) -> None:
    for name in ("s_1.csv", "2025/s_2.csv", "s_3.csv.gz", "x_4.csv", "s_5.csv.tmp", "s_6.csv.filepart", ".s_7.csv"):
        write(bank.out / name, name)
    write(bank.out / ".hidden/s_8.csv", "hidden")
    (bank.out / "s_9.csv").symlink_to("x_4.csv")
    (bank.out / "s_10.csv").symlink_to("nowhere")

    bank.pull(pattern="s_*.csv*")

    assert [name for name, _ in bank.landed()] == [
        "out__2025__s_2.csv",
        "out__s_1.csv",
        "out__s_3.csv.gz",
        "out__s_9.csv",
    ]


def test_a_file_that_is_still_written_is_left_for_the_next_pull(bank: Bank) -> None:
    write(bank.out / "a.csv", "whole")
    write(bank.out / "b.csv", "beg")
    looks = count()

    def goes_on(step: str, path: str) -> None:
        if step == "list" and next(looks) == 1:
            write(bank.out / "b.csv", "begun")

    bank.server.before = goes_on
    assert bank.pull(quiet=0.05) == 1
    assert "1 files are still being written" in "".join(bank.words)

    assert bank.pull(quiet=0.05) == 1
    assert bank.landed() == [("out__a.csv", b"whole"), ("out__b.csv", b"begun")]


def test_a_file_that_changes_while_it_is_transferred_is_left(bank: Bank) -> None:
    write(bank.out / "a.csv", "before", 1_700_000_000)

    def changes(step: str, path: str) -> None:
        if step == "read":
            write(bank.out / "a.csv", "after it")

    bank.server.before = changes
    assert bank.pull() == 0
    assert "changes: it is left" in "".join(bank.words)

    bank.server.before = lambda step, path: None
    assert bank.pull() == 1
    assert bank.landed() == [("out__a.csv", b"after it")]


def test_a_file_that_is_taken_away_meanwhile_is_no_failure(bank: Bank) -> None:
    write(bank.out / "a.csv", "a", 1_700_000_000)
    write(bank.out / "b.csv", "b")

    def takes_away(step: str, path: str) -> None:
        if step == "open" and path.endswith("a.csv"):
            (bank.out / "a.csv").unlink()

    bank.server.before = takes_away
    assert bank.pull() == 1
    assert bank.landed() == [("out__b.csv", b"b")]


def test_a_file_waits_for_a_marker_that_is_no_older_than_it_is(bank: Bank) -> None:
    write(bank.out / "a.csv", "a", 1_700_000_000)
    assert bank.pull(marker=".done") == 0

    write(bank.out / "a.csv.done", "", 1_700_000_000)
    assert (bank.pull(marker=".done"), bank.pull(marker=".done")) == (1, 0)

    write(bank.out / "a.csv", "a, begun", 1_700_000_001)  # its marker is the first version's
    assert bank.pull(marker=".done") == 0
    write(bank.out / "a.csv.done", "", 1_700_000_002)
    assert bank.pull(marker=".done") == 1
    assert [content for _, content in bank.landed()] == [b"a", b"a, begun"]


def test_names_on_the_server_make_names_that_a_folder_takes() -> None:
    names = [
        "/out/a.csv",
        "/out__a.csv",
        "/_out/~x%20[1]#:y*?.csv",
        f"/{'ü' * 300}/{'n' * 200}.csv",
        "/out/Zürich é.csv",
    ]
    landed = [landed_name(RemoteFile(0, name, 1)) for name in names]

    assert len(set(landed)) == len(names)
    assert all(len(f".{name}.partial".encode()) <= 255 for name in landed)
    assert all(set("#:[]%*?~/").isdisjoint(name) for name in landed)
    assert landed[0].startswith("19700101T000000Z.")
    assert landed[0].endswith(".out__a.csv")
    assert landed[3].endswith("nnn.csv")
    assert landed[4].endswith("out__Zürich é.csv")


class Killed(BaseException):
    """The process is killed."""


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch, *functions: tuple[object, str]) -> None:
    """Kills before the call of that number, of all calls of these functions."""
    calls = count()

    def killing(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            if next(calls) == step:
                raise Killed
            return function(*arguments, **named)

        return call

    for owner, name in functions:
        monkeypatch.setattr(owner, name, killing(getattr(owner, name)))


def test_a_kill_at_any_step_loses_and_doubles_nothing(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("common.sources.pulling.sftp_server.WINDOW_BYTES", 400)
    monkeypatch.setattr("common.sources.pulling.sftp.BLOCK_BYTES", 300)
    oracle = []
    for number in range(3):
        content = "".join(f"{number},{line}\n" for line in range(100 * number))
        write(bank.out / f"{number}.csv", content, 1_700_000_000 + number)
        oracle.append((f"out__{number}.csv", content.encode()))
    steps = (
        (SftpServer, "files"),
        (SftpServer, "_connected"),
        (paramiko.SFTPFile, "read"),
        (SftpServer, "version"),
        (sftp, "_blocks"),
        (SftpPuller, "confirm"),
        (os, "fsync"),
        (os, "utime"),
        (Path, "rename"),
        (Path, "replace"),
        (Path, "unlink"),
    )
    kills = 0
    for step in count():
        folder = Path(bank.at.pulled)
        with monkeypatch.context() as patch:
            kill_at(step, patch, *steps)
            try:
                bank.pull()
                break
            except Killed:
                kills += 1
        assert set(bank.landed()) <= set(oracle), "what is landed is whole, at any moment"
        bank.pull()
        assert bank.landed() == oracle
        assert bank.unfinished() == []
        folder.rename(tmp_path / f"landed after {step}")
    assert kills > 30
