"""Records as the content of files: CSV, Parquet, JSON arrays, gzip."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ACCOUNT_SCHEMA = pa.schema(
    [
        ("account_id", pa.string()),
        ("customer_id", pa.string()),
        ("currency", pa.string()),
        ("credit_limit", pa.decimal128(18, 2)),
        ("balance", pa.decimal128(18, 2)),
        ("changed_at", pa.timestamp("ns")),
    ]
)
"""Accounts come from a pandas shop: their times are in nanoseconds."""


def csv_of(records: Sequence[dict[str, Any]], delimiter: str = ",") -> bytes:
    """CSV with a header, quoted where need be; the records must have the same fields."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def json_array_of(records: Sequence[dict[str, Any]]) -> bytes:
    """One JSON array, one record a line."""
    return b"[\n" + b",\n".join(json.dumps(r, ensure_ascii=False).encode() for r in records) + b"\n]\n"


def parquet_of(table: pa.Table) -> bytes:
    """A Parquet file of a table."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, use_dictionary=False, write_statistics=False)
    return bytes(sink.getvalue())


def gzipped(content: bytes) -> bytes:
    """The content gzipped, quickly; the same content gives the same bytes."""
    return gzip.compress(content, compresslevel=1, mtime=0)
