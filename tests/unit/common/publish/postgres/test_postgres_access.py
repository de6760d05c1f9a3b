"""Who may read and do what: tried by logging in as each role."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from made_versions import FRAUD, PLACE, MadeVersions, served

from common.errors import OutputError
from common.publish.postgres import access
from common.publish.postgres.access import Place
from common.publish.postgres.delivering import deliver
from common.publish.postgres.served import Reader, ServedTable

if TYPE_CHECKING:
    from servers.postgres import Postgres

ALL = ("payment_id", "customer_id", "amount", "decision")
TABLE = served(FRAUD, readers={"analysts": Reader(("payment_id", "amount", "decision")), "support": Reader(ALL)})
TEAM = replace(TABLE, readers={"analysts": Reader(ALL), "support": Reader(ALL, "customer_id = 'ann'")})


@pytest.fixture
def people(connection: Any) -> Any:
    """anna is an analyst, sam of support, eve has no role; the table has two rows."""
    for person in ("anna", "sam", "eve"):
        connection.execute(f"CREATE ROLE {person} LOGIN")
    connection.execute("GRANT analysts TO anna; GRANT support TO sam")
    delivered(connection, TABLE)
    return connection


def delivered(connection: Any, table: ServedTable, place: Place = PLACE) -> None:
    source = MadeVersions()
    source.commit([("p1", "ann", "1.00", "fraud"), ("p2", "bob", "2.00", "fraud")])
    deliver(connection, place, source, [table])


def rows(postgres: "Postgres", person: str, columns: str) -> list[Any] | str:
    """What a person reads; the error's name where that is refused."""
    with postgres.connect("warehouse", person) as connection:
        try:
            return connection.execute(f"SELECT {columns} FROM fraud.fraud ORDER BY 1").fetchall()
        except psycopg.Error as error:
            return type(error).__name__


REFUSED = "InsufficientPrivilege"


def test_each_role_reads_its_columns_and_nobody_else_reads_anything(people: Any, postgres: "Postgres") -> None:
    assert rows(postgres, "anna", "payment_id, decision") == [("p1", "fraud"), ("p2", "fraud")]
    assert rows(postgres, "anna", "customer_id") == REFUSED
    assert rows(postgres, "anna", "*") == REFUSED
    assert rows(postgres, "sam", "customer_id") == [("ann",), ("bob",)]
    assert rows(postgres, "eve", "payment_id") == REFUSED
    with postgres.connect("warehouse", "anna") as connection:
        assert connection.execute("SELECT item, version FROM fraud.delivered_versions").fetchall() == [("fraud", 0)]


def test_readers_write_nothing(people: Any, postgres: "Postgres") -> None:
    for person in ("anna", "sam"):
        with postgres.connect("warehouse", person) as connection:
            for statement in (
                "INSERT INTO fraud.fraud (payment_id) VALUES ('x')",
                "UPDATE fraud.fraud SET amount = 0",
                "DELETE FROM fraud.fraud",
                "TRUNCATE fraud.fraud",
                "DROP TABLE fraud.fraud",
                "CREATE TABLE fraud.mine (id int)",
                "UPDATE fraud.delivered_versions SET version = 9",
                "SET ROLE fraud_owner",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)


def test_nobody_logs_in_as_a_role(people: Any, postgres: "Postgres") -> None:
    for role in ("fraud_owner", "analysts", "support"):
        with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
            postgres.connect("warehouse", role)


def test_a_team_sees_its_part_of_the_rows_while_it_is_declared(people: Any, postgres: "Postgres") -> None:
    delivered(people, TEAM)
    assert rows(postgres, "sam", "payment_id") == [("p1",)]
    assert rows(postgres, "anna", "payment_id") == [("p1",), ("p2",)]

    delivered(people, replace(TEAM, readers={"support": Reader(("payment_id",), "customer_id = 'bob'")}))
    assert rows(postgres, "sam", "payment_id") == [("p2",)]
    assert rows(postgres, "sam", "customer_id") == REFUSED
    assert rows(postgres, "anna", "payment_id") == REFUSED

    delivered(people, TABLE)
    assert rows(postgres, "sam", "payment_id") == [("p1",), ("p2",)]


def test_what_was_granted_by_hand_is_taken_back(people: Any, postgres: "Postgres") -> None:
    people.execute("GRANT SELECT ON fraud.fraud TO eve; GRANT UPDATE (amount), SELECT ON fraud.fraud TO analysts")
    people.execute("GRANT USAGE ON SCHEMA fraud TO eve; GRANT SELECT (customer_id) ON fraud.fraud TO PUBLIC")
    assert rows(postgres, "anna", "customer_id") == [("ann",), ("bob",)]
    delivered(people, TABLE)

    assert rows(postgres, "eve", "payment_id") == REFUSED
    assert rows(postgres, "anna", "customer_id") == REFUSED
    assert rows(postgres, "anna", "payment_id") == [("p1",), ("p2",)]


def test_a_login_that_may_make_nothing_is_told_what_a_superuser_has_to_run(postgres: "Postgres") -> None:
    postgres.empty()
    postgres.execute("CREATE DATABASE warehouse", "CREATE ROLE writer LOGIN")
    with postgres.connect("warehouse", "writer") as connection, connection.cursor() as cursor:
        statements = access.missing(cursor, PLACE)
        with pytest.raises(OutputError) as raised:
            access.prepare(cursor, PLACE)
        assert "; ".join(statements) in str(raised.value)
        postgres.execute(*statements, database="warehouse")
        access.prepare(cursor, PLACE)
        delivered(connection, TABLE)
        assert access.missing(cursor, PLACE) == []


def test_a_login_that_may_make_roles_makes_them(postgres: "Postgres") -> None:
    postgres.empty()
    postgres.execute("CREATE ROLE writer LOGIN CREATEROLE", "CREATE DATABASE warehouse OWNER writer")
    with postgres.connect("warehouse", "writer") as connection:
        with connection.cursor() as cursor:
            access.prepare(cursor, PLACE)
        delivered(connection, TEAM)
        # A second time, nothing is to be made.
        delivered(connection, TEAM)
    owners = postgres.execute(
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'fraud'", database="warehouse"
    )
    assert owners == [("fraud_owner",)]
