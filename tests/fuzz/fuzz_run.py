"""Mutants through the real code, and what must hold of every one of them afterwards."""

import gzip
import io
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from fuzz_oracle import broken_checks, changed_values, read_payload
from fuzz_records import FEEDS, Feed, format_of
from fuzz_world import Landed, Mutant, land, mutant, source
from pyspark.sql import functions as F

from common.bronze.ingest import ingest
from common.checks.conservation import accounted
from common.contracts.bronze import bronze_table
from common.contracts.silver import QUARANTINE, TARGETS
from common.silver.refine import refine
from common.storage.lake import Lake

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """Fates by kind of mutation, and what went wrong, each with the number of the mutant where one is known."""

    fates: Counter[tuple[str, str]]
    records: int
    problems: list[str]


def run(lake: Lake, seed: int, numbers: range | list[int]) -> Report:
    """Lands the mutants, takes them to silver, and judges what is there. An error of the job is the caller's."""
    mutants = [mutant(seed, number) for number in numbers]
    landed = land(Path(lake.settings.landing), seed, mutants)
    declared = source(seed)
    ingest(lake, declared)
    for feed in sorted(FEEDS, key=lambda feed: feed.target != "customers"):
        refine(lake, declared, feed.target)
    return _judge(lake, seed, landed)


def _judge(lake: Lake, seed: int, landed: Landed) -> Report:
    problems = [
        f"{row['feed']}: the counts don't agree: {row.asDict()}"
        for row in accounted(lake).collect()
        if not row["holds"]
    ]
    fates: Counter[tuple[str, str]] = Counter()
    by_file: dict[str, list[str]] = {path: [] for path in landed.files}
    seen: set[str] = set()
    quarantined = {
        (row["target"], row["record_id"]): [check["name"] for check in row["failed_checks"]]
        for row in _rows(lake.table(QUARANTINE).select("target", "record_id", "failed_checks"))
    }
    counts: Counter[str] = Counter()
    for feed in FEEDS:
        table = TARGETS[feed.target]
        accepted = {row["record_id"]: row for row in _rows(lake.table(table))}
        keys = {row[table.key[0]] for row in accepted.values()}
        bronze = _rows(lake.table(bronze_table(feed.name)).select("record_id", "payload", "read_error", "source_ref"))
        for row in bronze:
            fate, wrong = _fate(feed, row, accepted, quarantined, keys)
            counts[f"{table.name} {fate}"] += 1
            reference = str(row["source_ref"])
            path = reference.rsplit("#", 1)[0]
            one = landed.files.get(path) or landed.records.get(reference)
            problems += [f"mutant {one.number if one else reference}: {problem}" for problem in wrong]
            if path in by_file:
                by_file[path].append(fate)
            elif reference not in landed.records:
                problems.append(f"{reference}: a record that nobody landed: {row['read_error']}")
            elif one is not None:
                fates[one.kind, fate] += 1
            seen.add(reference)
    problems += [f"{reference}: landed and not in bronze" for reference in sorted(landed.records.keys() - seen)[:20]]
    for path, found in by_file.items():
        one = landed.files[path]
        problems += [f"mutant {one.number}: {text}" for text in miscounted(one, format_of(one.feed, seed), found)]
        fates[one.kind, found[0] if len(set(found)) == 1 else "several" if found else "no records"] += 1
    problems += _counted_otherwise(lake, counts)
    return Report(fates, len(seen), problems)


def _rows(frame: Any) -> list[Row]:
    rows: list[Row] = frame.toArrow().to_pylist()
    return rows


