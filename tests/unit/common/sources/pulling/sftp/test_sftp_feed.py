import gzip
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from bank import Bank

from common.errors import DeclarationError
from common.sources.connections import SftpConnection
from common.sources.declaration import load_source
from common.sources.feed import FeedAt
from common.sources.files.first_records import files_of, look_at
from common.sources.readers.sftp import SftpFeed

BANK = """
name: bank
description: A bank's files.
connections:
  partner: {kind: sftp, host: 127.0.0.1, port: PORT, user: lake, password: {secret: partner_password}, host_key: "KEY"}
feeds:
  settlements:
    reader: sftp
    connection: partner
    path: /out/
    pattern: "settlement_*"
    ready: {marker: .done}
    format: csv
    delimiter: ";"
    into:
      transactions: {map: {transaction_id: ID, event_time: TS, amount: AMT}}
"""


def declared(bank: Bank, folder: Path, old: str = "", new: str = "") -> tuple[SftpFeed, FeedAt]:
    assert isinstance(bank.at.connection, SftpConnection)
    text = BANK.replace("PORT", str(bank.server.port)).replace("KEY", bank.server.host_key)
    assert old in text
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "sources/bank.yml").write_text(text.replace(old, new))
    source = load_source(folder / "sources", "bank")
    feed = source.feeds["settlements"]
    assert isinstance(feed, SftpFeed)
    return feed, source.at("settlements", bank.at.settings)


def lay(bank: Bank, name: str, content: bytes) -> None:
    (bank.out / name).write_bytes(content)
    (bank.out / f"{name}.done").touch()


def test_files_are_pulled_and_read_as_they_are_declared(bank: Bank, tmp_path: Path) -> None:
    lines = b"ID;TS;AMT\nt1;2025-01-31T10:00:00Z;12.50\n"
    lay(bank, "settlement_1.csv", lines)
    lay(bank, "settlement_2.csv.gz", gzip.compress(lines))
    with ZipFile(bank.out / "settlement_3.zip", "w") as archive:
        archive.writestr("inner.csv", lines)
    (bank.out / "settlement_3.zip.done").touch()
    (bank.out / "settlement_4.csv").write_bytes(lines)
    lay(bank, "other.csv", lines)
    feed, at = declared(bank, tmp_path)
    words: list[str] = []

    assert (feed.pull(at, words.append), feed.pull(at)) == (3, 0)

    looks = look_at(files_of(feed.folder(at)), feed.layout)
    assert [record.payload for look in looks for record in look.records] == [
        '{"ID": "t1", "TS": "2025-01-31T10:00:00Z", "AMT": "12.50"}'
    ] * 3
    assert sorted(Path(look.path).name.split(".", 2)[2] for look in looks) == [
        "out__settlement_1.csv",
        "out__settlement_2.csv.gz",
        "out__settlement_3.zip",
    ]
    assert "settlement_3.zip" in words[-1]
    assert feed.reading == "csv, delimiter ';'"
    assert feed.place(at) == f"/out/settlement_* of 127.0.0.1:{bank.server.port}"
    assert feed.first_look(at) == ""


def test_a_look_shows_the_server_and_first_records_and_writes_nothing(bank: Bank, tmp_path: Path) -> None:
    lay(bank, "settlement_1.csv", b"ID;TS;AMT\nt1;2025-01-31T10:00:00Z;12.50\n")
    (bank.out / "settlement_2.csv").write_bytes(b"ID;TS;AMT\n")
    feed, at = declared(bank, tmp_path)

    seen = feed.look(at)

    assert [(look.path, [record.payload for record in look.records]) for look in seen.looks] == [
        ("/out/settlement_1.csv", ['{"ID": "t1", "TS": "2025-01-31T10:00:00Z", "AMT": "12.50"}'])
    ]
    assert [(sight.found, bool(sight.missing)) for sight in seen.things] == [
        ("it has the declared host key, and accepts the login", False),
        ("2 files, 0 of them pulled already", False),
        ("without a marker", True),
    ]
    assert seen.files == 2
    assert not Path(at.pulled).exists()

    feed.pull(at)
    assert feed.look(at).things[1].found == "2 files, 1 of them pulled already"


def test_a_look_at_a_large_file_fetches_its_beginning(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.sources.readers.sftp.WHOLE_BYTES", 5_000_000)
    lay(bank, "settlement_1.csv", b"ID;TS;AMT\n" + b"t1;2025-01-31T10:00:00Z;12.50\n" * 200_000)
    feed, at = declared(bank, tmp_path)
    blocks: set[str] = set()  # where the client runs late, it asks twice for some
    bank.server.before = lambda step, path: blocks.add(path) if step == "read" else None

    (look,) = feed.look(at).looks

    assert look.is_cut
    assert len(look.records) == 1000
    assert len(blocks) <= 4 * 1024**2 // 32768 + 1


def test_a_look_says_where_nothing_is_of_the_pattern(bank: Bank, tmp_path: Path) -> None:
    lay(bank, "other.csv", b"ID\n")
    feed, at = declared(bank, tmp_path)
    assert feed.look(at).things[1].missing.startswith("nothing there is named settlement_*: check sources/bank.yml: ")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{marker: .done}", "{}", "feeds.settlements.ready: .*write one of `quiet: 30 seconds` and `marker: .done`"),
        ("{marker: .done}", "{marker: .done, quiet: 5 minutes}", "ready: .*write one of"),
        ("{marker: .done}", "{quiet: 30}", "ready.quiet: .*30 is no duration; write a number and its unit"),
        ("{marker: .done}", "{quiet: 30 s}", "ready.quiet: .*'30 s' is no duration"),
        ("{marker: .done}", "{marker: done}", "ready.marker"),
        ("format: csv", "format: xml", "feeds.settlements.format"),
        ("path: /out/", "folder: /out/", "feeds.settlements.folder"),
    ],
)
def test_a_declaration_that_breaks_a_rule_is_said(
    bank: Bank, tmp_path: Path, old: str, new: str, expected: str
) -> None:
    with pytest.raises(DeclarationError, match=expected):
        declared(bank, tmp_path, old, new)


def test_a_file_that_stays_as_it_is_for_half_a_minute_is_whole_where_nothing_is_declared(
    bank: Bank, tmp_path: Path
) -> None:
    feed, _ = declared(bank, tmp_path, "    ready: {marker: .done}\n")
    assert (feed.selection.quiet.total_seconds(), feed.selection.marker) == (30, None)
    assert '"ready":{"quiet":"30 seconds","marker":null}' in feed.model_dump_json()


def test_a_connection_without_a_way_to_log_in_is_said(bank: Bank, tmp_path: Path) -> None:
    feed, at = declared(bank, tmp_path)
    assert isinstance(at.connection, SftpConnection)
    without = replace(at, connection=at.connection.model_copy(update={"password": None}))
    with pytest.raises(DeclarationError, match=r"connections\.partner: there is no way to log in"):
        feed.check(without)
