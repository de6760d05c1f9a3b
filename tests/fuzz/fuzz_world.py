"""Mutants by number and seed, and the files that they land in."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pyarrow as pa
from fuzz_files import EXTENSIONS, KINDS_OF_FILES, csv_file, mutate_file, parquet_file, text_of
from fuzz_mutations import KINDS_OF_BYTES, KINDS_OF_VALUES, mutate_bytes, mutate_record, object_text
from fuzz_records import FEEDS, Feed, Record, a_record, format_of

from common.sources.declaration import Source

RECORDS_PER_FILE = 250
RECORD_SHARE = 0.85
ANCHORS = 8
"""Valid records at the head of every file of mutants: what is resent, and what shows that the others go on."""

KINDS_BY_FORMAT = {
    "json_lines": (*KINDS_OF_VALUES, *KINDS_OF_BYTES, "resent"),
    "json_array": (*KINDS_OF_VALUES, "resent"),
    "csv": ("none", "value", "type", "missing", "extra", "resent"),
    "parquet": ("none", "value", "type", "missing", "resent"),
}


@dataclass(frozen=True)
class Mutant:
    """One mutated record (its fields, or its text or bytes where it has none any more), or one file (`content`)."""

    number: int
    feed: Feed
    kind: str
    record: Record | str | bytes | None = None
    content: bytes | None = None


@dataclass
class Landed:
    """The files of a run: which mutant every expected record is, and the mutants that are files."""

    records: dict[str, Mutant | None] = field(default_factory=dict)
    files: dict[str, Mutant] = field(default_factory=dict)


def source(seed: int) -> Source:
    """The declaration of the fuzzed source; its formats turn with the seed."""
    feeds = {
        feed.name: {
            "reader": "files",
            "format": format_of(feed, seed),
            "path": f"{{landing}}/{feed.name}",
            "into": {feed.target: {"map": {column: f"`{name}`" for column, name in feed.map.items()}}},
        }
        for feed in FEEDS
    }
    return Source.model_validate({"name": "fuzzed", "description": "Mutants.", "feeds": feeds})


def mutant(seed: int, number: int) -> Mutant:
    """The mutant of that number: the same for a seed, whatever the others are."""
    random = Random(f"{seed}/{number}")
    feed = random.choice(FEEDS)
    format_ = format_of(feed, seed)
    if random.random() >= RECORD_SHARE:
        kind = random.choice(KINDS_OF_FILES)
        records = [a_record(feed, f"F{number}-{part}", random) for part in range(3)]
        return Mutant(number, feed, f"file {kind}", content=mutate_file(kind, format_, feed, records, random))
    kind = random.choice(KINDS_BY_FORMAT[format_])
    record = a_record(feed, f"R{number}", random)
    if kind == "resent":
        return Mutant(number, feed, kind, record=_resent(feed, random))
    if kind in KINDS_OF_BYTES:
        return Mutant(number, feed, kind, record=mutate_bytes(object_text(record).encode(), kind, random))
    changed = mutate_record(record, kind, random)
    if format_ == "json_array" and not _is_json(changed if isinstance(changed, str) else object_text(changed)):
        return Mutant(number, feed, "none", record=record)
    return Mutant(number, feed, kind, record=changed)


def anchors(feed: Feed) -> list[Record]:
    return [a_record(feed, f"A{number}", Random(number)) for number in range(ANCHORS)]


def _resent(feed: Feed, random: Random) -> Record:
    record = random.choice(anchors(feed))
    if random.random() < 0.5:
        return record
    other = dict(a_record(feed, "other", random))
    return [record[0], *((name, other[name]) for name, _ in record[1:])]


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def land(landing: Path, seed: int, mutants: list[Mutant]) -> Landed:
    """Writes the files of these mutants: records many to a file, mutated files each by itself."""
    landed = Landed()
    for feed in FEEDS:
        folder = landing / feed.name
        folder.mkdir(parents=True)
        mine = [one for one in mutants if one.feed is feed]
        records = [one for one in mine if one.content is None]
        for start in range(0, max(1, len(records)), RECORDS_PER_FILE):
            path = folder / f"records-{start:06d}.{EXTENSIONS[format_of(feed, seed)]}"
            path.write_bytes(
                _file(format_of(feed, seed), feed, records[start : start + RECORDS_PER_FILE], path, landed)
            )
        for one in mine:
            if one.content is not None:
                path = folder / f"file-{one.number:06d}.{EXTENSIONS[format_of(feed, seed)]}"
                path.write_bytes(one.content)
                landed.files[str(path)] = one
    return landed


def _file(format_: str, feed: Feed, mutants: list[Mutant], path: Path, landed: Landed) -> bytes:
    first = anchors(feed)
    everything: list[tuple[Mutant | None, Record | str | bytes]] = [(None, record) for record in first]
    everything += [(one, one.record) for one in mutants if one.record is not None]
    if format_ == "json_lines":
        return _lines(everything, path, landed)
    for ordinal, (one, _) in enumerate(everything, start=1):
        landed.records[f"{path}#{ordinal}"] = one
    parts = [part for _, part in everything]
    if format_ == "json_array":
        return ("[" + ",\n".join(part if isinstance(part, str) else object_text(part) for part in parts) + "]").encode()  # type: ignore[arg-type]
    records: list[Record] = parts  # type: ignore[assignment]
    if format_ == "csv":
        return csv_file([feed.fields, *([text_of(token) or "" for _, token in record] for record in records)])
    columns = [[text_of(dict(record).get(name, "null")) for record in records] for name in feed.fields]
    return parquet_file(pa.table([pa.array(column, pa.string()) for column in columns], names=feed.fields))


def _lines(everything: list[tuple[Mutant | None, Record | str | bytes]], path: Path, landed: Landed) -> bytes:
    """A line is a record, whatever the damage did to its mutant: none where it is blank, two where it was broken."""
    content = []
    ordinal = 0
    for one, part in everything:
        line = part if isinstance(part, bytes) else (part if isinstance(part, str) else object_text(part)).encode()
        for piece in line.split(b"\n"):
            ordinal += 1
            content.append(piece)
            if piece.strip(b" \t\r"):
                landed.records[f"{path}#{ordinal}"] = one
    return b"\n".join(content) + b"\n"
