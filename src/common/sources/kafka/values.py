"""What becomes of a record's bytes: its payload, or why there is none."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from common.sources.kafka.debezium import row_of

Payload = tuple[str | None, str | None]
"""The payload, and why the record can't be read."""
Headers = Iterable[tuple[str, bytes | None]]
Beside = Literal["key", "timestamp", "headers"]

NOT_UTF8 = "not UTF-8"
TOMBSTONE = "a tombstone: it has a key and no value; `tombstones: deletion` reads such records"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Values:
    """How a feed reads its topic's records: fields put in front of the value's own, tombstones, and an envelope."""

    beside: tuple[Beside, ...] = ()
    tombstones: Literal["refuse", "deletion"] = "refuse"
    envelope: Literal["debezium"] | None = None

    @property
    def are_plain(self) -> bool:
        """Whether a payload is nothing but the value's text."""
        return self == Values()

    def read(self, key: bytes | None, value: bytes | None, timestamp: int | None, headers: Headers) -> Payload | None:
        """A record's payload or error; None for one that says nothing: a tombstone after a change event.

        `timestamp` is in milliseconds since 1970.
        """
        if value is None and self.envelope:
            return None
        if value is None and self.tombstones == "refuse":
            return None, TOMBSTONE
        key_text = _text(key)
        front: dict[str, object] = {}
        if "key" in self.beside or value is None:
            front["_key"] = key_text
        if "timestamp" in self.beside:
            front["_timestamp"] = _time(timestamp)
        if "headers" in self.beside:
            front["_headers"] = {name: _text(content) for name, content in headers}
        if value is None:
            return json.dumps(front | {"_deleted": True}, ensure_ascii=False), None
        text = _text(value)
        if text is None:
            return None, NOT_UTF8
        if self.envelope:
            payload, error = row_of(text, key_text)
            return (payload and with_fields(front, payload)), error
        return with_fields(front, text), None


def with_fields(front: dict[str, object], text: str) -> str:
    """The text of an object with fields in front of its own, which stay as they are; any other text as it is."""
    own = text.lstrip(" \t\r\n")
    if not front or not own.startswith("{"):
        return text
    rest = own[1:]
    comma = "" if rest.lstrip(" \t\r\n").startswith("}") else ", "
    return json.dumps(front, ensure_ascii=False)[:-1] + comma + rest


def _text(content: bytes | None) -> str | None:
    """The text of bytes; None where there are none, or they are no UTF-8."""
    try:
        return None if content is None else bytes(content).decode()
    except UnicodeDecodeError:
        return None


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None or milliseconds < 0:
        return None
    try:
        at = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:  # after the year 9999: as it came
        return str(milliseconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
