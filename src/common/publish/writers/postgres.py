"""Tables in PostgreSQL: current versions of customers, transactions by decision, facts and marts, for other systems."""

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator
from pyspark.errors import PySparkException

from common.checks.findings import OUTPUT_WAS_REACHED, Finding
from common.errors import DeclarationError, LakehouseError, OutputError, first_line
from common.publish.delivery import Delivery, failed
from common.publish.postgres import access, conservation, positions
from common.publish.postgres.access import Place
from common.publish.postgres.connected import PostgresOutput
from common.publish.postgres.declared import DeclaredTable, contracts
from common.publish.postgres.delivering import deliver
from common.publish.postgres.delta import DeltaSource
from common.publish.postgres.failures import in_words
from common.publish.postgres.served import ServedTable
from common.settings import Settings
from common.sources.declaration import Name
from common.sources.feed import Tell
from common.sources.pulling.postgres.names import NAME_BYTES
from common.storage.lake import Lake

if TYPE_CHECKING:
    from common.publish.postgres.delivering import Opened

NOT_THERE = "not in the lakehouse"


class PostgresTables(PostgresOutput):
    """Tables of a schema in PostgreSQL.

    `owner` is the role that owns all, of which the connection's user is a member; `readers` are roles for people. What
    isn't there of these is made where the user may.
    """

    writer: Literal["postgres"]
    schema_: Name = Field(alias="schema")
    owner: Name
    readers: tuple[Name, ...] = ()
    tables: Annotated[dict[Name, DeclaredTable], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_the_contracts(self) -> "PostgresTables":
        if positions.TABLE in self.tables:
            raise DeclarationError(f"tables.{positions.TABLE}: what was delivered is noted there: choose another name")
        for option, names in {"schema": (self.schema_,), "owner": (self.owner,), "readers": self.readers}.items():
            if too_long := [name for name in names if len(name) > NAME_BYTES]:
                raise DeclarationError(
                    f"{option}: {too_long[0]!r} is longer than the {NAME_BYTES} that PostgreSQL keeps"
                )
        if self.owner in self.readers:
            raise DeclarationError(f"readers: {self.owner!r} is the owner, who may do everything: name another role")
        _ = self.served
        return self

    @cached_property
    def served(self) -> tuple[ServedTable, ...]:
        """The tables, by their contracts."""
        known = contracts()
        made = []
        for name, table in self.tables.items():
            try:
                made.append(table.served(name, self.readers, known))
            except DeclarationError as error:
                raise DeclarationError(f"tables.{name}.{error}") from None
        return tuple(made)

    @property
    def items(self) -> Collection[str]:
        """The names of the tables."""
        return self.tables

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
        with self.connected(settings, tell) as connection, in_words(self.where(settings)):
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
                raise OutputError(f"{self.where(lake.settings)}: the connection was lost: run this again")
            with in_words(f"{self.where(lake.settings)}: {', '.join(table.name for table in tables)}"):
                came = deliver(connection, self.place, DeltaSource(lake, source, state), tables)
        except LakehouseError as error:
            return [replace(failed(table.name, error), source_table=source.name) for table in tables]
        except PySparkException as error:
            unread = OutputError(f"{source.name} can't be read: {first_line(error)}")
            return [replace(failed(table.name, unread), source_table=source.name) for table in tables]
        return [replace(one, destination=self.destination(one.item, lake.settings)) for one in came]

    def findings(self, lake: Lake) -> list[Finding]:
        """Whether each table is as it was delivered, and has as many rows as the lakehouse in that version."""
        try:
            with self.connected(lake.settings, attempts=1) as connection, in_words(self.where(lake.settings)):
                return conservation.findings(lake, connection, self.place, self.served, self.name)
        except LakehouseError as error:
            return [Finding(self.name, OUTPUT_WAS_REACHED, False, str(error), "warning")]

    def state(self, settings: Settings) -> object:
        """By table that is there, what the position says, and what was ever changed in it."""
        try:
            with (
                self.connected(settings, attempts=1) as connection,
                in_words(self.name),
                connection.transaction(),
                connection.cursor() as cursor,
            ):
                access.act_as_owner(cursor, self.place)
                return positions.states(cursor, self.schema_, self.tables)
        except LakehouseError:
            return None
