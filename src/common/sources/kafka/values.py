"""What becomes of a record's bytes: its payload, or why there is none."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from common.sources.kafka.avro import Decoder, NotAvro, plain
from common.sources.kafka.debezium import row_of
from common.sources.kafka.schema_registry import SchemaRegistry

Payload = tuple[str | None, str | None]
"""The payload, and why the record can't be read."""
Headers = Iterable[tuple[str, bytes | None]]
Beside = Literal["key", "timestamp", "headers"]

NOT_UTF8 = "not UTF-8"
TOMBSTONE = "a tombstone: it has a key and no value; `tombstones: deletion` reads such records"
KEY_NOT_UTF8 = "its key is not UTF-8: leave `key` out of `with`, or declare `key_format: avro` where it is Avro"
_NO_TIME = "its timestamp {} is no time: leave `timestamp` out of `with`"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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

    @property
    def are_plain(self) -> bool:
        """Whether a payload is nothing but the value's text."""
        return self == Values()

    def read(self, key: bytes | None, value: bytes | None, timestamp: int | None, headers: Headers) -> Payload | None:
        """A record's payload or error; None for one that says nothing: a tombstone after a change event.

        `timestamp` is in milliseconds since 1970. Where only what is beside the value can't be read, the payload is
        the value's own.

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
                text, error = row_of(text, lambda: self._key_as_json(key))
                if text is None:
                    return None, error
            front = self._front(key, timestamp, headers, is_deletion=value is None)
        except ValueError as error:
            return None if value is None else text, str(error)
        return with_fields(front, text), None

    def _text(self, value: bytes) -> str:
        if self.value_format == "avro":
            return self._avro.text(value)
        return _utf8(value, NOT_UTF8)

    def _front(
        self, key: bytes | None, timestamp: int | None, headers: Headers, *, is_deletion: bool
    ) -> dict[str, object]:
        front: dict[str, object] = {}
        if "key" in self.beside or is_deletion:
            front["_key"] = self._key(key)
        if "timestamp" in self.beside:
            front["_timestamp"] = _time(timestamp)
        if "headers" in self.beside:
            front["_headers"] = _named(headers)
        if is_deletion:
            front["_deleted"] = True
        return front

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

    @cached_property
    def _avro(self) -> Decoder:
        assert self.registry is not None
        return Decoder(self.registry)


def with_fields(front: dict[str, object], text: str) -> str:
    """The text of an object with fields in front of its own, which stay as they are; any other text as it is."""
    own = text.lstrip(" \t\r\n")
    if not front or not own.startswith("{"):
        return text
    rest = own[1:]
    comma = "" if rest.lstrip(" \t\r\n").startswith("}") else ", "
    return _DUMPS(front)[:-1] + comma + rest


def _named(headers: Headers) -> dict[str, object]:
    """Headers by name. One that comes repeatedly is an array, in its order."""
    found: dict[str, list[object]] = {}
    for name, content in headers:
        found.setdefault(name, []).append(_header(content))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _header(content: bytes | None) -> object:
    """A header as text; of bytes that are none, as happens often, `{"base64": ...}`."""
    if content is None:
        return None
    try:
        return bytes(content).decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _utf8(content: bytes, otherwise: str) -> str:
    try:
        return bytes(content).decode()
    except UnicodeDecodeError:
        raise _NotRead(otherwise) from None


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None or milliseconds < 0:
        return None
    try:
        return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        raise _NotRead(_NO_TIME.format(milliseconds)) from None
