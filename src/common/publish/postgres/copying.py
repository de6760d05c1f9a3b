"""Arrow's batches into a PostgreSQL table, by COPY."""

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv

if TYPE_CHECKING:
    import psycopg

    Cursor = psycopg.Cursor[tuple[Any, ...]]

_WITHOUT_HEADER = csv.WriteOptions(include_header=False)


def copy(cursor: "Cursor", table: str, columns: str, batches: Iterable[pa.RecordBatch], options: str = "") -> int:
    """Copies the rows into the columns of a table, both as SQL names them; how many they were.

    PostgreSQL's texts can't hold the character NUL: it is left out.
    """
    rows = 0
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv{options})") as into:
        for batch in batches:
            if batch.num_rows:
                into.write(_as_csv(batch))
                rows += batch.num_rows
    return rows


def _as_csv(batch: pa.RecordBatch) -> bytes:
    written = io.BytesIO()
    csv.write_csv(batch, written, _WITHOUT_HEADER)
    content = written.getvalue()
    return content.replace(b"\0", b"") if b"\0" in content else content
