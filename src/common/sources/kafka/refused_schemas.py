"""Schemas of Avro by which a few bytes could end a worker."""

from collections.abc import Mapping
from typing import Any


def is_endless(schema: Any, named: Mapping[str, Any], within: tuple[str, ...], ended: set[str]) -> bool:
    """Whether a value may be nested without end: the library, which is compiled, then overruns its stack."""
    if isinstance(schema, list):
        return any(is_endless(part, named, within, ended) for part in schema)
    if isinstance(schema, str):
        return schema in within or (
            schema in named and schema not in ended and is_endless(named[schema], named, within, ended)
        )
    name = schema.get("name", "")
    found = any(is_endless(part, named, (*within, name), ended) for part in _parts(schema))
    ended.add(name)
    return found


def has_hollow_items(schema: Any, named: Mapping[str, Any], hollow: dict[str, bool], ended: set[str]) -> bool:
    """Whether an array's items are written with no bytes. The schema is one that ends.

    `hollow` says it of records that were looked at by their names, `ended` are those that have no such array.
    """
    if isinstance(schema, list):
        return any(has_hollow_items(part, named, hollow, ended) for part in schema)
    name = schema if isinstance(schema, str) else schema.get("name", "")
    if name in ended or (isinstance(schema, str) and name not in named):
        return False
    schema = named[name] if isinstance(schema, str) else schema
    if "items" in schema and _is_hollow(schema["items"], named, hollow):
        return True
    found = any(has_hollow_items(part, named, hollow, ended) for part in _parts(schema))
    if name and not found:
        ended.add(name)
    return found


def _parts(schema: Mapping[str, Any]) -> list[Any]:
    """The schemas of a record's fields, of an array's items, and of a map's values."""
    fields = [field["type"] for field in schema.get("fields", ())]
    return fields + [schema[part] for part in ("items", "values") if part in schema]


def _is_hollow(schema: Any, named: Mapping[str, Any], hollow: dict[str, bool]) -> bool:
    """Whether a value is written with no bytes: a null, or what is made of nothing else. A union's branch takes one."""
    if isinstance(schema, list) or (isinstance(schema, str) and schema not in named):
        return bool(schema == "null")
    schema = named[schema] if isinstance(schema, str) else schema
    kind, name = schema.get("type"), schema.get("name", "")
    if kind not in ("record", "error"):
        return bool(kind == "null" or (kind == "fixed" and schema.get("size") == 0))
    if name not in hollow:
        hollow[name] = all(_is_hollow(field["type"], named, hollow) for field in schema.get("fields", ()))
    return hollow[name]
