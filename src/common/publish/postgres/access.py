"""Who may do what in PostgreSQL: an owner whom nobody logs in as, and roles that read what is declared, and no more.

The login of the connection writes as the owner, of which it is a member. Roles are granted to people by a DBA:
GRANT analysts TO anna.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import OutputError
from common.publish.postgres.definition import name_of
from common.publish.postgres.positions import where
from common.publish.postgres.served import ServedTable
from common.sources.clients import client
from common.sources.pulling.postgres.names import identifier, literal, quoted

if TYPE_CHECKING:
    from common.publish.postgres.copying import Cursor

LOCK_SECONDS = 60
"""How long a delivery waits for a table that another process holds."""
_OURS = "lakehouse: "
"""How the comments of policies begin that are made here; others are left alone."""

_GRANTED = """
SELECT coalesce(r.rolname, 'public'), acl.privilege_type, acl.name FROM (
  SELECT (aclexplode(c.relacl)).*, '' AS name FROM pg_class c WHERE c.oid = to_regclass(%(table)s)
  UNION ALL SELECT (aclexplode(a.attacl)).*, a.attname FROM pg_attribute a
  WHERE a.attrelid = to_regclass(%(table)s) AND NOT a.attisdropped
) acl LEFT JOIN pg_roles r ON r.oid = acl.grantee WHERE coalesce(r.rolname, 'public') <> %(owner)s
"""
_POLICIES = """
SELECT polname, coalesce(obj_description(oid, 'pg_policy'), '') FROM pg_policy WHERE polrelid = to_regclass(%s)
"""


@dataclass(frozen=True)
class Place:
    """A schema of the warehouse, the role that owns it, and the roles that may use it."""

    schema: str
    owner: str
    readers: tuple[str, ...]


def prepare(cursor: "Cursor", place: Place) -> None:
    """Makes the roles and the schema that aren't there, as far as the login may.

    Raises:
        OutputError: it may not; the message has the statements for who may.
    """
    statements = missing(cursor, place)
    psycopg = client("psycopg", "postgres")
    try:
        with cursor.connection.transaction():
            for statement in statements:
                cursor.execute(statement)
            act_as_owner(cursor, place)
            _grant_usage(cursor, place)
    except psycopg.errors.InsufficientPrivilege as error:
        words = (
            "; ".join(statements) or f"GRANT USAGE, CREATE ON SCHEMA {quoted(place.schema)} TO {quoted(place.owner)}"
        )
        raise OutputError(
            f"the login of the connection may not prepare the schema {place.schema} ({error.diag.message_primary}). "
            f"Have a superuser run, in that database: {words}; then run this again"
        ) from None


def missing(cursor: "Cursor", place: Place) -> list[str]:
    """The statements that make what isn't there of the roles and the schema; a superuser may run them."""
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", ([place.owner, *place.readers],))
    there = {row[0] for row in cursor.fetchall()}
    statements = [
        f"CREATE ROLE {quoted(role)} NOLOGIN"
        for role in dict.fromkeys((place.owner, *place.readers))
        if role not in there
    ]
    cursor.execute("SELECT current_user, to_regnamespace(%s) IS NOT NULL", (quoted(place.schema),))
    user, has_schema = cursor.fetchall()[0]
    if place.owner not in there or not _may_act_as(cursor, place.owner):
        statements.append(f"GRANT {quoted(place.owner)} TO {quoted(user)}")
    if not has_schema:
        statements.append(f"CREATE SCHEMA {quoted(place.schema)} AUTHORIZATION {quoted(place.owner)}")
    return statements


def _may_act_as(cursor: "Cursor", role: str) -> bool:
    """Tried, as how a membership says so differs between versions of PostgreSQL."""
    psycopg = client("psycopg", "postgres")
    try:
        with cursor.connection.transaction():
            cursor.execute(f"SET LOCAL ROLE {quoted(role)}")
            cursor.execute("RESET ROLE")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def has_owner(cursor: "Cursor", place: Place) -> bool:
    """Whether the role of the owner is there: it is made by the first delivery."""
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (place.owner,))
    return bool(cursor.rowcount)


