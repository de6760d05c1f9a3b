"""What must hold before changes are pulled, each with what to do where it doesn't hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.sources.feed import Sight
from common.sources.pulling.postgres.cdc.catalog import (
    Publication,
    Server,
    Slot,
    TableFacts,
    publication_of,
    server_of,
    slot_of,
    tables_of,
)
from common.sources.pulling.postgres.cdc.declared import Declared, quoted
from common.sources.pulling.postgres.cdc.slot_sights import slot_sight, slot_warnings, snapshot_needed
from common.sources.pulling.postgres.cdc.state import SlotState

OLDEST = 130_000


@dataclass(frozen=True)
class Preflight:
    """What the server has of what a feed needs."""

    declared: Declared
    state: SlotState | None
    server: Server
    slot: Slot | None
    publication: Publication | None
    tables: dict[str, TableFacts]

    @property
    def sights(self) -> tuple[Sight, ...]:
        """What was seen, in the order in which it is put right."""
        return (
            self._server(),
            *(self._table(name) for name in self.declared.tables),
            self._publication(),
            slot_sight(self.declared, self.state, self.server, self.slot),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What will hurt later."""
        return (*self._left_out(), *slot_warnings(self.declared, self.slot))

    def _server(self) -> Sight:
        server = self.server
        found = f"PostgreSQL {server.version // 10000}, database {server.database}, role {server.role}"
        missing = ""
        if server.version < OLDEST:
            missing = f"it must be {OLDEST // 10000} or newer"
        elif server.is_standby:
            missing = "it is a standby, which can't be pulled from: connect to the primary"
        elif server.wal_level != "logical":
            missing = (
                f"its log has no row changes (wal_level is {server.wal_level}): "
                "ALTER SYSTEM SET wal_level = logical; then restart the server"
            )
        elif not server.may_replicate:
            role = quoted(server.role)
            missing = (
                f"the role may not read changes: ALTER ROLE {role} REPLICATION; (on Amazon RDS: GRANT rds_replication "
                f"TO {role};)"
            )
        return Sight("server", found, missing)

    def _table(self, name: str) -> Sight:
        facts = self.tables.get(name)
        if facts is None:
            return Sight(name, "not there", f"there is no table {name}: write it as schema.table, as the database does")
        found = f"{len(facts.columns)} columns, key {', '.join(facts.key) or 'none'}"
        missing = ""
        if not facts.may_read:
            role = quoted(self.server.role)
            missing = (
                f"the role may not read it: GRANT USAGE ON SCHEMA {quoted(facts.schema)} TO {role}; "
                f"GRANT SELECT ON {quoted(name)} TO {role};"
            )
        elif not facts.has_identity:
            missing = self._without_identity(name)
        elif facts.is_partitioned and self.publication and not self.publication.by_root:
            missing = (
                "it has partitions, which would be published by their own names: "
                f"ALTER PUBLICATION {quoted(self.declared.publication)} SET (publish_via_partition_root = true);"
            )
        return Sight(name, found, missing)

    def _publication(self) -> Sight:
        name, tables = quoted(self.declared.publication), self.declared.tables
        publication = self.publication
        if publication is None:
            create = f"CREATE PUBLICATION {name} FOR TABLE {', '.join(map(quoted, tables))};"
            return Sight("publication", "not there", f"as the tables' owner: {create}")
        found = f"{self.declared.publication}, {len(publication.tables)} tables"
        return Sight("publication", found, next(self._wrong_with(publication), ""))

    def _wrong_with(self, publication: Publication) -> Iterator[str]:
        name, tables = quoted(self.declared.publication), self.declared.tables
        wide = "all tables" if publication.all_tables else ""
        wide = wide or ", ".join(f"the schema {schema}" for schema in publication.whole_schemas)
        if wide:
            yield (
                f"it publishes {wide}: updates of a table without a key that is made later would fail in the "
                f"application. DROP PUBLICATION {name}; CREATE PUBLICATION {name} FOR TABLE "
                f"{', '.join(map(quoted, tables))};"
            )
        for table, facts in self.tables.items():
            if table in publication.tables and publication.publishes_changes and not facts.has_identity:
                drop = f"ALTER PUBLICATION {name} DROP TABLE {quoted(table)};"
                yield f"{self._without_identity(table)} Until then: {drop}"
        if absent := [table for table in tables if table not in publication.tables]:
            yield f"it lacks {', '.join(absent)}: ALTER PUBLICATION {name} ADD TABLE {', '.join(map(quoted, absent))};"
        if not publication.publishes_all:
            yield (
                "it leaves out some kinds of changes: "
                f"ALTER PUBLICATION {name} SET (publish = 'insert, update, delete, truncate');"
            )
        if again := [table for table in tables if self._was_added_again(table, publication)]:
            yield (
                f"{', '.join(again)}: taken out of it and added again, or published with other columns or rows than "
                f"before, so that changes from between may be missing. {snapshot_needed(self.declared)}"
            )

    def _was_added_again(self, table: str, publication: Publication) -> bool:
        state = self.state
        if state is None or state.snapshot != self.declared.snapshot or state.step == "making":
            return False  # a snapshot will be taken
        return table in state.tables and state.entries.get(table) not in (None, publication.entries.get(table))

    def _without_identity(self, table: str) -> str:
        return (
            f"{table} has neither a primary key nor another replica identity: while it is published, the application's "
            f"own updates and deletes of it fail. Give it a key, or ALTER TABLE {quoted(table)} REPLICA IDENTITY FULL;"
        )

    def _left_out(self) -> Iterator[str]:
        for name in self.declared.tables:
            facts = self.tables.get(name)
            if facts and facts.identity != "f":
                long = [column for column in facts.long if column in self.declared.fields and column not in facts.key]
                if long:
                    yield (
                        f"{name}: an update that leaves a long value of {', '.join(long)} as it was (about 2 kB and "
                        "more) comes without that field, and the maps read it: "
                        f"ALTER TABLE {quoted(name)} REPLICA IDENTITY FULL;"
                    )


def preflight(connection: Any, declared: Declared, state: SlotState | None) -> Preflight:
    """Looks; nothing is changed."""
    server = server_of(connection)
    publication = publication_of(connection, declared.publication, server.version)
    names = {*declared.tables, *(publication.tables if publication else ())}
    slot = slot_of(connection, declared.slot, server.wal)
    return Preflight(declared, state, server, slot, publication, tables_of(connection, sorted(names)))
