"""The engine on a real PostgreSQL, with versions made in memory: row by row, and killed at every statement."""

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from made_versions import FRAUD, GENUINE, PLACE, MadeVersions, Row, served

from common.publish.delivery import Delivery
from common.publish.postgres import access
from common.publish.postgres.delivering import deliver

if TYPE_CHECKING:
    from servers.postgres import Postgres

TABLES = (served(FRAUD), served(GENUINE))
FIRST: list[Row] = [
    ("p1", "ann", "1.50", "fraud"),
    ("p2", "bob", "2.00", "genuine"),
    ("p3", "ann", "3.25", "genuine"),
    ("p4", 'quo"te, \\ \n', "4.00", "fraud"),
    ("p5", "", "5.00", "fraud"),
]
SECOND: list[Row] = [
    ("p1", "ann", "1.50", "genuine"),  # from fraud to genuine
    ("p2", "bob", "2.10", "genuine"),  # changed in place
    ("p4", 'quo"te, \\ \n', "4.00", "fraud"),  # as it was; p3 and p5 are deleted
    ("p6", "nul\0", "6.00", "fraud"),  # new
]


def there(connection: Any) -> list[Row]:
    """All rows of both tables, as text."""
    rows: list[Row] = []
    for table in TABLES:
        statement = f"SELECT payment_id, customer_id, amount::text, decision FROM {PLACE.schema}.{table.name}"
        rows += connection.execute(statement).fetchall()
    return sorted(rows)


def wanted(rows: list[Row]) -> list[Row]:
    return sorted((one, two.replace("\0", ""), *others) for one, two, *others in rows)  # type: ignore[misc]


def in_place(source: MadeVersions, connection: Any) -> list[Delivery]:
    return deliver(connection, PLACE, source, TABLES)


def noted_and_measured(connection: Any) -> list[tuple[Any, Any]]:
    """Rows and digest of each table: as noted, and counted now."""
    from common.publish.postgres import positions

    with connection.cursor() as cursor:
        noted = positions.positions(cursor, PLACE.schema, [table.name for table in TABLES])
        return [
            ((noted[t.name].row_count, noted[t.name].digest), positions.measured(cursor, PLACE.schema, t))
            for t in TABLES
        ]


def test_rows_that_move_change_come_and_go_are_there_row_by_row(connection: Any) -> None:
    source = MadeVersions()
    source.commit(FIRST)
    loaded = in_place(source, connection)
    assert there(connection) == wanted(FIRST)
    source.commit(SECOND)
    changed = in_place(source, connection)

    assert there(connection) == wanted(SECOND)
    assert [(d.mode, d.rows_written, d.rows_deleted, d.rows_there) for d in loaded + changed] == [
        ("all loaded", 3, 0, 3),
        ("all loaded", 2, 0, 2),
        ("changes", 1, 2, 2),
        ("changes", 2, 1, 2),
    ]
    assert all(noted == now for noted, now in noted_and_measured(connection))


def test_nothing_new_asks_the_lakehouse_nothing(connection: Any) -> None:
    source = MadeVersions()
    source.commit(FIRST)
    in_place(source, connection)
    source.reads.clear()

    assert [d.is_news for d in in_place(source, connection)] == [False, False]
    assert source.reads == []


def test_a_log_that_has_the_commit_delivered_saves_the_question_for_the_tables_id(connection: Any) -> None:
    source = MadeVersions(has_log=True)
    source.commit(FIRST)
    first = in_place(source, connection)
    source.commit(SECOND)
    assert {d.mode for d in in_place(source, connection)} == {"changes"}
    source.table_id = "two"  # another table, whose log has another commit of that number
    source.commit(FIRST)
    done = in_place(source, connection)

    assert [d.table_id for d in first + done] == ["one", "one", "two", "two"]
    assert {d.mode for d in done} == {"all compared"}
    assert there(connection) == wanted(FIRST)


def _again(source: MadeVersions) -> None:
    source.table_id, source.versions = "two", [*source.versions, {}]


def _back(source: MadeVersions) -> None:
    source.versions = source.versions[1:]


def _no_feed(source: MadeVersions) -> None:
    source.has_feed = False


@pytest.mark.parametrize(
    ("change", "why"), [(_again, "was made again"), (_back, "gone back from version 2 to 1"), (_no_feed, "vacuumed")]
)
def test_without_a_feed_all_rows_are_compared(
    connection: Any, change: Callable[[MadeVersions], None], why: str
) -> None:
    source = MadeVersions()
    source.commit([])
    source.commit(FIRST[:1])
    source.commit(FIRST)
    in_place(source, connection)
    change(source)
    source.versions.pop()
    source.commit(SECOND)
    if change is _no_feed:
        source.commit(SECOND)
    done = in_place(source, connection)

    assert there(connection) == wanted(SECOND)
    assert {d.mode for d in done} == {"all compared"}
    assert all(why in d.note for d in done)
    # Only what differs is written.
    assert [(d.rows_written, d.rows_deleted) for d in done] == [(1, 2), (2, 1)]
    assert all(noted == now for noted, now in noted_and_measured(connection))


