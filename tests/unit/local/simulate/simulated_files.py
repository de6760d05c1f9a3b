"""Small worlds, and what reads their files without the code under test."""

import csv
import gzip
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from local.simulate import SimulationSummary, World

WORLD = World(customers=800, merchants=200, terminals=500, days=45, new_column_from_day=20)
"""The world of most tests here: 45 days of 1,000 transactions."""


def small_world(**settings: Any) -> World:
    """A world that is made in a moment."""
    return World(**{"customers": 60, "merchants": 25, "terminals": 40, "days": 4, **settings})


def content_of(path: Path) -> bytes:
    """A file's content, gzipped or not."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def landed_files(landing: Path) -> dict[str, bytes]:
    """What a pipeline would find, by path."""
    return {
        str(path.relative_to(landing)): path.read_bytes()
        for path in sorted(landing.rglob("*"))
        if path.is_file() and ".world" not in path.parts
    }


def truth(landing: Path, what: str) -> list[dict[str, Any]]:
    """The truth, `fraud`, `labels` or `dirt`."""
    folder = landing / "simulated" / ".world" / "truth"
    return [row for path in sorted(folder.glob(f"{what}-*.parquet")) for row in pq.read_table(path).to_pylist()]


@dataclass(frozen=True)
class Made:
    """A landing folder with a world, read in plain Python."""

    landing: Path
    world: World
    summary: SimulationSummary

    @property
    def folder(self) -> Path:
        return self.landing / "simulated"

    def files(self, entity: str) -> list[Path]:
        return sorted((self.folder / entity).iterdir(), key=lambda path: path.name)

    def file(self, entity: str, day: int) -> Path:
        (found,) = (path for path in self.files(entity) if f"{self.world.day(day)}" in path.name)
        return found

    def lines(self, path: Path) -> list[bytes]:
        return content_of(path).splitlines()

    def rows(self, path: Path) -> list[dict[str, Any]]:
        """The records of a reference file."""
        if path.suffix == ".parquet":
            return pq.read_table(path).to_pylist()
        if path.suffix == ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter=";" if "terminals" in path.name else ",", strict=True))

    @cached_property
    def dirt(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Dirt by file name and record number."""
        return {(row["file"], row["record"]): row for row in truth(self.landing, "dirt")}

    @cached_property
    def clean_transactions(self) -> list[dict[str, Any]]:
        """All transactions whose line is as it should be, amounts as texts."""
        return [
            json.loads(line, parse_float=str) | {"file": path.name}
            for path in self.files("transactions")
            for number, line in enumerate(self.lines(path), start=1)
            if (path.name, number) not in self.dirt
        ]
