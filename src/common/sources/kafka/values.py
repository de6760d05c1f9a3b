"""What becomes of a record's bytes: its payload, or why there is none."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from common.sources.kafka.avro import Decoder, NotAvro, plain
from common.sources.kafka.debezium import row_of
from common.sources.kafka.schema_registry import SchemaRegistry

Payload = tuple[str | None, str | None]
"""The payload, and why the record can't be read."""
Headers = tuple[tuple[str, bytes | None], ...]
Beside = Literal["key", "timestamp", "headers"]

NO_TIME = -1
"""The timestamp of a record that has none."""
NOT_UTF8 = "not UTF-8"
TOMBSTONE = "a tombstone: it has a key and no value; `tombstones: deletion` reads such records"
KEY_NOT_UTF8 = (
    "its key is not UTF-8: declare `key_format: avro` where it is Avro, or have its sender write text; where nothing "
    "but `with` needs it, leave `key` out there"
)
_STRANGE_TIME = "its timestamp {} is no time: leave `timestamp` out of `with`"
_EPOCH = datetime(1970, 1, 1)
_HEADERS_KEPT = 1000
_DUMPS = json.JSONEncoder(ensure_ascii=False).encode


class _NotRead(ValueError):
    """Why a part of a record can't be read."""


@dataclass(frozen=True)
class Values:
    """How a feed reads its topic's records: fields put in front of the value's own, tombstones, envelope and formats.

    Formats of Avro need the registry of their schemas.
    """

    beside: tuple[Beside, ...] = ()
    tombstones: Literal["refuse", "deletion"] = "refuse"
    envelope: Literal["debezium"] | None = None
    value_format: Literal["json", "avro"] = "json"
    key_format: Literal["text", "avro"] = "text"
    registry: SchemaRegistry | None = None
    # What was made before, for many records; without `cached_property`, whose lock can't be pickled.
    _seconds: dict[int, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _headers: dict[Headers, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _decoders: list[Decoder] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def are_plain(self) -> bool:
        """Whether a payload is nothing but the value's text."""
        return self == Values()

    def read(self, key: bytes | None, value: bytes | None, timestamp: int | None, headers: Headers) -> Payload | None:
        """A record's payload or error; None for one that says nothing: a tombstone after a change event.

        `timestamp` is in milliseconds since 1970. Beside an error the payload is what came: the value's text, or its
        bytes as `{"base64": ...}`; of a deletion the key's.

        Raises:
            FeedError: the schema registry doesn't answer, or refuses.
        """
        if value is None and self.envelope:
            return None
        if value is None and self.tombstones == "refuse":
            return None, TOMBSTONE
        text = None
        try:
            text = "{}" if value is None else self._text(value)
            if self.envelope:
                row, error = row_of(text, lambda: self._key_as_json(key))
                if row is None:
                    return text, error
                text = row
            front = self._front(key, timestamp, headers, is_deletion=value is None)
        except ValueError as error:
            return _kept(key, value, text), str(error)
        return with_fields(front, text), None

    def _text(self, value: bytes) -> str:
        if self.value_format == "avro":
            return self._avro.text(value)
        return _utf8(value, NOT_UTF8)

    def _front(self, key: bytes | None, timestamp: int | None, headers: Headers, *, is_deletion: bool) -> str:
        """The fields in front of the value's own, as the inside of a JSON object."""
        parts = []
        if "key" in self.beside or is_deletion:
            parts.append(f'"_key": {_DUMPS(self._key(key))}')
        if "timestamp" in self.beside:
            parts.append(f'"_timestamp": {self._time(timestamp)}')
        if "headers" in self.beside:
            parts.append(f'"_headers": {self._named(headers)}')
        if is_deletion:
            parts.append('"_deleted": true')
        return ", ".join(parts)

    def _key(self, key: bytes | None) -> Any:
        if key is None or self.key_format == "text":
            return None if key is None else _utf8(key, KEY_NOT_UTF8)
        try:
            return plain(self._avro.value(key))
        except NotAvro as error:
            raise _NotRead(f"its key is {error}") from None

    def _key_as_json(self, key: bytes | None) -> str | None:
        found = self._key(key)
        return found if found is None or self.key_format == "text" else _DUMPS(found)

    def _time(self, milliseconds: int | None) -> str:
        if milliseconds is None or milliseconds < 0:
            return "null"
        seconds, rest = divmod(milliseconds, 1000)
        if seconds not in self._seconds:
            self._seconds.clear()  # most records are of the same few seconds
            try:
                self._seconds[seconds] = (_EPOCH + timedelta(seconds=seconds)).isoformat()
            except OverflowError:
                raise _NotRead(_STRANGE_TIME.format(milliseconds)) from None
        return f'"{self._seconds[seconds]}.{rest:03d}Z"'

    def _named(self, headers: Headers) -> str:
        """Headers by name. One that comes repeatedly is an array, in its order."""
        known = self._headers.get(headers)
        if known is None:
            found: dict[str, list[object]] = {}
            for name, content in headers:
                found.setdefault(name, []).append(_header(content))
            known = _DUMPS({name: values[0] if len(values) == 1 else values for name, values in found.items()})
            if len(self._headers) >= _HEADERS_KEPT:
                self._headers.clear()
            self._headers[headers] = known
        return known

    @property
    def _avro(self) -> Decoder:
        if not self._decoders:
            assert self.registry is not None
            self._decoders.append(Decoder(self.registry))
        return self._decoders[0]


def _kept(key: bytes | None, value: bytes | None, text: str | None) -> str | None:
    """What is kept of a record that can't be read."""
    if value is None:
        return None if key is None else _DUMPS({"_key": _in_base64(key), "_deleted": True})
    return _DUMPS(_in_base64(value)) if text is None else text


def with_fields(front: str, text: str) -> str:
    """The text of an object with fields in front of its own, which stay as they are; any other text as it is."""
    own = text.lstrip(" \t\r\n")
    if not front or not own.startswith("{"):
        return text
    rest = own[1:]
    comma = "" if rest.lstrip(" \t\r\n").startswith("}") else ", "
    return f"{{{front}{comma}{rest}"


def _header(content: bytes | None) -> object:
    """A header as text; of bytes that are none, as happens often, `{"base64": ...}`."""
    if content is None:
        return None
    try:
        return bytes(content).decode()
    except UnicodeDecodeError:
        return _in_base64(content)


def _in_base64(content: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(content).decode()}


def _utf8(content: bytes, otherwise: str) -> str:
    try:
        return bytes(content).decode()
    except UnicodeDecodeError:
        raise _NotRead(otherwise) from None
