"""A table that PostgreSQL serves: which rows and columns of a Delta table, by which key, and who may read what."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from common.contracts.reference import Reference
from common.contracts.silver import REFERENCES
from common.contracts.table import Column, Table, View
from common.errors import DeclarationError
from common.sources.pulling.postgres.names import NAME_BYTES, quoted

_TYPES = {
    "string": "text",
    "boolean": "boolean",
    "int": "integer",
    "bigint": "bigint",
    "double": "double precision",
    "date": "date",
    "timestamp": "timestamp with time zone",
    "array<string>": "text[]",
}
_AS_LITERAL = (
    r"""concat('{{', array_join(transform({name}, e -> concat('"', replace(replace(e, '\\', '\\\\'), '"', '\\"'), """
    r"""'"')), ',', 'NULL'), '}}')"""
)
_AS_JSON = r"""regexp_replace(to_json({name}), r'(?<!\\)((?:\\\\)*)\\u0000', '$1')"""
"""As JSON spells the character NUL, which PostgreSQL's can't hold; after an odd number of backslashes only."""
CURRENT = "is_current AND NOT coalesce(is_deleted, false)"
"""Of a history: the version of today of what the source hasn't deleted."""
_OF_VERSIONS = ("is_deleted", "valid_to", "is_current", "content_hash")
"""Columns of a history that are the same in all rows served, or of use to the lakehouse alone."""


@dataclass(frozen=True)
class ServedColumn:
    """A column: its type as PostgreSQL's catalog spells it, and Spark's expression that gives what COPY reads."""

    name: str
    type: str
    comment: str
    sql: str
    personal: bool = False


@dataclass(frozen=True)
class Reader:
    """What a role may read of a table: these columns, of the rows for which the SQL condition holds (None: all)."""

    columns: tuple[str, ...]
    rows: str | None = None


@dataclass(frozen=True)
class ServedTable:
    """A table of the warehouse, whose rows are those of `source` for which `condition` (Spark's SQL) holds.

    Of these no two have the same key. A null in a column of `nullable_key` equals a null.
    """

    name: str
    source: Table
    condition: str
    columns: tuple[ServedColumn, ...]
    key: tuple[str, ...]
    comment: str
    nullable_key: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    readers: Mapping[str, Reader] = field(default_factory=dict)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def shape(self) -> str:
        """A digest of what decides on its content: where it differs from that of the rows there, all are compared."""
        content = [
            self.source.name,
            self.condition,
            self.key,
            [(column.name, column.type, column.sql) for column in self.columns],
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def key_of(self, alias: str) -> tuple[str, ...]:
        """The key's values in PostgreSQL's SQL, without nulls."""
        return tuple(
            f"coalesce({alias}{quoted(name)}, '')" if name in self.nullable_key else f"{alias}{quoted(name)}"
            for name in self.key
        )

    @property
    def conflict_key(self) -> str:
        """The key as an index is made of it, and found by it."""
        return ", ".join(f"({part})" if part.startswith("coalesce") else part for part in self.key_of(""))

    def same_key(self, one: str, other: str) -> str:
        """The SQL condition under which rows of two aliases have the same key."""
        pairs = zip(self.key_of(f"{one}."), self.key_of(f"{other}."), strict=True)
        return " AND ".join(f"{left} = {right}" for left, right in pairs)


def served_table(
    name: str,
    of: Table | View,
    *,
    where: str = "",
    columns: Sequence[str] | None = None,
    indexes: Sequence[Sequence[str]] = (),
    readers: Mapping[str, Reader] | None = None,
) -> ServedTable:
    """A table served of a contract's table or view. Of a history it has the current version of each thing.

    Args:
        name: its name in the warehouse.
        of: the contract.
        where: a condition in Spark's SQL beside the contract's own.
        columns: those that it has; None: all but personal ones, and those that hold a struct or a map.
        indexes: columns of indexes beside that of the key and of the contract's clustering.
        readers: what each role may read.

    Raises:
        DeclarationError: it names a column that isn't there, its columns lack the key, or its name is too long.
    """
    if len(name) > NAME_BYTES:
        raise DeclarationError(
            f"from: the name {name!r} is too long: PostgreSQL keeps {NAME_BYTES} characters of a name"
        )
    source = of.of if isinstance(of, View) else of
    history = _history(source)
    # An id on two dates is its source's fault, and no reason to hold up the other rows.
    key = (history.key,) if history else source.lookup_key
    if not key:
        raise DeclarationError(f"from: {source.name} has no key, by which its rows could be kept up to date")
    known = [c for c in source.columns if not (history and c.name in _OF_VERSIONS)]
    if columns is None:
        chosen = [c for c in known if not c.personal and not c.type.startswith(("struct", "map"))]
    else:
        chosen = [_named(known, one, f"columns: {source.name}") for one in columns]
    names = tuple(column.name for column in chosen)
    if missing := [one for one in key if one not in names]:
        raise DeclarationError(f"columns: the key of {source.name} is missing: add {', '.join(missing)}")
    for index in indexes:
        for one in index:
            _named(chosen, one, "indexes: the table")
    conditions = [CURRENT] if history else []
    conditions += [of.condition] if isinstance(of, View) else []
    conditions += [where] if where else []
    clustering = source.cluster_by if set(source.cluster_by) <= set(names) and source.cluster_by[:1] != key[:1] else ()
    return ServedTable(
        name,
        source,
        " AND ".join(f"({one})" for one in conditions) or "true",
        tuple(_served(column) for column in chosen),
        key,
        f"{history.comment} The version of today." if history else of.comment,
        () if history else source.nullable_key,
        tuple(dict.fromkeys(tuple(index) for index in (clustering, *indexes) if index)),
        readers or {},
    )


def _history(source: Table) -> Reference | None:
    return next((one for one in REFERENCES.values() if one.history.name == source.name), None)


def _named(columns: Sequence[Column], name: str, table: str) -> Column:
    found = next((column for column in columns if column.name == name), None)
    if found is None:
        raise DeclarationError(
            f"{table} has no column {name!r} to serve; it has {', '.join(column.name for column in columns)}"
        )
    return found


def _served(column: Column) -> ServedColumn:
    """Lists of texts become PostgreSQL's, other nested values JSON, and all others are the same on both sides."""
    plain = column.type.replace(" ", "").lower()
    if plain.startswith("decimal"):
        return ServedColumn(
            column.name, plain.replace("decimal", "numeric"), column.comment, column.name, column.personal
        )
    sql, type_ = column.name, _TYPES.get(plain, "jsonb")
    if type_ == "text[]":
        sql = _AS_LITERAL.format(name=column.name)
    elif type_ == "jsonb":
        sql = _AS_JSON.format(name=column.name)
    return ServedColumn(column.name, type_, column.comment, sql, column.personal)
