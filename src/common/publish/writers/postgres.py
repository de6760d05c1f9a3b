"""Tables in PostgreSQL: current versions of customers, transactions by decision, facts and marts, for other systems."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast

import sqlglot
from pydantic import Field, model_validator
from pyspark.errors import PySparkException
from sqlglot import exp
from sqlglot.errors import SqlglotError

from common.checks.findings import CONSERVATION, Finding
from common.contracts.registry import all_tables, all_views
from common.contracts.table import Table, View
from common.errors import DeclarationError, LakehouseError, OutputError, first_line
from common.publish.delivery import Delivery
from common.publish.output import Output
from common.publish.postgres import access, conservation, positions
from common.publish.postgres.access import Place
from common.publish.postgres.delivering import deliver
from common.publish.postgres.delta import DeltaSource
from common.publish.postgres.failures import in_words
from common.publish.postgres.served import Reader, ServedTable, served_table
from common.settings import Settings
from common.sources.connections import PostgresConnection, Text, value_of
from common.sources.declaration import Name
from common.sources.feed import Tell
from common.sources.pulling.postgres.connect import ATTEMPTS, connect, name_of
from common.sources.target_map import Strict
from common.storage.lake import Lake

if TYPE_CHECKING:
    from common.publish.postgres.delivering import Opened

FAILED = "failed"
NOT_THERE = "not in the lakehouse"
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


class PostgresTables(Output):
    """Tables of a schema in PostgreSQL.

    `owner` is the role that owns all, of which the connection's user is a member; `readers` are roles for people. What
    isn't there of these is made where the user may.
    """

    connects_to: ClassVar[str | None] = "postgres"

    writer: Literal["postgres"]
    schema_: Name = Field(alias="schema")
    owner: Name
    readers: tuple[Name, ...] = ()
    tables: Annotated[dict[Name, DeclaredTable], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_the_contracts(self) -> "PostgresTables":
        if positions.TABLE in self.tables:
            raise DeclarationError(f"tables.{positions.TABLE}: what was delivered is noted there: choose another name")
        if self.owner in self.readers:
            raise DeclarationError(f"readers: {self.owner!r} is the owner, who may do everything: name another role")
        _ = self.served
        return self

    @cached_property
    def served(self) -> tuple[ServedTable, ...]:
        """The tables, by their contracts."""
        contracts = _contracts()
        made = []
        for name, table in self.tables.items():
            try:
                made.append(self._served(name, table, contracts))
            except DeclarationError as error:
                raise DeclarationError(f"tables.{name}.{error}") from None
        return tuple(made)

    def _served(self, name: str, table: DeclaredTable, contracts: Mapping[str, Table | View]) -> ServedTable:
        if table.from_ not in contracts:
            known = ", ".join(contracts)
            raise DeclarationError(f"from: there is no {table.from_!r} to serve; there are {known}")
        of = contracts[table.from_]
        source = of.of if isinstance(of, View) else of
        if table.where:
            _check_condition("where", table.where, "spark", source.column_names)
        plain = served_table(name, of, where=table.where or "", columns=table.columns, indexes=table.indexes)
        return replace(plain, readers=self._readers(plain, table))

    def _readers(self, table: ServedTable, declared: DeclaredTable) -> dict[str, Reader]:
        wanted = {role: RoleReads() for role in self.readers} if declared.readers is None else declared.readers
        if unknown := sorted(wanted.keys() - {*self.readers}):
            raise DeclarationError(
                f"readers.{unknown[0]}: there is no such role among the output's `readers`: "
                f"{', '.join(self.readers) or 'none'}"
            )
        return {role: _reader(f"readers.{role}", reads, table) for role, reads in wanted.items()}

    @property
    def place(self) -> Place:
        """The schema, and who has to do with it."""
        return Place(self.schema_, self.owner, self.readers)

    @property
    def reads(self) -> tuple[str, ...]:
        """The Delta tables that it reads."""
        return tuple(dict.fromkeys(table.source.name for table in self.served))

    def deliver(self, lake: Lake, tell: Tell) -> list[Delivery]:
        """Brings the tables to the newest versions: those of one Delta table together, or none of them."""
        done: list[Delivery] = []
        settings = lake.settings
        with self._connected(settings, ATTEMPTS, tell) as connection, in_words(self._words(settings)):
            with connection.cursor() as cursor, connection.transaction():
                access.prepare(cursor, self.place)
            for name in self.reads:
                tables = [table for table in self.served if table.source.name == name]
                came = self._delivered(lake, connection, tables)
                for one in came:
                    tell(f"{self.name}: {one.item}: {one.failure or one.mode}")
                done += came
        return done

    def _delivered(self, lake: Lake, connection: "Opened", tables: list[ServedTable]) -> list[Delivery]:
        """The deliveries of tables of one Delta table; a failure is told by them."""
        source = tables[0].source
        try:
            state = lake.state(source)
            if state is None:
                return [Delivery(table.name, NOT_THERE, source.name) for table in tables]
            if connection.closed:
                raise OutputError(f"{self._words(lake.settings)}: the connection was lost: run this again")
            with in_words(f"{self._words(lake.settings)}: {', '.join(table.name for table in tables)}"):
                came = deliver(connection, self.place, DeltaSource(lake, source, state), tables)
        except LakehouseError as error:
            return [Delivery(table.name, FAILED, source.name, failure=str(error)) for table in tables]
        except PySparkException as error:
            words = f"{source.name} can't be read: {first_line(error)}"
            return [Delivery(table.name, FAILED, source.name, failure=words) for table in tables]
        return [replace(one, destination=f"{self._address(lake.settings)}/{self.schema_}.{one.item}") for one in came]

    def findings(self, lake: Lake) -> list[Finding]:
        """Whether each table is as it was delivered, and has as many rows as the lakehouse in that version."""
        try:
            with self._connected(lake.settings, 1) as connection, in_words(self._words(lake.settings)):
                return conservation.findings(lake, connection, self.place, self.served, self.name)
        except LakehouseError as error:
            return [Finding(self.name, CONSERVATION, False, str(error))]

    def state(self, settings: Settings) -> object:
        """By table, what the position says, and whether the table is there."""
        try:
            with (
                self._connected(settings, 1) as connection,
                in_words(self.name),
                connection.transaction(),
                connection.cursor() as cursor,
            ):
                access.act_as_owner(cursor, self.place)
                noted = positions.positions(cursor, self.schema_, self.tables)
                return {
                    name: [*map(str, vars(noted[name]).values())]
                    for name in self.tables
                    if name in noted and positions.is_there(cursor, self.schema_, name)
                }
        except LakehouseError:
            return None

    @contextmanager
    def _connected(self, settings: Settings, attempts: int, tell: Tell = lambda _: None) -> Iterator["Opened"]:
        try:
            opened = connect(self._server, settings, attempts=attempts, tell=tell)
        except LakehouseError as error:
            raise OutputError(str(error)) from None
        with opened:
            yield opened

    @property
    def _server(self) -> PostgresConnection:
        return cast("PostgresConnection", self.connections[self.connection or ""])

    def _words(self, settings: Settings) -> str:
        return name_of(self._server, settings)

    def _address(self, settings: Settings) -> str:
        server = self._server
        return f"{value_of(server.host, settings)}:{server.port}/{value_of(server.database, settings)}"


def _contracts() -> dict[str, Table | View]:
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
