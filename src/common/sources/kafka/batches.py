"""Many records at once, as Spark's workers get them."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from common.sources.kafka.values import Values

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = "source_ref string, payload string, read_error string"


def reading(values: Values) -> "Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]":
    """A function for `mapInArrow`, of source_ref, key, value, time in milliseconds and headers, to SCHEMA."""

    def read(batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa

        for batch in batches:
            rows = []
            for reference, key, value, at, headers in zip(*(part.to_pylist() for part in batch.columns), strict=True):
                named = [(header["key"], header["value"]) for header in headers or ()]
                found = values.read(key, value, at, named)
                if found is not None:
                    rows.append((reference, *found))
            parts = zip(*rows, strict=True) if rows else ((), (), ())
            names = ["source_ref", "payload", "read_error"]
            yield pa.RecordBatch.from_arrays([pa.array(part, pa.string()) for part in parts], names)

    return read
