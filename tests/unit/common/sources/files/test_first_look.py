from pathlib import Path

from common.settings import Settings
from common.sources.feed import FeedAt
from common.sources.readers.files import FileFeed

HEADER = "id;ts;amount\n"


def a_feed(**options: str) -> FileFeed:
    into = {"transactions": {"map": {"transaction_id": "id", "event_time": "ts", "amount": "amount"}}}
    return FileFeed.model_validate({"reader": "files", "format": "csv", "path": "{landing}/x", "into": into} | options)


def test_the_first_files_are_looked_at_and_each_sign_is_named_once(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "_hidden.csv").write_text("id|ts\n")
    (folder / "a.csv").write_bytes("id,ts\né,1\n".encode("cp1252"))
    for name in ("b.csv", "c.csv"):
        (folder / name).write_text(HEADER + "T1;2025-03-01;12.50\n")
    (folder / "d.csv").write_text("id|ts\nT1|2025-03-01\n")
    settings = Settings(tmp_path, landing_folder=str(tmp_path))

    text = a_feed().first_look(FeedAt("acme", "x", settings))

    assert text.startswith("b.csv: the records have one field")
    assert 'declare `delimiter: ";"`' in text
    assert "a.csv" not in text
    assert "c.csv" not in text
    assert "|" not in text
    assert not a_feed(delimiter=";", encoding="cp1252", path="{landing}/nowhere").first_look(
        FeedAt("acme", "x", settings)
    )
