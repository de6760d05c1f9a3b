"""Deletes: the keys that are known, against those that are there, by digests of buckets.

A bucket is a part of the keys by their hash. The server counts and sums the hashes of each; only of buckets that differ
from what is known are keys fetched. A file of keys has a line for each bucket: number, count, sum, keys.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from common.sources.pulling.postgres.tables.catalog import Table
from common.sources.pulling.postgres.tables.rows import copied, key_sql

BUCKET_KEYS = 256
MOST_BUCKETS = 65_536

Bucket = tuple[int, int]
"""How many keys, and the sum of their hashes."""


def buckets_for(keys: int) -> int:
    """How many buckets a table of so many keys has: a power of 2."""
    return min(MOST_BUCKETS, 1 << max(0, (keys // BUCKET_KEYS).bit_length()))


@dataclass(frozen=True)
class There:
    """The keys of a table that are there, seen through a cursor, in so many buckets."""

    cursor: Any
    table: Table
    buckets: int

    def digests(self) -> dict[int, Bucket]:
        """Each bucket that has keys."""
        self.cursor.execute(f"SELECT bucket, count(*), sum(hash) FROM ({self._hashed}) b GROUP BY bucket")
        return {bucket: (count, int(total)) for bucket, count, total in self.cursor.fetchall()}

    def by_bucket(self, only: Collection[int] = ()) -> Iterator[tuple[int, list[str]]]:
        """The keys by bucket, in order; of some buckets alone where they are named."""
        where = f"WHERE bucket = ANY('{{{','.join(map(str, only))}}}'::bigint[])" if only else ""
        rows = copied(self.cursor, f"SELECT bucket, key FROM ({self._hashed}) b {where} ORDER BY bucket")
        for bucket, found in groupby(rows, key=lambda row: int(row[0])):
            yield bucket, [row[1] for row in found]

    @property
    def _hashed(self) -> str:
        """Each key with its bucket and hash, as `_hashes` makes them."""
        keys = f"SELECT {key_sql(self.table)} AS key FROM {self.table.sql} AS _row OFFSET 0"  # each is made once
        hashes = f"SELECT key, md5(convert_to(key, 'UTF8')) AS h FROM ({keys}) k OFFSET 0"
        bucket = f"('x' || left(h, 8))::bit(32)::bigint & {self.buckets - 1}"
        return f"SELECT key, {bucket} AS bucket, ('x' || substr(h, 9, 8))::bit(32)::bigint AS hash FROM ({hashes}) s"


def write_all(there: There, file: Path) -> None:
    """Writes the keys that are there, as the server sorts them by bucket."""
    with file.open("w", encoding="utf-8") as lines:
        for bucket, keys in there.by_bucket():
            lines.write(_line(bucket, keys))


def compare(there: There, known: Path, fresh: Iterable[str], file: Path) -> Iterator[str]:
    """The known keys that are gone; afterwards the file has those that are there, unless they are those of `known`.

    `fresh` are keys that were pulled since the known ones were written.
    """
    added: dict[int, set[str]] = defaultdict(set)
    for key in fresh:
        added[_hashes(key, there.buckets)[0]].add(key)
    digests = there.digests()

    def known_lines() -> Iterator[tuple[int, str]]:
        return _lines(known, added, added.keys() | digests.keys())

    differing = [bucket for bucket, line in known_lines() if _digest(line) != digests.get(bucket, (0, 0))]
    if not added and not differing:
        return
    found = there.by_bucket(differing) if differing else iter(())
    coming = next(found, None)
    wanted = set(differing)
    with file.open("w", encoding="utf-8") as lines:
        for bucket, line in known_lines():
            if bucket not in wanted:
                lines.write(line)
                continue
            now: list[str] = []
            if coming and coming[0] == bucket:
                now, coming = coming[1], next(found, None)
            yield from sorted(_keys(line).difference(now))
            lines.write(_line(bucket, now))


def _lines(known: Path, added: Mapping[int, set[str]], others: Collection[int]) -> Iterator[tuple[int, str]]:
    """Every bucket of the file and the others, in order, with its line, added keys among it; it may be empty."""
    more = deque(sorted(others))
    with known.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            bucket = int(line.partition("\t")[0])
            while more and more[0] < bucket:
                other = more.popleft()
                yield other, _with("", other, added)
            if more and more[0] == bucket:
                more.popleft()
            yield bucket, _with(line, bucket, added)
    yield from ((other, _with("", other, added)) for other in more)


def _with(line: str, bucket: int, added: Mapping[int, set[str]]) -> str:
    """The line with the keys that are added to its bucket. Only those that it hasn't are hashed."""
    new = added[bucket].difference(_keys(line)) if bucket in added else ()
    if not new:
        return line
    (count, total), (more, sum_of_more) = _digest(line), _sum(new)
    return "\t".join((str(bucket), str(count + more), str(total + sum_of_more), *_keys(line), *new)) + "\n"


def _keys(line: str) -> set[str]:
    return set(line.rstrip("\n").split("\t")[3:])


def _digest(line: str) -> Bucket:
    if not line:
        return 0, 0
    _, count, total, _ = line.split("\t", 3)
    return int(count), int(total)


def _sum(keys: Collection[str]) -> Bucket:
    return len(keys), sum(_hashes(key, 1)[1] for key in keys)


def _line(bucket: int, keys: Collection[str]) -> str:
    if not keys:
        return ""
    return "\t".join((str(bucket), *map(str, _sum(keys)), *keys)) + "\n"


def _hashes(key: str, buckets: int) -> tuple[int, int]:
    """The bucket of a key and its hash, as the server makes them."""
    hashed = hashlib.md5(key.encode(), usedforsecurity=False).digest()
    return int.from_bytes(hashed[:4]) & (buckets - 1), int.from_bytes(hashed[4:8])
