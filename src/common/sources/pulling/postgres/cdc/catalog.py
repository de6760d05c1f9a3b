"""What the database's catalog says of the server, the role, a publication, its tables and a slot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_SERVER = """
SELECT current_setting('server_version_num')::int, current_setting('wal_level'), current_user::text,
       (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user)
       OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_replication' AND pg_has_role(current_user, oid, 'member')),
       pg_is_in_recovery(), (SELECT system_identifier::text FROM pg_control_system()),
       (CASE WHEN pg_is_in_recovery() THEN '0/0' ELSE pg_current_wal_lsn() END - '0/0')::bigint,
       current_database()::text
"""
_SLOT = """
SELECT plugin::text, database::text, active_pid, wal_status, safe_wal_size,
       (coalesce(confirmed_flush_lsn, '0/0') - '0/0')::bigint, coalesce(%s - (restart_lsn - '0/0')::bigint, 0)
FROM pg_replication_slots WHERE slot_name = %s
"""
_PUBLICATION = """
SELECT puballtables, pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubupdate OR pubdelete,
       to_jsonb(p) ->> 'pubviaroot' = 'true' FROM pg_publication p WHERE pubname = %s
"""
_WHOLE_SCHEMAS = """
SELECT n.nspname::text FROM pg_publication_namespace s JOIN pg_publication p ON p.oid = s.pnpubid
JOIN pg_namespace n ON n.oid = s.pnnspid WHERE p.pubname = %s
"""
_PUBLISHED = "SELECT schemaname || '.' || tablename, {} FROM pg_publication_tables WHERE pubname = %s ORDER BY 1"
_ENTRIES = """
SELECT n.nspname || '.' || c.relname, r.oid::bigint FROM pg_publication_rel r
JOIN pg_publication p ON p.oid = r.prpubid JOIN pg_class c ON c.oid = r.prrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = %s
"""
_TABLES = """
SELECT n.nspname::text, c.relname::text, c.relkind::text, c.relreplident::text,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
       (SELECT array_agg(a.attname::text ORDER BY k.place) FROM pg_index i
        CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY k(number, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE i.indrelid = c.oid AND i.indisprimary),
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstorage IN ('x', 'e')
        AND a.atttypmod = -1)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname || '.' || c.relname = ANY(%s) AND c.relkind IN ('r', 'p')
"""


@dataclass(frozen=True)
class Server:
    """The server, and the role there. `wal` is the end of its log, as a number; 0 of a standby."""

    version: int
    wal_level: str
    role: str
    may_replicate: bool
    is_standby: bool
    system: str
    wal: int
    database: str


@dataclass(frozen=True)
class Slot:
    """A replication slot. `held` and `safe` are bytes of log: what it keeps, and what it may still; None for any."""

    plugin: str
    database: str
    active_pid: int | None
    wal_status: str | None
    safe: int | None
    confirmed: int
    held: int


@dataclass(frozen=True)
class Publication:
    """A publication: its tables with the columns and the filter that they are published with, where it has such.

    `entries` are the oids of tables in the publication's list: a table that is taken out and added again has another.
    """

    all_tables: bool
    publishes_all: bool
    publishes_changes: bool
    by_root: bool
    whole_schemas: tuple[str, ...]
    tables: dict[str, tuple[tuple[str, ...] | None, str | None]]
    entries: dict[str, int]


@dataclass(frozen=True)
class TableFacts:
    """A table. `identity` is its replica identity's letter; `long` are the columns whose values may be out of line."""

    schema: str
    name: str
    is_partitioned: bool
    identity: str
    may_read: bool
    columns: tuple[str, ...]
    key: tuple[str, ...]
    long: tuple[str, ...]

    @property
    def has_identity(self) -> bool:
        """Whether updates and deletes of it can be published; of one without, they fail in the application."""
        return self.identity in "fi" or (self.identity == "d" and bool(self.key))


def server_of(connection: Any) -> Server:
    """The server."""
    return Server(*connection.execute(_SERVER).fetchone())


def slot_of(connection: Any, name: str, wal: int) -> Slot | None:
    """The slot of a name; None where there is none."""
    found = connection.execute(_SLOT, (wal, name)).fetchone()
    return Slot(*found) if found else None


def publication_of(connection: Any, name: str, version: int) -> Publication | None:
    """The publication of a name; None where there is none."""
    found = connection.execute(_PUBLICATION, (name,)).fetchone()
    if not found:
        return None
    has_parts = version >= 150_000  # columns, filters and schemas
    schemas = connection.execute(_WHOLE_SCHEMAS, (name,)).fetchall() if has_parts else []
    parts = "attnames::text[], rowfilter" if has_parts else "NULL, NULL"
    tables = {
        table: (tuple(columns) if columns else None, where)
        for table, columns, where in connection.execute(_PUBLISHED.format(parts), (name,))
    }
    entries = dict(connection.execute(_ENTRIES, (name,)).fetchall())
    whole_schemas = tuple(schema for (schema,) in schemas)
    all_tables, publishes_all, publishes_changes, by_root = found
    return Publication(all_tables, publishes_all, publishes_changes, by_root, whole_schemas, tables, entries)


def tables_of(connection: Any, names: Sequence[str]) -> dict[str, TableFacts]:
    """The tables of these names that there are."""
    found = connection.execute(_TABLES, (list(names),)).fetchall()
    return {
        f"{schema}.{name}": TableFacts(
            schema, name, kind == "p", identity, may_read, tuple(columns or ()), tuple(key or ()), tuple(long or ())
        )
        for schema, name, kind, identity, may_read, columns, key, long in found
    }
