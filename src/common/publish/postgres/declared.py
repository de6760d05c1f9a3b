"""A table of the warehouse as people declare it, checked against its contract before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlglot
from pydantic import Field
from sqlglot import exp
from sqlglot.errors import SqlglotError

from common.contracts.registry import all_tables, all_views
from common.contracts.table import Table, View
from common.errors import DeclarationError
from common.publish.postgres.served import Reader, ServedTable, served_table
from common.sources.connections import Text
from common.sources.declaration import Name
from common.sources.target_map import Strict

_LAYERS = ("silver", "gold")


class RoleReads(Strict):
    """What a role may read of a table: columns (left out: all but personal ones), and rows by a condition of SQL."""

    columns: tuple[Text, ...] | None = None
    rows: Text | None = None


class DeclaredTable(Strict):
    """A table of the warehouse: the contract that it is of, and what of that it has.

    `columns` left out are all but personal ones. `readers` left out: each of the output's roles reads all of it but
    personal columns.
    """

    from_: Text = Field(alias="from")
    where: Text | None = None
    columns: tuple[Text, ...] | None = None
    indexes: tuple[tuple[Text, ...], ...] = ()
    readers: dict[Name, RoleReads] | None = None

    def served(self, name: str, roles: Sequence[str], known: Mapping[str, Table | View]) -> ServedTable:
        """The table of that name; `roles` are those of the output, `known` the contracts by name.

        Raises:
            DeclarationError: it doesn't fit its contract; the message begins with the option's path.
        """
        if self.from_ not in known:
            raise DeclarationError(f"from: there is no {self.from_!r} to serve; there are {', '.join(known)}")
        of = known[self.from_]
        source = of.of if isinstance(of, View) else of
        if self.where:
            _check_condition("where", self.where, "spark", source.column_names)
        plain = served_table(name, of, where=self.where or "", columns=self.columns, indexes=self.indexes)
        return replace(plain, readers=self._readers(plain, roles))

    def _readers(self, table: ServedTable, roles: Sequence[str]) -> dict[str, Reader]:
        wanted = {role: RoleReads() for role in roles} if self.readers is None else self.readers
        if unknown := sorted(wanted.keys() - {*roles}):
            raise DeclarationError(
                f"readers.{unknown[0]}: there is no such role among the output's `readers`: "
                f"{', '.join(roles) or 'none'}"
            )
        return {role: _reader(f"readers.{role}", reads, table) for role, reads in wanted.items()}


def contracts() -> dict[str, Table | View]:
    """What can be served: tables with a key, and views of them."""
    tables = {table.name: table for table in all_tables() if table.schema in _LAYERS and table.key}
    return {**tables, **{view.name: view for view in all_views() if view.of.key}}


def _reader(where: str, reads: RoleReads, table: ServedTable) -> Reader:
    columns = reads.columns
    if columns is None:
        columns = tuple(column.name for column in table.columns if not column.personal)
    for name in columns:
        if name not in table.column_names:
            raise DeclarationError(
                f"{where}.columns: the table has no column {name!r}; it has {', '.join(table.column_names)}"
            )
    if reads.rows:
        _check_condition(f"{where}.rows", reads.rows, "postgres", table.column_names)
    return Reader(columns, reads.rows)


def _check_condition(where: str, sql: str, dialect: str, columns: tuple[str, ...]) -> None:
    """Checks that a condition is one expression over these columns; what it does is for who runs it."""
    try:
        tree = sqlglot.parse_one(sql, read=dialect, into=exp.Condition)
    except SqlglotError:
        raise DeclarationError(f"{where}: {sql!r} is no condition in SQL, such as country = 'DE'") from None
    for column in tree.find_all(exp.Column):
        if column.name not in columns:
            raise DeclarationError(f"{where}: there is no column {column.name!r}; there are {', '.join(columns)}")
