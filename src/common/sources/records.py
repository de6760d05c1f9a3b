"""A payload's top-level fields as text, digits as received."""

import json
from collections.abc import Iterable, Sequence

import pyarrow as pa


def record_decoder() -> json.JSONDecoder:
    """A decoder that leaves numbers as the text that they were. Make one for many records: it can't be pickled."""
    return json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def fields_of(payload: str, decoder: json.JSONDecoder) -> dict[str, str | None]:
    """The record's top-level fields: numbers as they were written, nested values as JSON text.

    Raises:
        ValueError: the payload is not a JSON object; the message says why.
    """
    try:
        record = decoder.decode(payload)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError(f"a JSON object is expected, not {type(record).__name__}")
    return {name: value if value is None or type(value) is str else _as_text(value) for name, value in record.items()}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def parse_payloads(payloads: Iterable[str | None], fields: Sequence[str]) -> tuple[list[pa.Array], pa.Array]:
    """The wanted fields of many payloads, one string array a field, and why a payload could not be parsed."""
    columns: list[list[str | None]] = [[] for _ in fields]
    errors: list[str | None] = []
    decoder = record_decoder()
    nothing: dict[str, str | None] = {}
    for payload in payloads:
        error = None
        record = nothing
        if payload is not None:
            try:
                record = fields_of(payload, decoder)
            except ValueError as problem:
                error = str(problem)
        errors.append(error)
        for column, name in zip(columns, fields, strict=True):
            column.append(record.get(name))
    return [pa.array(column, pa.string()) for column in columns], pa.array(errors, pa.string())
