import errno
import os
import random
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from bank import Bank

from common.errors import DeclarationError, FeedError
from common.sources.connections import Secret, SftpConnection
from common.sources.pulling import retries, sftp_server
from common.sources.pulling.sftp import landed_name
from common.sources.pulling.sftp_server import RemoteFile


def connected(bank: Bank, **changes: object) -> None:
    assert isinstance(bank.at.connection, SftpConnection)
    connection = SftpConnection.model_validate({**bank.at.connection.model_dump(), **changes})
    bank.at = replace(bank.at, connection=connection)


def at_call(number: int, step: str, then: Callable[[], None]) -> Callable[[str, str], None]:
    calls = count(1)

    def before(this: str, path: str) -> None:
        if this == step and next(calls) == number:
            then()

    return before


def test_a_large_file_goes_on_where_its_transfer_was_cut(bank: Bank) -> None:
    content = random.Random(1).randbytes(12_000_000)
    (bank.out / "big.csv").write_bytes(content)
    bank.server.before = at_call(200, "read", bank.server.cut)

    assert bank.pull() == 1

    assert bank.landed() == [("out__big.csv", content)]
    goes_on = next(words for words in bank.words if "goes on at" in words)
    assert int(goes_on.split("goes on at ")[1].split(" ")[0].replace(",", "")) >= sftp_server.WINDOW_BYTES
    assert any(f"127.0.0.1:{bank.server.port}, reading /out/big.csv: " in words for words in bank.words)
    assert bank.unfinished() == []


def test_a_transfer_that_was_given_up_goes_on_in_the_next_pull(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "ATTEMPTS", 1)
    content = random.Random(2).randbytes(6_000_000)
    (bank.out / "big.csv").write_bytes(content)
    bank.server.before = at_call(150, "read", bank.server.cut)
    with pytest.raises(FeedError, match=r"reading /out/big\.csv: .* 1 times\. What was pulled before stays"):
        bank.pull()
    assert bank.landed() == []

    assert bank.pull() == 1
    assert any("goes on at 4,194,304 of 6,000,000 bytes" in words for words in bank.words)
    assert bank.landed() == [("out__big.csv", content)]


def test_what_was_transferred_of_a_version_that_is_gone_is_forgotten(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "ATTEMPTS", 1)
    (bank.out / "big.csv").write_bytes(bytes(6_000_000))
    bank.server.before = at_call(150, "read", bank.server.cut)
    with pytest.raises(FeedError):
        bank.pull()
    assert len(bank.unfinished()) == 1

    (bank.out / "big.csv").write_bytes(b"small")
    assert bank.pull() == 1
    assert (bank.landed(), bank.unfinished()) == ([("out__big.csv", b"small")], [])


