"""Spark's rows, key by key, through a function of arrays: what `mapInArrow` runs on the workers."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from common.features.rows import codes_of
from common.features.timeline import Ints

CHUNK_ROWS = 100_000
"""Rows that are worked on at once; a key's rows stay together, however many they are."""

Work = Callable[[pa.Table, Ints], Mapping[str, np.ma.MaskedArray]]
"""From rows sorted by key, and the code of each row's key, to new columns by name; masked values are null."""


def by_key(batches: Iterable[pa.RecordBatch], key: str, work: Work, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a partition that is sorted by `key`, with the columns that `work` adds, as `schema` has them."""
    for table in _whole_keys(batches, key):
        codes = codes_of(table[key])
        added = {name: pa.array(v.data, mask=np.ma.getmaskarray(v)) for name, v in work(table, codes).items()}
        columns = [added[f.name].cast(f.type) if f.name in added else table[f.name].cast(f.type) for f in schema]
        yield from pa.table(columns, schema=schema).to_batches()


def _whole_keys(batches: Iterable[pa.RecordBatch], key: str) -> Iterator[pa.Table]:
    """The batches joined to larger tables, each of which ends with the last row of a key."""
    kept: list[pa.RecordBatch] = []
    rows, enough = 0, CHUNK_ROWS
    for batch in batches:
        if not batch.num_rows:
            continue
        kept.append(batch)
        rows += batch.num_rows
        if rows < enough:
            continue
        table = pa.Table.from_batches(kept).combine_chunks()
        codes = codes_of(table[key])
        last = int(np.searchsorted(codes, codes[-1]))
        if last:
            yield table.slice(0, last)
        kept = table.slice(last).to_batches()
        rows = table.num_rows - last
        enough = max(CHUNK_ROWS, 2 * rows)  # a key of many rows isn't joined again for each batch
    if kept:
        yield pa.Table.from_batches(kept).combine_chunks()
