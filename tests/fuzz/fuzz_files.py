"""Files of records in four formats, and what is done to whole files."""

import csv
import gzip
import io
import json
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
from fuzz_mutations import mutate_bytes, object_text
from fuzz_records import FORMATS, Feed, Record

EXTENSIONS = {"json_lines": "jsonl", "csv": "csv", "json_array": "json", "parquet": "parquet"}


def text_of(token: str) -> str | None:
    """A token as the text of a CSV or Parquet field."""
    try:
        value = json.loads(token, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return token
    if value is None:
        return None
    # Half of a surrogate pair can be written as a JSON escape only.
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else token


def write(format_: str, feed: Feed, records: list[Record]) -> bytes:
    """A file of these records, each of which has the feed's fields."""
    match format_:
        case "json_lines":
            return "".join(object_text(record) + "\n" for record in records).encode()
        case "json_array":
            return ("[" + ",\n".join(object_text(record) for record in records) + "]").encode()
        case "csv":
            return csv_file([feed.fields, *([text_of(token) or "" for _, token in record] for record in records)])
        case _:
            columns = [[text_of(dict(record).get(name, "null")) for record in records] for name in feed.fields]
            return parquet_file(pa.table([pa.array(column, pa.string()) for column in columns], names=feed.fields))


def csv_file(rows: list[list[str]]) -> bytes:
    sink = io.StringIO(newline="")
    csv.writer(sink).writerows(rows)
    return sink.getvalue().encode("utf-8", "backslashreplace")


def parquet_file(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


KINDS_OF_FILES = (
    *("flipped", "cut", "removed", "doubled", "inserted", "zeroed", "random", "swapped"),
    *("header", "footer", "gzip", "encoding", "line_ends", "empty", "other_format", "twice", "junk", "column_types"),
)


def mutate_file(kind: str, format_: str, feed: Feed, records: list[Record], random: Random) -> bytes:  # noqa: PLR0911 - one line a kind
    """A file of these records with damage of that kind, now and then gzipped before or after it."""
    content = write(format_, feed, records)
    if kind == "column_types" and format_ == "parquet":
        content = parquet_file(_other_types(pq.read_table(io.BytesIO(content)), random))
        return content if random.random() < 0.5 else mutate_bytes(content, "flipped", random)
    if random.random() < 0.1:
        content = gzip.compress(content, mtime=0)
    byte_kind = random.choice(("flipped", "cut", "removed", "doubled", "inserted", "zeroed", "random"))
    match kind:
        case "header" | "column_types":
            end = content.find(b"\n") + 1 or min(len(content), 40)
            return mutate_bytes(content[:end], byte_kind, random) + content[end:]
        case "footer":
            start = len(content) * 2 // 3
            return content[:start] + mutate_bytes(content[start:], byte_kind, random)
        case "gzip":
            return mutate_bytes(gzip.compress(content, mtime=0), byte_kind, random)
        case "encoding":
            encoding = random.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp037", "shift_jis"])
            return content.decode("utf-8", "replace").encode(encoding, "replace")
        case "line_ends":
            return content.replace(b"\n", random.choice([b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\xe2\x80\xa8"]))
        case "empty":
            return random.choice(
                [b"", b"\n", b" ", b"\xef\xbb\xbf", b"[]", gzip.compress(b"", mtime=0), b"{}", b'""', b"\0"]
            )
        case "other_format":
            return write(random.choice([name for name in FORMATS if name != format_]), feed, records)
        case "twice":
            return content + random.choice([b"", b"\n", b","]) + content
        case "junk":
            return random.choice([content, b""]) + random.randbytes(random.randint(1, 3000))
        case _:
            return mutate_bytes(content, kind, random)


# Parquet holds no seconds: they would be written as milliseconds, where the largest don't fit.
_TYPES = (
    *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int8(), pa.string())),
    *(pa.int64(), pa.float32(), pa.float64(), pa.decimal128(38, 4), pa.bool_(), pa.timestamp("ms"), pa.timestamp("ns")),
    *(pa.timestamp("us", "Europe/Berlin"), pa.date32(), pa.time64("us"), pa.duration("s"), pa.null(), pa.binary(4)),
    *(pa.list_(pa.string()), pa.struct([("k", pa.timestamp("ms"))]), pa.map_(pa.string(), pa.int64())),
)
_BEYOND_YEARS_MS = (253_402_300_800_000, -62_135_596_801_000)
"""When the year 10000 begins, and a second before the year 1."""


def _other_types(table: pa.Table, random: Random) -> pa.Table:
    """The table with some columns of other types: converted where that goes, else with values that only they have."""
    for _ in range(random.randint(1, 3)):
        at = random.randrange(table.num_columns)
        type_ = random.choice(_TYPES)
        try:
            column = table.column(at).cast(type_)
        except pa.ArrowException:
            column = _strange(type_, table.num_rows, random)
        table = table.set_column(at, table.column_names[at], column)
    return table


def _strange(type_: pa.DataType, count: int, random: Random) -> pa.Array:
    number = random.choice([0, -1, 2**31 - 1, *_BEYOND_YEARS_MS, 2**62, -(2**63)])
    values: dict[str, object] = {
        "list<item: string>": ["T1"],
        "struct<k: timestamp[ms]>": {"k": None},
        "map<string, int64>": [("k", 1)],
        "fixed_size_binary[4]": b"\xff\0ab",
        "bool": True,
        "double": float("nan"),
        "float": float("inf"),
    }
    if str(type_).startswith("struct"):
        return pa.StructArray.from_arrays([pa.array([number] * count).cast(pa.timestamp("ms"))], ["k"])
    if str(type_) in values:
        return pa.array([values[str(type_)]] * count, type_)
    try:
        return pa.array([number] * count, pa.int64()).cast(type_)
    except pa.ArrowException:
        return pa.nulls(count, type_)
