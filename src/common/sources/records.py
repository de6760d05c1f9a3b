"""A payload's top-level fields as text, digits as received.

A number, a boolean and a nested value become the text that JSON writes for them; within a nested value, numbers become
strings, so that they keep their digits too. What could be read in two ways is an error, not a choice: a key that
an object holds twice (some readers take the first value, some the last), half of a surrogate pair, and nesting deeper
than MAX_DEPTH, where readers differ in what they can take.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from common.sources.chunks import NOT_TEXT
from common.sources.field_paths import Path
from common.sources.json_spans import DECODER

MAX_DEPTH = 200
TOO_DEEP = f"nested more than {MAX_DEPTH} deep"


def record_decoder() -> json.JSONDecoder:
    """A decoder that leaves numbers as the text that they were. Make one for many records: it can't be pickled."""
    return json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object)


def _flat_fields(payload: str) -> dict[str, str | None] | None:
    """What `fields_of` gives, for an object without escapes, nested values and doubled keys; None for any other.

    `_object` is called for no object, which would take most of the time.

    Of a key that is there twice, the decoder keeps the last value and does not say so. But each key has a colon after
    it: when as many colons as keys are left beside those within the keys and texts, no key is there twice.
    """
    if "\\" in payload:
        return None
    try:
        record, end = DECODER.raw_decode(payload, 0)
    except (ValueError, RecursionError):
        return None
    if type(record) is not dict or end != len(payload):
        return None
    try:
        texts = "".join(record.values())
    except TypeError:
        for name, value in record.items():
            if isinstance(value, bool):
                record[name] = _as_text(value)
            elif isinstance(value, list | dict):
                return None
        texts = "".join(filter(None, record.values()))
    colons = payload.count(":") - texts.count(":") - "".join(record).count(":")
    return record if colons == len(record) else None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {doubled[:FIELD_NAME_CHARACTERS]!r} is there twice")
    return made


def fields_of(payload: str, decoder: json.JSONDecoder) -> dict[str, str | None]:
    """The record's top-level fields: numbers as they were written, nested values as JSON text.

    Raises:
        ValueError: the payload is not a JSON object that can be read in one way only; the message says why.
    """
    return _texts_of(_whole_record(payload, decoder))


def _whole_record(payload: str, decoder: json.JSONDecoder) -> dict[str, object]:
    try:
        record = decoder.decode(payload)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if not isinstance(record, dict):
        raise ValueError(f"a JSON object is expected, not {_KINDS.get(type(record), 'a text or a number')}")
    if payload.count("[") + payload.count("{") > MAX_DEPTH and _is_too_deep(record):
        raise ValueError(TOO_DEEP)
    if "\\ud" in payload or "\\uD" in payload:
        _check_is_text(record)
    return record


def _texts_of(record: dict[str, object]) -> dict[str, str | None]:
    return {name: value if value is None or type(value) is str else _as_text(value) for name, value in record.items()}


def _text_at(record: object, path: Path) -> str | None:
    """The value at a path as text; null where a parent is missing, or is no object or list as the path needs it."""
    value = record
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value if value is None or isinstance(value, str) else _as_text(value)


def _is_too_deep(record: object) -> bool:
    level, depth = [record], 0
    while level:
        depth += 1
        inner = [value for value in level if isinstance(value, dict | list)]
        if inner and depth > MAX_DEPTH:
            return True
        level = [value for part in inner for value in (part.values() if isinstance(part, dict) else part)]
    return False


def _check_is_text(record: object) -> None:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError(NOT_TEXT) from None


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


_KINDS: Mapping[type, str] = {list: "an array", bool: "a truth value", type(None): "null"}

FIELD_NAME_CHARACTERS = 200
UNMAPPED_SHOWN = 20


@dataclass(frozen=True)
class Parsed:
    """Many payloads, column by column: the wanted fields, why one could not be parsed, and its fields nobody knows."""

    columns: list[pa.Array]
    errors: pa.Array
    unmapped: pa.Array


def parse_payloads(payloads: Iterable[str | None], fields: Sequence[str | Path], known: Collection[str]) -> Parsed:
    """The wanted values of many payloads, one string array each, null where there is none.

    `fields` are top-level ones by name, or the paths of values within them. `known` are the top-level fields that some
    map of the feed reads; a record's other fields are named in `unmapped` (list<string>, null where there are none; at
    most UNMAPPED_SHOWN a record, long names cut).
    """
    errors: list[str | None] = []
    unmapped: list[list[str] | None] = []
    records: list[Mapping[Any, str | None]] = []
    known = frozenset(known)
    paths = [field for field in fields if not isinstance(field, str)]
    decoder = record_decoder()
    nothing: dict[str, str | None] = {}
    for payload in payloads:
        error = None
        record, nested = nothing, None
        if payload is not None:
            try:
                flat = _flat_fields(payload)
                if flat:
                    record = flat
                else:
                    nested = _whole_record(payload, decoder)
                    record = _texts_of(nested)
            except ValueError as problem:
                error = str(problem)
        names = None
        if not known.issuperset(record):
            names = sorted(name[:FIELD_NAME_CHARACTERS] for name in record.keys() - known)[:UNMAPPED_SHOWN]
        errors.append(error)
        unmapped.append(names)
        # Nothing is nested in a flat record: its paths are null.
        records.append({**record, **{path: _text_at(nested, path) for path in paths}} if paths and nested else record)
    return Parsed(
        [pa.array([record.get(field) for record in records], pa.string()) for field in fields],
        pa.array(errors, pa.string()),
        pa.array(unmapped, pa.list_(pa.string())),
    )