def test_a_delivery_that_waited_for_a_newer_one_brings_no_old_row_back(connection: Any) -> None:
    source = MadeVersions()
    source.commit(FIRST)
    late = MadeVersions([*source.versions], later=source)
    source.commit(SECOND)
    in_place(source, connection)
    done = in_place(late, connection)

    assert there(connection) == wanted(SECOND)
    assert {d.mode for d in done} == {"nothing new"}


class _KilledCursor(psycopg.Cursor[Any]):
    """A cursor whose process is killed before its n-th statement."""

    left = 0

    def execute(self, *arguments: Any, **options: Any) -> Any:
        self._count()
        return super().execute(*arguments, **options)

    def copy(self, *arguments: Any, **options: Any) -> Any:
        self._count()
        return super().copy(*arguments, **options)

    @classmethod
    def _count(cls) -> None:
        cls.left -= 1
        if cls.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _killed_after(statements: int, source: MadeVersions, postgres: "Postgres") -> bool:
    """Delivers in a process that is killed before a statement; whether it was."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with postgres.connect("warehouse", cursor_factory=_KilledCursor) as opened:
                _KilledCursor.left = statements
                deliver(opened, PLACE, source, TABLES)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("before", [[], FIRST], ids=["first delivery", "changes"])
def test_killed_before_any_statement_the_old_rows_are_whole_and_the_next_run_ends_equal(
    connection: Any, postgres: "Postgres", before: list[Row]
) -> None:
    source = MadeVersions()
    if before:
        source.commit(before)
        in_place(source, connection)
    source.commit(SECOND if before else FIRST)
    killed, committed = 0, False
    while _killed_after(killed, source, postgres):
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'fraud'").fetchall()[0][0]
        found = there(connection) if tables else []
        assert found in (wanted(before), wanted([*source.versions[-1].values()]))
        if found == wanted(before):
            assert not committed
        committed = found != wanted(before)
        killed += 1

    assert killed > 15
    assert there(connection) == wanted([*source.versions[-1].values()])
    assert all(noted == now for noted, now in noted_and_measured(connection))


def test_what_else_is_to_happen_happens_in_the_same_transaction(connection: Any) -> None:
    connection.execute("CREATE TABLE public.told (item text, payment_id text, gone boolean)")
    connection.execute("GRANT ALL ON public.told TO fraud_owner; GRANT USAGE ON SCHEMA public TO fraud_owner")
    source = MadeVersions()

    def tell(cursor: Any, table: Any, staged: str) -> None:
        cursor.execute(f"INSERT INTO public.told SELECT '{table.name}', payment_id, gone FROM {staged}")

    for version in (FIRST, SECOND):
        source.commit(version)
        deliver(connection, PLACE, source, TABLES, tell)
        told = sorted(connection.execute("DELETE FROM public.told RETURNING *").fetchall())
        assert told == (
            sorted((row[3], row[0], False) for row in FIRST)
            if version is FIRST
            else [
                ("fraud", "p1", True),
                ("fraud", "p5", True),
                ("fraud", "p6", False),
                ("genuine", "p1", False),
                ("genuine", "p2", False),
                ("genuine", "p3", True),
            ]
        )

    def fail(cursor: Any, table: Any, staged: str) -> None:
        raise RuntimeError("no")

    source.commit(FIRST)
    with pytest.raises(RuntimeError):
        deliver(connection, PLACE, source, TABLES, fail)
    assert there(connection) == wanted(SECOND)


def test_deleted_rows_are_vacuumed_at_once_or_else_at_the_next_delivery(
    connection: Any, postgres: "Postgres", monkeypatch: pytest.MonkeyPatch
) -> None:
    source = MadeVersions()
    source.commit([(f"p{n}", f"person-{n}", "1.00", "fraud") for n in range(3)])
    in_place(source, connection)
    source.commit(source_rows(source)[:1])
    with postgres.connect("warehouse") as other:
        # ANALYZE and VACUUM take a lock that this one holds up.
        other.execute("BEGIN; LOCK TABLE fraud.fraud IN SHARE UPDATE EXCLUSIVE MODE")
        monkeypatch.setattr(access, "LOCK_SECONDS", 0.1)
        note = in_place(source, connection)[0].note
    assert "deleted rows are on its disk until a VACUUM" in note
    assert dead_rows(connection) == 2

    assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)
    assert connection.execute("SELECT current_user").fetchone() == ("postgres",)
    assert [d.note for d in in_place(source, connection)] == ["", ""]
    assert dead_rows(connection) == 0


def source_rows(source: MadeVersions) -> list[Row]:
    return [*source.versions[-1].values()]


def dead_rows(connection: Any) -> int:
    """Rows in the files of fraud.fraud that nobody sees any more."""
    connection.execute("CREATE EXTENSION IF NOT EXISTS pgstattuple")
    return int(connection.execute("SELECT dead_tuple_count FROM pgstattuple('fraud.fraud')").fetchone()[0])
