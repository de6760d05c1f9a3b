"""A table that is there beside its contract: what the contract adds, and what doesn't fit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from common.contracts.ddl import quoted
from common.contracts.table import Table


@dataclass(frozen=True)
class ExistingColumn:
    """A column as the table has it: its type as Spark writes it, and its comment."""

    type: str
    comment: str


@dataclass(frozen=True)
class Drift:
    """The clauses of ALTER TABLE that make a table fit its contract, and in words what no clause can mend."""

    clauses: tuple[str, ...]
    misfits: tuple[str, ...]


def drift(table: Table, existing: Mapping[str, ExistingColumn]) -> Drift:
    """Compares a contract with the columns that its table has.

    New columns, new fields of a struct and new comments can be added to a table that is there. A type that differs
    can't. Columns that only the table has are left alone.
    """
    clauses, misfits = [], []
    for column in table.columns:
        if column.name not in existing:
            clauses.append(f"ADD COLUMNS ({column.name} {column.type} COMMENT {quoted(column.comment)})")
            continue
        for path, type_ in _added_fields(column.name, existing[column.name].type, column.type):
            clauses.append(f"ADD COLUMNS ({path} {type_})")
        if not _fits(existing[column.name].type, column.type):
            misfits.append(
                f"{column.name} is {existing[column.name].type} in the table and {column.type} in the contract"
            )
        if existing[column.name].comment != column.comment:
            clauses.append(f"ALTER COLUMN {column.name} COMMENT {quoted(column.comment)}")
    return Drift(tuple(clauses), tuple(misfits))


def _added_fields(path: str, existing: str, declared: str) -> Iterator[tuple[str, str]]:
    if not _is_struct(existing, declared):
        return
    there = _fields(existing)
    for name, type_ in _fields(declared).items():
        if name in there:
            yield from _added_fields(f"{path}.{name}", there[name], type_)
        else:
            yield f"{path}.{name}", type_


def _fits(existing: str, declared: str) -> bool:
    if not _is_struct(existing, declared):
        return _plain(existing) == _plain(declared)
    wanted = _fields(declared)
    return all(name not in wanted or _fits(type_, wanted[name]) for name, type_ in _fields(existing).items())


def _is_struct(*types: str) -> bool:
    return all(_plain(type_).startswith("struct<") for type_ in types)


def _plain(type_: str) -> str:
    return type_.replace(" ", "").lower()


def _fields(struct: str) -> dict[str, str]:
    """The fields of `struct<name: type, ...>`, split at the commas and colons of its own level."""
    inside = _plain(struct)[len("struct<") : -1]
    parts, depth, start = [], 0, 0
    for position, character in enumerate(inside):
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append(inside[start:position])
            start = position + 1
    return dict(part.split(":", 1) for part in [*parts, inside[start:]] if part)
