"""Events as one Parquet object: its name, its columns."""

import hashlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from apps.events_api.body import Event
from apps.events_api.request import Request

SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("payload", pa.string()),  # the event's text as it was sent
        ("request_id", pa.string()),
        ("ordinal", pa.int32()),  # the event's number in its request, from 1
        ("received_at", pa.timestamp("ms", "UTC")),
    ]
)


def key_of(folder: str, events: Sequence[Event], idempotency_key: str | None) -> str:
    """The name of a request's object: a request that is repeated has the same.

    It comes from the request's Idempotency-Key, or from its events' texts where it has none. No clock goes into it, so
    that a request that is repeated after midnight makes no second object.
    """
    digest = hashlib.sha256()
    if idempotency_key is not None:
        digest.update(b"key\n" + idempotency_key.encode("utf-8", "surrogatepass"))
    else:
        digest.update(b"events\n")
        for event in events:
            text = event.text.encode()
            digest.update(b"%d\n%s" % (len(text), text))
    return f"{folder}/{digest.hexdigest()[:32]}.parquet" if folder else f"{digest.hexdigest()[:32]}.parquet"


def object_of(events: Sequence[Event], request: Request) -> bytes:
    """The object's content."""
    columns = [
        [event.event_id for event in events],
        [event.text for event in events],
        [request.request_id] * len(events),
        list(range(1, len(events) + 1)),
        [request.received_at] * len(events),
    ]
    sink = pa.BufferOutputStream()
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), sink, compression="zstd")
    return bytes(sink.getvalue())


def texts_of(content: bytes) -> list[str]:
    """The events' texts of an object."""
    texts: list[str] = pq.read_table(pa.BufferReader(content), columns=["payload"])["payload"].to_pylist()
    return texts
