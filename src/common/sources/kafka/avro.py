"""Avro in a schema registry's wire format: a byte 0, four bytes of the schema's id, and the value.

A value becomes JSON with every digit: decimals, times and dates are texts, bytes are base64. What a logical type can't
say, such as a time after the year 9999, stays the number that it is.
"""

import base64
import io
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from common.sources.clients import client
from common.sources.kafka.refused_schemas import has_hollow_items, is_endless
from common.sources.kafka.schema_registry import NoSchema, SchemaRegistry

_ID_ENDS = 5
_OURS = "lakehouse-"
"""Before the names of logical types: those that the library reads itself lose digits, or fail on them."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS = 86_400
_DUMPS = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class NotAvro(ValueError):
    """Why bytes can't be read; the message says it."""


def schema_id(content: bytes) -> int | None:
    """The id of the schema that a value was written with; None where it isn't in the wire format."""
    return int.from_bytes(content[1:_ID_ENDS], "big") if len(content) >= _ID_ENDS and content[0] == 0 else None


class Decoder:
    """Reads values of a registry's schemas."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self._registry = registry
        self._fastavro = client("fastavro", "kafka")
        self._parsed: dict[int, Any] = {}
        self._absent: dict[int, str] = {}
        readers = client("fastavro.read", "kafka").LOGICAL_READERS
        readers.update({f"{kind}-{_OURS}{name}": read for (kind, name), read in _READERS.items()})

    def text(self, content: bytes) -> str:
        """The value as JSON text.

        Raises:
            NotAvro: it can't be read; the message says why.
            FeedError: the registry doesn't answer, or refuses: no fault of the value.
        """
        return _json(self.value(content))

    def value(self, content: bytes) -> Any:
        """The value as JSON would have it, but for bytes.

        Raises:
            NotAvro, FeedError: as `text`.
        """
        number = schema_id(content)
        if number is None:
            raise NotAvro("not in the schema registry's wire format: it doesn't begin with a byte 0 and a schema's id")
        schema = self._schema(number)
        body = io.BytesIO(content[_ID_ENDS:])
        try:
            value = self._fastavro.schemaless_reader(body, schema, None)
        except Exception as error:  # whatever the library makes of foreign bytes
            words = " ".join(str(error).split())[:200]
            raise NotAvro(f"not what schema {number} describes ({type(error).__name__}: {words})") from None
        if left := len(content) - _ID_ENDS - body.tell():
            raise NotAvro(f"not what schema {number} describes ({left} bytes are left over)")
        return value

    def _schema(self, number: int) -> Any:
        if number in self._absent:
            raise NotAvro(self._absent[number])
        if number not in self._parsed:
            try:
                self._parsed[number] = self._made(self._registry.schema(number), {}, set())
            except NoSchema as error:
                self._absent[number] = str(error)
                raise NotAvro(str(error)) from None
        return self._parsed[number]

    def _made(self, found: Mapping[str, Any], named: dict[str, Any], seen: set[str]) -> Any:
        """A schema as the library takes it, after those that it refers to."""
        if (kind := found.get("schemaType") or "AVRO") != "AVRO":
            raise NoSchema(f"its schema is one of {kind}, and not of Avro")
        for reference in found.get("references") or ():
            if (name := json.dumps(reference, sort_keys=True)) not in seen:
                seen.add(name)
                self._made(self._registry.referenced(reference), named, seen)
        try:
            made = self._fastavro.parse_schema(_with_our_types(json.loads(found["schema"])), named_schemas=named)
        except Exception as error:  # the library has many
            raise NoSchema(f"its schema can't be read ({type(error).__name__}: {error})") from None
        if is_endless(made, named, (), set()):
            raise NoSchema("its schema contains itself, which is not read: a deep value would end the worker")
        if has_hollow_items(made, named, {}, set()):
            raise NoSchema(
                "its schema has an array of values that take no bytes, which is not read: a few bytes may announce "
                "more of them than the worker's memory has room for"
            )
        return made


def _with_our_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_our_types(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _with_our_types(part) for name, part in schema.items()}
    name, kind = made.pop("logicalType", None), made.get("type")
    if isinstance(name, str) and isinstance(kind, str) and (kind, name) in _READERS:
        made["logicalType"] = _OURS + name
    return made


def _decimal(data: bytes, schema: Mapping[str, Any], _: Any = None) -> str:
    unscaled = int.from_bytes(data, "big", signed=True)
    return format(Decimal(f"{unscaled}E-{int(schema.get('scale') or 0)}"), "f")


def _date(days: int, *_: Any) -> str | int:
    try:
        return (_EPOCH + timedelta(days=days)).date().isoformat()
    except OverflowError:
        return days


def _timestamp(digits: int, zone: str) -> Callable[..., str | int]:
    def read(number: int, *_: Any) -> str | int:
        seconds, fraction = divmod(number, 10**digits)
        try:
            whole = _EPOCH + timedelta(seconds=seconds)
        except OverflowError:
            return number
        return f"{whole.isoformat()[:19]}.{fraction:0{digits}d}{zone}"

    return read


def _time(digits: int) -> Callable[..., str | int]:
    def read(number: int, *_: Any) -> str | int:
        seconds, fraction = divmod(number, 10**digits)
        if not 0 <= seconds < _DAY_SECONDS:
            return number
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:0{digits}d}"

    return read


def _uuid(data: bytes, *_: Any) -> str:
    return str(UUID(bytes=bytes(data)))


_READERS: Mapping[tuple[str, str], Callable[..., str | int]] = {
    ("bytes", "decimal"): _decimal,
    ("fixed", "decimal"): _decimal,
    ("fixed", "uuid"): _uuid,
    ("int", "date"): _date,
    ("int", "time-millis"): _time(3),
    ("long", "time-micros"): _time(6),
    ("long", "timestamp-millis"): _timestamp(3, "Z"),
    ("long", "timestamp-micros"): _timestamp(6, "Z"),
    ("long", "timestamp-nanos"): _timestamp(9, "Z"),
    ("long", "local-timestamp-millis"): _timestamp(3, ""),
    ("long", "local-timestamp-micros"): _timestamp(6, ""),
    ("long", "local-timestamp-nanos"): _timestamp(9, ""),
}


def plain(value: Any) -> Any:
    """A value as JSON has it: bytes as base64, and what is no number as its name."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _json(value: Any) -> str:
    try:
        return _DUMPS(value)
    except (TypeError, ValueError):
        return _DUMPS(plain(value))
    except RecursionError:
        raise NotAvro("it is nested too deep") from None
