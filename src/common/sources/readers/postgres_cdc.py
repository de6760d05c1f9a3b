"""`reader: postgres_cdc`: what changes in tables of PostgreSQL, pulled from its log by logical decoding.

Spark has no stream for it. Change by change, each with its order, where `postgres_tables` sees the state at a pull.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from common.sources.connections import PostgresConnection, Text
from common.sources.feed import FeedAt, Sights, Tell, silent
from common.sources.files.first_records import FileLook, Record
from common.sources.pulling.postgres.cdc.declared import Declared
from common.sources.pulling.postgres.cdc.lsn import Place
from common.sources.pulling.postgres.cdc.preflight import Preflight, preflight
from common.sources.pulling.postgres.cdc.puller import ChangesPuller
from common.sources.pulling.postgres.cdc.records import payload_of
from common.sources.pulling.postgres.cdc.slot import in_words
from common.sources.pulling.postgres.cdc.snapshot import rows_of_table
from common.sources.pulling.postgres.cdc.state import state_of
from common.sources.pulling.postgres.connect import connect, name_of
from common.sources.pulling.postgres.times import time_text
from common.sources.pulling.pulled_feed import PulledFeed

LOOK_RECORDS = 20

TableName = Annotated[str, Field(pattern=r"^[^.]+\.[^.]+$")]
SlotName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,63}$")]


class PostgresCdcFeed(PulledFeed):
    """A feed of changes of `tables` (schema.table), which `publication` publishes.

    The first pull makes the `slot` (its default has the source's and the feed's names) and takes all rows. `snapshot`
    is the number of that: where a person sets a higher one, the slot is made again and all rows are taken again.
    """

    reader: Literal["postgres_cdc"]
    connection: Text
    tables: Annotated[tuple[TableName, ...], Field(min_length=1)]
    publication: Text
    slot: SlotName | None = None
    snapshot: Annotated[int, Field(ge=1, le=9999, strict=True)] = 1

    connects_to: ClassVar[str | None] = "postgres"

    def place(self, at: FeedAt) -> str:
        """The tables and their database."""
        return f"changes of {', '.join(self.tables)} in {name_of(_connection(at), at.settings)}"

    def puller(self, at: FeedAt, tell: Tell = silent) -> ChangesPuller:
        """Who pulls; told of waiting and of what will hurt."""
        name = name_of(_connection(at), at.settings)
        return ChangesPuller(name, self._declared(at), lambda replication: _open(at, replication, tell), tell)

    def look(self, at: FeedAt) -> Sights:
        """Server, tables, publication and slot, and the first rows of the tables."""
        declared = self._declared(at)
        with in_words(name_of(_connection(at), at.settings), declared.slot), _open(at, False) as connection:
            seen = preflight(connection, declared, state_of(Path(at.pulled)))
            looks = [_look(connection, seen, table) for table in self.tables if _is_readable(seen, table)]
        return Sights(seen.sights, looks, 0, seen.warnings)

    def _declared(self, at: FeedAt) -> Declared:
        slot = self.slot or f"lakehouse_{at.source}_{at.name}"[:63]
        return Declared(at.name, self.tables, self.publication, slot, self.snapshot, frozenset(self.fields))


def _look(connection: Any, seen: Preflight, table: str) -> FileLook:
    published = seen.publication.tables.get(table, (None, None)) if seen.publication else (None, None)
    rows = rows_of_table(connection, seen.tables[table], published, LOOK_RECORDS)
    return FileLook(
        table,
        tuple(
            Record(table, number, payload_of(row, "r", table, time_text(0), Place(0, number)), None)
            for number, row in enumerate(rows, start=1)
        ),
        is_cut=True,
    )


def _is_readable(seen: Preflight, table: str) -> bool:
    return table in seen.tables and seen.tables[table].may_read


def _open(at: FeedAt, replication: bool, tell: Tell = silent) -> Any:
    return connect(_connection(at), at.settings, replication=replication, tell=tell)


def _connection(at: FeedAt) -> PostgresConnection:
    assert isinstance(at.connection, PostgresConnection)
    return at.connection