def act_as_owner(cursor: "Cursor", place: Place) -> None:
    """From here to the transaction's end the owner acts, and waits a minute at most for what others hold."""
    cursor.execute(f"SET LOCAL ROLE {quoted(place.owner)}")
    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")


def _grant_usage(cursor: "Cursor", place: Place) -> None:
    for role in place.readers:
        cursor.execute("SELECT has_schema_privilege(%s, %s, 'USAGE')", (role, place.schema))
        if not cursor.fetchall()[0][0]:
            cursor.execute(f"GRANT USAGE ON SCHEMA {quoted(place.schema)} TO {quoted(role)}")


def grant_positions(cursor: "Cursor", place: Place) -> None:
    """Whoever reads tables may read of which version they are, and since when."""
    for role in place.readers:
        cursor.execute("SELECT has_table_privilege(%s, %s, 'SELECT')", (role, where(place.schema)))
        if not cursor.fetchall()[0][0]:
            cursor.execute(f"GRANT SELECT ON {where(place.schema)} TO {quoted(role)}")


def grant(cursor: "Cursor", place: Place, table: ServedTable) -> None:
    """Sees to it that the table's readers may read what is declared, and nobody anything else.

    What was granted by hand is taken back: else a column of personal data could stay open to those who don't need it.
    """
    name = name_of(place.schema, table)
    cursor.execute(_GRANTED, {"table": name, "owner": place.owner})
    there = {tuple(row) for row in cursor.fetchall()}
    wanted = {(role, "SELECT", column) for role, reader in table.readers.items() for column in reader.columns}
    if there != wanted:
        for role in sorted({role for role, _, _ in there}):
            cursor.execute(f"REVOKE ALL ON {name} FROM {'PUBLIC' if role == 'public' else quoted(role)}")
        for role, reader in table.readers.items():
            cursor.execute(f"GRANT SELECT ({quoted(*reader.columns)}) ON {name} TO {quoted(role)}")
    _restrict_rows(cursor, name, table)


def _restrict_rows(cursor: "Cursor", name: str, table: ServedTable) -> None:
    """Policies, where a role is to see a part of the rows: the others see all, and the owner isn't held by them."""
    wanted = _policies(table)
    cursor.execute(_POLICIES, (name,))
    everything: dict[str, str] = dict(cursor.fetchall())
    there = {policy: comment for policy, comment in everything.items() if comment.startswith(_OURS)}
    cursor.execute("SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass(%s)", (name,))
    is_on = cursor.fetchall()[0][0]
    if there == {policy: comment for policy, (_, _, comment) in wanted.items()} and (is_on or not wanted):
        return
    for policy in there:
        cursor.execute(f"DROP POLICY {quoted(policy)} ON {name}")
    for policy, (role, condition, comment) in wanted.items():
        cursor.execute(f"CREATE POLICY {quoted(policy)} ON {name} FOR SELECT TO {quoted(role)} USING ({condition})")
        cursor.execute(f"COMMENT ON POLICY {quoted(policy)} ON {name} IS {literal(comment)}")
    if wanted and not is_on:
        cursor.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    elif not wanted and is_on and everything.keys() == there.keys():
        cursor.execute(f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY")


def _policies(table: ServedTable) -> dict[str, tuple[str, str, str]]:
    """By name: the role, the condition of its rows, and the comment, by which a changed condition is seen."""
    if not any(reader.rows for reader in table.readers.values()):
        return {}
    conditions = {role: reader.rows or "true" for role, reader in table.readers.items()}
    return {identifier(f"{role}_rows"): (role, rows, f"{_OURS}{role} sees {rows}") for role, rows in conditions.items()}
