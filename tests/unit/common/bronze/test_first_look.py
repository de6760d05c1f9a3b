import gzip
from pathlib import Path

import pytest

from common.bronze.first_look import first_look, seen_in
from common.settings import Settings
from common.sources.declaration import FileFeed


def a_feed(format_: str = "csv", **options: str) -> FileFeed:
    into = {"transactions": {"map": {"transaction_id": "id", "event_time": "ts", "amount": "amount"}}}
    return FileFeed.model_validate(
        {"reader": "files", "format": format_, "path": "{landing}/x", "into": into} | options
    )


GOOD = "id,ts,amount\nT1,2025-03-01,12.50\n"


@pytest.mark.parametrize(
    ("content", "feed"),
    [
        (GOOD.encode(), a_feed()),
        (GOOD.replace("T1", "T1-é").encode(), a_feed()),
        (GOOD.replace("T1", "T1-é").encode("cp1252"), a_feed(encoding="cp1252")),
        (GOOD.replace("T1", "T1-é").encode("utf-16"), a_feed(encoding="utf-16")),
        (gzip.compress(GOOD.encode()), a_feed()),
        (b'{"a;b": 1}', a_feed("json_lines")),
        (b"id\nT1\n", a_feed()),
        (b"", a_feed()),
        (b"id,ts\n", a_feed()),
    ],
)
def test_nothing_is_said_of_files_that_are_as_declared(content: bytes, feed: FileFeed) -> None:
    assert seen_in(content, feed) == []


@pytest.mark.parametrize(
    ("content", "feed", "words"),
    [
        (
            GOOD.replace(",", ";").encode(),
            a_feed(),
            "its records have id;ts;amount; this is one field: the delimiter is",
        ),
        (GOOD.replace(",", "\t").encode(), a_feed(), r'`delimiter: "\t"` declares it'),
        (b"T1,2025-03-01,Anna Berg\nT2,2025-03-02,Bob\n", a_feed(), "its header looks like a record"),
        (GOOD.replace("T1", "T1-é").encode("cp1252"), a_feed(), "likely cp1252; `encoding: cp1252` declares it"),
        (GOOD.replace("T1", "T1-é").encode(), a_feed(encoding="cp1252"), "its text is UTF-8, not cp1252"),
        (GOOD.replace("T1", "T1-\ufffd").encode(), a_feed(), "it has replacement characters"),
        (b'{"name": "caf\xe9"}', a_feed("json_lines"), "likely cp1252"),
    ],
)
def test_what_a_file_looks_like_is_named(content: bytes, feed: FileFeed, words: str) -> None:
    (seen,) = seen_in(content, feed)

    assert words in seen
    assert "Anna" not in seen


def test_the_first_files_are_looked_at_and_each_fault_is_named_once(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text(GOOD.replace(",", ";"))
    (folder / "c.csv").write_bytes("id,ts\né,1\n".encode("cp1252"))
    (folder / "d.csv").write_text(GOOD.replace(",", "|"))
    (folder / "_hidden.csv").write_text(GOOD.replace(",", "|"))

    text = first_look(a_feed(), Settings(tmp_path, landing_folder=str(tmp_path)))

    assert text.startswith("a.csv: its records have id;ts;amount; ")
    assert "c.csv: its text is not UTF-8" in text
    assert "b.csv" not in text
    assert "|" not in text
