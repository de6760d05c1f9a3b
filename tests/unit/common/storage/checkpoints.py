"""Checkpoints of streams as Spark leaves them on disk."""

import json
from pathlib import Path

TABLE = "7f6d1c3e-0000-4000-8000-000000000001"


def an_offset(version: int, *, is_starting: bool = False) -> str:
    source = {"sourceVersion": 1, "reservoirId": TABLE, "reservoirVersion": version, "index": -1}
    return f"v1\n{{}}\n{json.dumps(source | {'isStartingVersion': is_starting})}"


def a_stream(home: Path, name: str, offsets: dict[int, str], committed: int) -> None:
    folder = home / "checkpoints" / name
    for part in ("offsets", "commits"):
        (folder / part).mkdir(parents=True)
    (folder / "metadata").write_text('{"id": "1"}')
    for number, text in offsets.items():
        (folder / "offsets" / str(number)).write_text(text)
        (folder / "offsets" / f".{number}.crc").write_bytes(b"\x00")
    for number in range(committed):
        (folder / "commits" / str(number)).write_text("v1\n{}")
