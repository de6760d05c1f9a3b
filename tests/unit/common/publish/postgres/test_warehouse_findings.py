"""What the check says of a warehouse, without a lakehouse: rows that are counted are Spark's matter."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from made_versions import FRAUD, GENUINE, PLACE, MadeVersions, served

from common.checks.findings import Finding
from common.publish.postgres import conservation, positions
from common.publish.postgres.delivering import deliver
from common.storage.table_state import TableState

if TYPE_CHECKING:
    from servers.postgres import Postgres

TABLES = (served(FRAUD), served(GENUINE))


@dataclass
class Lakehouse:
    """All that is asked of it besides a count."""

    is_there: bool = True

    def state(self, _: object) -> TableState | None:
        return TableState(0, "one 0") if self.is_there else None


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conservation, "_expected", lambda *_: {})


def findings(connection: Any, lake: Lakehouse, tables: Any = TABLES) -> list[Finding]:
    return conservation.findings(lake, connection, PLACE, tables, "bank")  # type: ignore[arg-type]


def delivered(connection: Any) -> None:
    source = MadeVersions()
    source.commit([("p1", "ann", "1.00", "fraud"), ("p2", "bob", "2.00", "genuine")])
    deliver(connection, PLACE, source, TABLES)


def test_before_the_first_delivery_nothing_is_wrong(connection: Any) -> None:
    prepared = findings(connection, Lakehouse())
    connection.execute("DROP SCHEMA fraud; DROP OWNED BY fraud_owner; DROP ROLE fraud_owner")
    found = findings(connection, Lakehouse())

    assert [(f.passed, f.details) for f in found] == [(True, "nothing was delivered yet")] * 2
    assert prepared == found


def test_a_table_that_is_declared_no_more_is_a_warning_until_it_is_dropped(connection: Any) -> None:
    delivered(connection)
    (warning,) = (f for f in findings(connection, Lakehouse(), TABLES[:1]) if not f.passed)
    assert warning.warns
    assert warning.subject == "bank: genuine"
    assert "DROP TABLE fraud.genuine" in warning.details

    connection.execute("DROP TABLE fraud.genuine")
    assert [f.passed for f in findings(connection, Lakehouse(), TABLES[:1])] == [True]


def test_rows_of_a_table_that_the_lakehouse_has_no_more_are_a_warning(connection: Any) -> None:
    delivered(connection)
    found = findings(connection, Lakehouse(is_there=False))

    assert [(f.subject, f.warns) for f in found] == [("bank: fraud", True), ("bank: genuine", True)]
    assert "gold.payments isn't in the lakehouse any more, and 1 rows of it are there" in found[0].details


@pytest.mark.parametrize(
    "by_hand",
    [
        "UPDATE fraud.fraud SET amount = 9",
        "DELETE FROM fraud.fraud",
        "INSERT INTO fraud.fraud (payment_id) VALUES ('p3')",
        "TRUNCATE fraud.fraud",
        "DROP TABLE fraud.fraud",
    ],
)
def test_what_others_change_there_ends_the_state_of_being_up_to_date(
    connection: Any, postgres: "Postgres", by_hand: str
) -> None:
    def state() -> dict[str, list[str]]:
        with postgres.connect("warehouse") as own, own.cursor() as cursor:
            return positions.states(cursor, PLACE.schema, [table.name for table in TABLES])

    delivered(connection)
    connection.close()  # PostgreSQL counts a session's changes at its end at the latest
    before = state()
    assert set(before) == {"fraud", "genuine"}
    assert state() == before
    postgres.execute(by_hand, database="warehouse")
    deadline = time.monotonic() + 10
    while state() == before and time.monotonic() < deadline:
        time.sleep(0.05)

    assert state().get("fraud") != before["fraud"]
    assert state()["genuine"] == before["genuine"]