def test_a_folder_that_takes_no_appends_gets_whole_files(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a volume: a transfer that was cut goes on within a pull, and the next pull begins it again."""
    folder, opened = Path(bank.at.pulled), Path.open

    def refusing(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if "a" in mode and path.parent == folder and path.name != ".lock" and path.exists():
            raise OSError(errno.EOPNOTSUPP, "Operation not supported", str(path))
        return opened(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    monkeypatch.setattr(retries, "ATTEMPTS", 2)
    content = random.Random(4).randbytes(6_000_000)
    (bank.out / "big.csv").write_bytes(content)
    bank.server.before = at_call(150, "read", bank.server.cut)
    assert bank.pull() == 1
    assert any("goes on at 4,194,304 of 6,000,000 bytes" in words for words in bank.words)
    assert bank.landed() == [("out__big.csv", content)]
    assert bank.unfinished() == []

    (bank.out / "other.csv").write_bytes(content)
    monkeypatch.setattr(retries, "ATTEMPTS", 1)
    bank.server.before = at_call(150, "read", bank.server.cut)
    with pytest.raises(FeedError, match=r"reading /out/other\.csv"):
        bank.pull()
    assert bank.unfinished() == []
    bank.words.clear()
    assert bank.pull() == 1
    assert not any("goes on" in words for words in bank.words)
    assert bank.landed()[1] == ("out__other.csv", content)


@pytest.mark.parametrize("step", ["list", "open", "read"])
def test_a_server_that_is_stopped_and_started_in_the_middle_is_waited_for(bank: Bank, step: str) -> None:
    for number in range(9):
        (bank.out / f"{number}.csv").write_text(f"{number}")
    bank.server.before = at_call(1 if step == "list" else 5, step, bank.server.vanish)
    tries = count(1)
    bank.tell = lambda words: bank.server.start() if "attempt" in words and next(tries) == 2 else None

    assert bank.pull() == 9

    assert bank.landed() == [(f"out__{number}.csv", f"{number}".encode()) for number in range(9)]
    assert any("Unable to connect to port" in words and "attempt 3 of 6" in words for words in bank.words)


def test_a_server_that_does_not_answer_is_asked_again(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp_server, "ANSWER_SECONDS", 0.5)
    (bank.out / "a.csv").write_text("a")

    def slow() -> None:
        bank.server.delay_seconds = 3

    def quick(words: str) -> None:
        bank.server.delay_seconds = 0

    bank.server.before, bank.tell = at_call(1, "list", slow), quick
    assert bank.pull() == 1
    assert bank.words


def test_a_slow_server_is_waited_for(bank: Bank) -> None:
    for number in range(3):
        (bank.out / f"{number}.csv").write_text("x")
    bank.server.delay_seconds = 0.05

    assert (bank.pull(), bank.words) == (3, [])


def test_no_server_is_said_after_so_many_attempts(bank: Bank) -> None:
    bank.server.stop()
    try:
        with pytest.raises(FeedError, match=rf"127\.0\.0\.1:{bank.server.port}, listing /out: .*connect.*, 6 times"):
            bank.pull()
    finally:
        bank.server.start()
    assert [words.split("attempt ")[1][:6] for words in bank.words] == [f"{number} of 6" for number in range(2, 7)]


def test_a_server_with_another_host_key_gets_no_password(bank: Bank) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    connected(bank, host_key=" ".join(other.export_public_key().decode().split()[:2]))

    with pytest.raises(FeedError, match=r"not the server that is declared: its host key is SHA256:.*host_key SHA256:"):
        bank.pull()
    assert (bank.server.logins, bank.words) == (0, [])


def test_a_server_with_a_host_key_of_another_kind_is_refused(bank: Bank) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    connected(bank, host_key=" ".join(other.export_public_key().decode().split()[:2]))

    with pytest.raises(FeedError, match="is not the server that is declared"):
        bank.pull()
    assert bank.server.logins == 0


@pytest.mark.parametrize("host_key", ["ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA", "a b"])
def test_what_is_no_host_key_is_said(bank: Bank, host_key: str) -> None:
    connected(bank, host_key=host_key)
    with pytest.raises(DeclarationError, match=r"connections\.partner\.host_key: .* is no host key: write its type"):
        bank.pull()


def test_a_wrong_password_is_no_secret_to_try_again(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_SECRET_PARTNER_PASSWORD", "not the one")

    with pytest.raises(FeedError, match=r"refuses the login of lake .*and the secret 'partner_password'") as refused:
        bank.pull()
    assert "not the one" not in str(refused.value)
    assert (bank.server.logins, bank.words) == (1, [])


def test_a_login_that_is_refused_for_a_while_loses_nothing(bank: Bank) -> None:
    (bank.out / "a.csv").write_text("a")
    bank.server.refuses_logins = True
    with pytest.raises(FeedError, match="refuses the login"):
        bank.pull()

    bank.server.refuses_logins = False
    assert (bank.pull(), bank.landed()) == (1, [("out__a.csv", b"a")])


def test_a_user_may_log_in_by_a_key(bank: Bank) -> None:
    connected(bank, password=None, key=Secret(secret="partner_key"))
    (bank.out / "a.csv").write_text("a")
    assert bank.pull() == 1


def test_what_is_no_key_is_said_without_showing_it(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_SECRET_PARTNER_KEY", "an unusual text")
    connected(bank, password=None, key=Secret(secret="partner_key"))
    with pytest.raises(DeclarationError, match=r"partner\.key: the secret 'partner_key' is no private key") as refused:
        bank.pull()
    assert "unusual" not in str(refused.value)


def test_files_without_the_right_to_read_them_do_not_hold_up_others(bank: Bank) -> None:
    for name in ("a.csv", "b.csv", "sub/c.csv", "d.csv"):
        (bank.out / name).parent.mkdir(exist_ok=True)
        (bank.out / name).write_text(name)
    bank.server.denied.update({"/out/b.csv", "/out/sub"})

    with pytest.raises(FeedError, match=r"may not read /out/sub, /out/b\.csv; all others are pulled"):
        bank.pull()
    assert [name for name, _ in bank.landed()] == ["out__a.csv", "out__d.csv"]

    bank.server.denied.clear()
    assert bank.pull() == 2


def test_a_file_that_its_server_can_not_give_holds_up_no_newer_one(bank: Bank) -> None:
    for number, name in enumerate(("a.csv", "bad.csv", "c.csv")):
        (bank.out / name).write_text(name)
        os.utime(bank.out / name, (1_700_000_000 + number,) * 2)

    def fails(step: str, path: str) -> None:
        if path == "/out/bad.csv":
            raise asyncssh.SFTPFailure("input/output error")

    bank.server.before = fails
    for _ in range(2):
        bank.words.clear()
        with pytest.raises(
            FeedError, match=r"can't give /out/bad\.csv \(.*input/output error\); all others are pulled"
        ):
            bank.pull()
        assert [name for name, _ in bank.landed()] == ["out__a.csv", "out__c.csv"]
        assert ["can't give /out/bad.csv" in words for words in bank.words] == [True], "named each time"

    bank.server.before = lambda step, path: None
    assert bank.pull() == 1
    assert ("out__bad.csv", b"bad.csv") in bank.landed()


def test_a_file_at_which_the_connection_always_breaks_holds_up_no_newer_one(bank: Bank) -> None:
    for number, name in enumerate(("a.csv", "bad.csv", "c.csv")):
        (bank.out / name).write_text(name)
        os.utime(bank.out / name, (1_700_000_000 + number,) * 2)
    bank.server.before = lambda step, path: bank.server.cut() if path == "/out/bad.csv" else None

    with pytest.raises(FeedError, match=r"can't give /out/bad\.csv \(.*6 times.*all others are pulled"):
        bank.pull()

    assert [name for name, _ in bank.landed()] == ["out__a.csv", "out__c.csv"]


def laid(bank: Bank, *names: str) -> None:
    """Files in this order of their times."""
    for number, name in enumerate(names):
        (bank.out / name).write_text(name)
        os.utime(bank.out / name, (1_700_000_000 + number,) * 2)


def test_a_pull_ends_at_the_connection_s_failures_and_not_at_the_server_s_answers(bank: Bank) -> None:
    """Files at which the connection breaks take all attempts each; what the server can't give costs nothing."""
    answers, breaks = [f"{n}.odd" for n in range(5)], [f"{n}.bad" for n in range(6)]
    laid(bank, *answers, "closed.csv", "a.csv", *breaks, "z.csv")
    bank.server.denied.add("/out/closed.csv")
    opened: list[str] = []

    def fails(step: str, path: str) -> None:
        if step == "open":
            opened.append(path)
        if path.endswith(".odd"):
            raise asyncssh.SFTPFailure("input/output error")
        if path.endswith(".bad"):
            bank.server.cut()

    bank.server.before = fails
    with pytest.raises(
        FeedError, match=r"reading /out/3\.bad: .* may not read /out/closed\.csv; .*/out/0\.odd"
    ) as raised:
        bank.pull()
    assert "all others are pulled" not in str(raised.value)
    assert {path for path in opened if path.endswith(".bad")} == {f"/out/{n}.bad" for n in range(4)}
    assert [name for name, _ in bank.landed()] == ["out__a.csv"]

    opened.clear()
    with pytest.raises(FeedError):
        bank.pull()
    assert "out__z.csv" in [name for name, _ in bank.landed()], "those that failed hold up no others"
    assert list(dict.fromkeys(opened))[:3] == ["/out/4.bad", "/out/5.bad", "/out/z.csv"]


def test_one_file_at_which_the_connection_breaks_ends_no_pull_whatever_else_failed(bank: Bank) -> None:
    laid(bank, "0.odd", "1.odd", "2.odd", "3.bad", "z.csv")

    def fails(step: str, path: str) -> None:
        if path.endswith(".odd"):
            raise asyncssh.SFTPFailure("input/output error")
        if path.endswith(".bad"):
            bank.server.cut()

    bank.server.before = fails
    with pytest.raises(FeedError, match="all others are pulled"):
        bank.pull()
    assert [name for name, _ in bank.landed()] == ["out__z.csv"]


def test_a_full_disk_is_no_fault_of_the_server(bank: Bank) -> None:
    laid(bank, "a.csv", "b.csv")
    folder = Path(bank.at.pulled)
    folder.mkdir(parents=True)
    file = RemoteFile(1_700_000_000, "/out/a.csv", len("a.csv"))
    partial = folder / f".{landed_name(file)}.partial"
    partial.symlink_to("/dev/full")

    with pytest.raises(FeedError, match=rf"^{re.escape(str(partial))} can't be written here \(No space left") as raised:
        bank.pull()

    assert "can't give" not in str(raised.value)
    assert (bank.words, bank.server.logins) == ([], 1), "not tried again"


def test_a_folder_that_is_closed_or_absent_is_said(bank: Bank) -> None:
    bank.server.denied.add("/out")
    with pytest.raises(FeedError, match="the user lake may not read the folder /out"):
        bank.pull()

    bank.server.denied.clear()
    bank.out.rmdir()
    with pytest.raises(FeedError, match="has no folder /out"):
        bank.pull()
    assert bank.words == []


def test_a_name_that_is_no_text_is_said(bank: Bank) -> None:
    with open(os.fsencode(bank.out) + b"/caf\xe9.csv", "w"):
        pass
    with pytest.raises(FeedError, match=r"a name in /out is not UTF-8: b'caf\\xe9\.csv'\. Have it renamed there"):
        bank.pull()


class Killed(BaseException):
    """The process is killed."""


def test_cuts_and_kills_in_any_order_leave_every_last_version_landed_once(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp_server, "WINDOW_BYTES", 30_000)
    chance, written, last = random.Random(3), set[tuple[str, bytes]](), dict[str, bytes]()
    rename, failures = Path.rename, 0
    for round_ in range(40):
        for _ in range(chance.randrange(3)):
            name = f"{chance.randrange(6)}.csv"
            last[name] = chance.randbytes(chance.randrange(1, 90_000))
            (bank.out / name).write_bytes(last[name])
            os.utime(bank.out / name, (1_700_000_000 + round_, 1_700_000_000 + round_))
            written.add((f"out__{name}", last[name]))
        bank.server.before = at_call(chance.randrange(1, 12), chance.choice(["list", "open", "read"]), bank.server.cut)
        kill, renames = chance.randrange(6), count()

        def killing(path: Path, target: Path, renames: count = renames, kill: int = kill) -> Path:
            if (now := next(renames)) == kill == 1:
                rename(path, target)
            if now == kill:
                raise Killed
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", killing)
            try:
                bank.pull()
            except (Killed, FeedError):
                failures += 1
        landed = bank.landed()
        assert set(landed) <= written
        assert len(landed) == len(set(landed))
    bank.server.before = lambda step, path: None
    bank.pull()
    assert failures > 3
    assert {(f"out__{name}", content) for name, content in last.items()} <= set(bank.landed())
    assert bank.unfinished() == []
