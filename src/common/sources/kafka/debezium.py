"""Debezium's envelope: a change of a row of PostgreSQL, as the row's columns and what happened to it.

The payload is the one that change data capture without Debezium gives, so that one map serves both: the columns after
the change (of a delete those of its key), `_op` (c, u, d, r of a snapshot, t of a truncate), `_table`, `_changed_at`
and `_order`.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from common.sources.records import record_decoder

UNAVAILABLE = "__debezium_unavailable_value"
"""What Debezium writes for a large value that a change left as it was, which the database's log doesn't repeat."""
_OPERATIONS = ("c", "u", "d", "r", "t")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]


class _NotRead(ValueError):
    """Why an event can't be read."""


Key = Callable[[], str | None]
"""Gives the text of a record's key; raises ValueError where it can't be read, which matters to deletes alone."""


def row_of(text: str, key: Key) -> tuple[str | None, str | None]:
    """An event's payload, and why it can't be read."""
    decoder = record_decoder()
    try:
        event = _unwrapped(_object(decoder, text))
        source = event.get("source")
        operation = event.get("op")
        if not isinstance(source, Mapping) or operation is None:
            raise _NotRead("it has no `op` and `source`: it is no event in Debezium's envelope")
        if operation not in _OPERATIONS:
            raise _NotRead(f"op {operation!r} is none of {', '.join(_OPERATIONS)}")
        row = _columns(event, operation, key, decoder)
        return _dumped(row | _change(operation, source, event)), None
    except (ValueError, TypeError, OverflowError, RecursionError) as error:  # other kinds of values than events have
        return None, f"Debezium: {str(error) or type(error).__name__}"


def _object(decoder: json.JSONDecoder, text: str) -> Row:
    try:
        found = decoder.decode(text)
    except ValueError as error:
        raise _NotRead(f"not JSON ({error})") from None
    if not isinstance(found, dict):
        raise _NotRead("it is no object")
    return found


def _unwrapped(event: Row) -> Row:
    """The event within `{"schema": ..., "payload": ...}`, which the converter of Connect may write."""
    inner = event.get("payload")
    return inner if isinstance(inner, dict) and set(event) == {"schema", "payload"} else event


def _columns(event: Row, operation: str, key: Key, decoder: json.JSONDecoder) -> Row:
    """Of a delete the key alone: unless the table's replica identity is full, Debezium invents the other values."""
    if operation == "t":
        return {}
    row = event.get("before" if operation == "d" else "after")
    if operation == "d" and (key_text := key()) is not None:
        return _unwrapped(_object(decoder, key_text))
    if not isinstance(row, dict):
        raise _NotRead(f"op {operation} without `{'before' if operation == 'd' else 'after'}`")
    if left_out := [name for name, value in row.items() if value == UNAVAILABLE]:
        raise _NotRead(
            f"the value of {', '.join(left_out)} was not sent ({UNAVAILABLE}): "
            "ALTER TABLE ... REPLICA IDENTITY FULL makes PostgreSQL repeat it"
        )
    return row


def _change(operation: str, source: Mapping[str, Any], event: Row) -> Row:
    lsn = source.get("lsn")
    if lsn is None:
        raise _NotRead("its source has no `lsn`: changes of PostgreSQL alone are read")
    transaction = event.get("transaction")
    number = transaction.get("total_order") if isinstance(transaction, Mapping) else None
    return {
        "_op": operation,
        "_table": ".".join(str(source[part]) for part in ("schema", "table") if source.get(part)),
        "_changed_at": _time(source),
        "_order": f"{int(lsn):016X}/{int(number or 0):08d}",
    }


def _time(source: Mapping[str, Any]) -> str:
    """The commit's time, as finely as the event has it."""
    if source.get("ts_us") is not None:
        since = timedelta(microseconds=int(source["ts_us"]))
    elif source.get("ts_ms") is not None:
        since = timedelta(milliseconds=int(source["ts_ms"]))
    else:
        raise _NotRead("its source has no `ts_ms`")
    return (_EPOCH + since).isoformat(timespec="microseconds")


def _dumped(row: Row) -> str:
    text = json.dumps(row, ensure_ascii=False)
    return text if text.isprintable() or _is_text(text) else json.dumps(row)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: as an escape it goes on to silver, which refuses it
        return False
    return True