def _fate(
    feed: Feed, row: Row, accepted: dict[str, Row], quarantined: dict[tuple[str, str], list[str]], keys: set[str]
) -> tuple[str, list[str]]:
    """What became of a bronze record, and what is wrong with that."""
    table = TARGETS[feed.target]
    reasons = quarantined.get((table.name, row["record_id"]))
    stored = accepted.get(row["record_id"])
    if stored is not None:
        wrong = ["it is both accepted and quarantined"] if reasons is not None else []
        return "accepted", [*wrong, *_implausible(feed, row, stored)]
    if reasons is not None:
        wrong = [] if reasons else ["it was quarantined without a reason"]
        if row["payload"] is None:
            return "file refused", wrong if reasons == ["readable"] else [*wrong, f"a refused file failed {reasons}"]
        return "conflict" if reasons == ["conflict"] else "quarantined", wrong
    try:
        key = " ".join(str(read_payload(row["payload"])[feed.fields[0]]).split())
        return "duplicate", [] if key in keys else [f"lost: nobody holds its key {key!r}"]
    except (ValueError, KeyError, RecursionError) as error:
        return "duplicate", [f"lost: no record, and not quarantined: {error}"]


def _implausible(feed: Feed, row: Row, stored: Row) -> list[str]:
    broken = broken_checks(TARGETS[feed.target], stored, datetime.now(UTC))
    wrong = [f"accepted though it breaks {', '.join(broken)}: {row['payload'][:300]}"] if broken else []
    try:
        changed = changed_values(feed.map, row["payload"], stored)
    except (ValueError, RecursionError) as error:
        return [*wrong, f"accepted though it can't be read: {error}: {row['payload'][:300]}"]
    shown = {column: stored[column] for column in changed}
    return [*wrong, f"accepted with other values: {shown} of {row['payload'][:300]}"] if changed else wrong


def miscounted(one: Mutant, format_: str, fates: list[str]) -> list[str]:
    """Compares the records of a file with a count by other means, where there is one."""
    if not one.content:
        return [] if fates == ["file refused"] else [f"an empty file gave {fates}"]
    expected = _count(one.content, format_)
    if expected == 0 and format_ == "json_lines":
        return [] if fates == ["file refused"] else [f"a file of blank lines gave {fates}"]
    if expected is None or fates == ["file refused"]:
        must_be_read = expected is not None and expected > 0 and format_ in ("json_array", "parquet")
        return (
            [f"a readable file of {expected} records was refused"] if must_be_read and fates == ["file refused"] else []
        )
    return [] if len(fates) == expected else [f"{len(fates)} records of a file with {expected}"]


def _count(content: bytes, format_: str) -> int | None:
    try:
        plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        match format_:
            case "json_lines":
                return sum(bool(line.strip(b" \t\r")) for line in plain.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
            case "csv" if b'"' not in plain and b"\r" not in plain.replace(b"\r\n", b""):
                # Lines above the header that hold nothing but delimiters are blank.
                lines = plain.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"").lstrip(b"\n ,\t").split(b"\n")
                return max(0, sum(map(bool, lines)) - 1)
            case "json_array":
                return (
                    len(json.loads(plain.decode("utf-8-sig"), parse_int=str))
                    if plain.lstrip().startswith(b"[")
                    else None
                )
            case "parquet":
                table = pq.read_table(io.BytesIO(plain))
                table.validate(full=True)
                return table.num_rows if table.num_columns else None
    except Exception:  # whatever the reason, this reader can't tell
        return None
    return None


def _counted_otherwise(lake: Lake, found: Counter[str]) -> list[str]:
    """ops.batches against the fates counted here, record by record."""
    names = ("accepted", "duplicates", "quarantined")
    sums = lake.table("ops.batches").groupBy("target").agg(*(F.sum(name).alias(name) for name in names)).collect()
    problems = []
    for row in sums:
        here = {
            "accepted": found[f"{row['target']} accepted"],
            "duplicates": found[f"{row['target']} duplicate"],
            "quarantined": sum(
                found[f"{row['target']} {fate}"] for fate in ("quarantined", "conflict", "file refused")
            ),
        }
        problems += [
            f"{row['target']}: ops.batches tells of {row[name]} {name}, the tables of {here[name]}"
            for name in names
            if row[name] != here[name]
        ]
    return problems
