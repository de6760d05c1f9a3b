"""What a pull of tables takes, when, and as what; and what it refuses."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sales_database import lines_of, rows_of, state_of

from common.errors import DeclarationError, FeedError
from common.sources.connections import PostgresConnection
from common.sources.feed import FeedAt
from common.sources.pulling.postgres import connect as connecting
from common.sources.pulling.postgres.tables.puller import TablesPuller
from common.sources.pulling.pull import pull
from common.sources.readers.postgres_tables import PostgresTablesFeed
from servers.postgres import Postgres

FeedOf = Callable[..., PostgresTablesFeed]
WATERMARKS = (["xmin"], ["updated_at", "xmin"])


def _references(at: FeedAt) -> list[str]:
    return [reference for reference, _ in lines_of(Path(at.pulled))]


def _names(at: FeedAt, table: str = "public.customers") -> list[Any]:
    return [row.get("name") for _, row in lines_of(Path(at.pulled)) if row["_table"] == table]


@pytest.mark.parametrize("watermark", WATERMARKS)
def test_a_commit_that_comes_late_is_not_lost(
    server: Postgres, at: FeedAt, feed_of: FeedOf, watermark: list[str]
) -> None:
    """Two open transactions: the one that began first commits last, and the other way round."""
    feed = feed_of(watermark=watermark, overlap="0 seconds")
    for number, first_commits in enumerate((True, False)):
        feed.pull(at)
        with server.connect() as first, server.connect() as second:
            for name, connection in (("first", first), ("second", second)):
                key = 10 * number + (name == "second")
                connection.execute("BEGIN")
                connection.execute("INSERT INTO customers (id, name) VALUES (%s, %s)", [key, f"{name} {number}"])
                server.execute(f"INSERT INTO stores VALUES ({100 + key}, 'between')")
            feed.pull(at)
            early, late = (first, second) if first_commits else (second, first)
            early.execute("COMMIT")
            feed.pull(at)
            feed.pull(at)
            late.execute("COMMIT")
        feed.pull(at)
        feed.pull(at)
    assert _names(at) == ["first 0", "second 0", "second 1", "first 1"]


@pytest.mark.parametrize("watermark", WATERMARKS)
def test_a_row_of_an_open_savepoint_is_not_lost(
    server: Postgres, at: FeedAt, feed_of: FeedOf, watermark: list[str]
) -> None:
    feed = feed_of(watermark=watermark)
    with server.connect() as late:
        late.execute("BEGIN")
        late.execute("INSERT INTO customers (id, name) VALUES (1, 'outer')")
        late.execute("SAVEPOINT here")
        late.execute("INSERT INTO customers (id, name) VALUES (2, 'inner')")
        late.execute("RELEASE here")
        server.execute("INSERT INTO customers (id, name) VALUES (3, 'other')")
        feed.pull(at)
        late.execute("COMMIT")
    feed.pull(at)
    assert _names(at) == ["other", "outer", "inner"]


def test_a_transaction_that_writes_first_long_after_it_began_is_within_the_overlap(
    server: Postgres, at: FeedAt, feed_of: FeedOf
) -> None:
    """Its updated_at is when it began, before pulls that saw nothing of it."""
    feed = feed_of(watermark=["updated_at", "xmin"], overlap="1 minute")
    with server.connect() as late:
        late.execute("BEGIN")
        late.execute("SELECT now()")
        server.execute("INSERT INTO customers (id, name) VALUES (1, 'early')")
        feed.pull(at)
        late.execute("INSERT INTO customers (id, name) VALUES (2, 'late')")
        feed.pull(at)
        late.execute("COMMIT")
    feed.pull(at)
    assert _names(at) == ["early", "late"]


def test_a_watermark_column_narrows_what_is_looked_through(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    """A change that doesn't set updated_at isn't seen: so the column is what the query goes by."""
    server.execute("INSERT INTO customers VALUES (1, 'old', 0, '2026-01-01Z'), (2, 'null', 0, NULL)")
    by_column, by_transaction = feed_of(watermark="updated_at", tables=["public.customers"]), feed_of()
    by_column.pull(at)
    server.execute("UPDATE customers SET name = name || '!'")
    by_column.pull(at)
    assert _names(at) == ["old", "null", "null!"]
    by_transaction.pull(replace(at, name="other"))
    assert _names(replace(at, name="other")) == ["old!", "null!"]


def test_a_version_is_one_record_and_digits_are_untouched(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    texts = "E'a\\\\b\\n\\t\"' || chr(233)"
    server.execute(
        "CREATE TABLE forms (key text PRIMARY KEY, n numeric, f double precision, j json, t timestamptz, b bytea)",
        f"INSERT INTO forms VALUES ({texts}, 12.50, 'NaN', '{{\"a\": 1.10}}', '2026-01-02 03:04:05.6+02', '\\x00ff')",
        "INSERT INTO forms VALUES ('#1@', 9007199254740993, '-Infinity', NULL, 'infinity', NULL)",
    )
    feed = feed_of(tables=["public.forms"])
    feed.pull(at)
    feed.pull(at)
    (line, other) = [json.loads(line) for line in next(Path(at.pulled).glob("*.jsonl")).read_bytes().splitlines()]
    assert line["payload"].startswith(
        '{"key":"a\\\\b\\n\\t\\"é","n":12.50,"f":"NaN","j":{"a": 1.10},"t":"2026-01-02T01:04:05.6+00:00",'
        '"b":"\\\\x00ff","_table":"public.forms","_op":"r","_changed_at":"2'
    )
    assert line["ref"].startswith('public.forms/"a\\\\b\\n\\t\\"é"@0000')
    assert line["ref"].endswith("#1")
    assert '"n":9007199254740993,"f":"-Infinity","j":null,"t":"infinity"' in other["payload"]
    server.execute("DELETE FROM forms WHERE n = 12.50")
    feed.pull(at)
    gone = lines_of(Path(at.pulled))[-1]
    assert gone[0].endswith("#0")
    assert {name: gone[1][name] for name in ("key", "_op")} == {"key": 'a\\b\n\t"é', "_op": "d"}
    assert set(gone[1]) == {"key", "_table", "_op", "_changed_at", "_order"}


def test_deletes_are_found_on_their_own_schedule(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    """Rows that came and went between two comparisons, and after the first, are deleted too; untouched keys stay."""
    server.execute("INSERT INTO payments SELECT i, '2026-02-02', i, i FROM generate_series(1, 3000) i")
    hourly, at_once = feed_of(deletes={"every": "1 hour"}), feed_of()
    hourly.pull(at)
    server.execute("INSERT INTO payments VALUES (9001, '2026-02-02', 1, 1), (9002, '2026-02-02', 1, 1)")
    hourly.pull(at)
    server.execute("DELETE FROM payments WHERE id IN (5, 700, 9001)")
    hourly.pull(at)
    assert not [reference for reference in _references(at) if reference.endswith("#0")]
    at_once.pull(at)
    gone = [(row["id"], row["paid_on"]) for _, row in lines_of(Path(at.pulled)) if row["_op"] == "d"]
    assert sorted(gone) == [(5, "2026-02-02"), (700, "2026-02-02"), (9001, "2026-02-02")]
    assert state_of(Path(at.pulled), server) == rows_of(server)
    server.execute("TRUNCATE payments", "INSERT INTO payments VALUES (5, '2026-02-02', 1, 1)")
    at_once.pull(at)
    assert state_of(Path(at.pulled), server) == rows_of(server)
    assert at_once.pull(at) == 0


def test_deletes_that_are_never_looked_for_leave_no_keys(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    server.execute("INSERT INTO stores VALUES (1, 'a')")
    feed = feed_of(deletes={"every": "never"})
    feed.pull(at)
    server.execute("DELETE FROM stores")
    assert feed.pull(at) == 0
    assert not list(Path(at.pulled).glob(".pulls/*.keys"))


def test_all_tables_are_of_one_snapshot(server: Postgres, at: FeedAt, feed_of: FeedOf, monkeypatch: Any) -> None:
    """What is committed while tables are read is in none of them, and in the next pull."""
    from common.sources.pulling.postgres.tables import puller

    read = puller.new_rows

    def slow(*arguments: Any) -> Any:
        if arguments[1].name == "customers":  # addresses and categories are read by now
            server.execute("INSERT INTO categories VALUES ('c')", "INSERT INTO stores VALUES (7)") if not done else None
            done.append(1)
        return read(*arguments)

    done: list[int] = []
    server.execute("ALTER TABLE stores ALTER city DROP NOT NULL")
    monkeypatch.setattr(puller, "new_rows", slow)
    feed = feed_of()
    assert feed.pull(at) == 0
    feed.pull(at)
    assert state_of(Path(at.pulled), server) == rows_of(server)
    assert len(_references(at)) == 2


def test_tables_without_a_key_are_refused_left_out_or_whole(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    server.execute("INSERT INTO audit_log VALUES (NULL, 'a'), (NULL, 'a')", "INSERT INTO stores VALUES (1, 'x')")
    everything = {"schema": "public"}
    with pytest.raises(FeedError, match=r"public.audit_log: it has no primary key; .*except.*without_key: whole"):
        feed_of(tables=everything).pull(at)
    feed_of(tables=everything, without_key="leave_out").pull(at)
    assert [row["_table"] for _, row in lines_of(Path(at.pulled))] == ["public.stores"]
    whole = feed_of(tables=everything, without_key="whole")
    assert whole.pull(at) == 1
    assert whole.pull(at) == 0
    server.execute("DELETE FROM audit_log", "INSERT INTO audit_log VALUES (NULL, 'b')")
    whole.pull(at)
    logged = [(reference[-2:], row["what"]) for reference, row in lines_of(Path(at.pulled)) if "what" in row]
    assert logged == [("#1", "a"), ("#2", "a"), ("#1", "b")]


def test_parts_are_of_bounded_size_and_come_in_order(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    server.execute("INSERT INTO stores SELECT i, 'x' FROM generate_series(1, 1000) i")
    selection = replace(feed_of().selection, part_bytes=10_000)
    files = pull(TablesPuller(at, selection), at)
    assert files > 10
    landed = sorted(Path(at.pulled).glob("*.jsonl"))
    assert max(file.stat().st_size for file in landed) < 10_500
    assert [row["id"] for _, row in lines_of(Path(at.pulled))] == list(range(1, 1001))
    assert not list(Path(at.pulled).glob(".pulls/*.jsonl"))


def test_a_table_that_is_left_out_for_a_while_comes_back_without_doubles(
    server: Postgres, at: FeedAt, feed_of: FeedOf
) -> None:
    server.execute("INSERT INTO stores VALUES (1, 'a')", "INSERT INTO categories VALUES ('c')")
    everything, fewer = feed_of(), feed_of(tables={"schema": "public", "except": ["audit_log", "public.stores"]})
    everything.pull(at)
    server.execute("INSERT INTO stores VALUES (2, 'b')", "DELETE FROM stores WHERE id = 1")
    fewer.pull(at)
    everything.pull(at)
    assert state_of(Path(at.pulled), server) == rows_of(server)


@pytest.mark.parametrize("watermark", WATERMARKS)
def test_rows_of_a_partition_that_was_filled_before_it_was_attached_come(
    server: Postgres, at: FeedAt, feed_of: FeedOf, watermark: list[str]
) -> None:
    feed, folder = feed_of(watermark=watermark, overlap="0 seconds"), Path(at.pulled)
    attach = "ALTER TABLE payments ATTACH PARTITION staging.y2028 FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')"
    server.execute(
        "INSERT INTO payments VALUES (1, '2026-02-02', 1, 1, '2020-01-01Z')",
        "CREATE SCHEMA staging",
        "CREATE TABLE staging.y2028 (LIKE payments INCLUDING ALL)",
        "INSERT INTO staging.y2028 SELECT i, '2028-02-02', i, i, '2020-01-01Z' FROM generate_series(1, 3) i",
    )
    feed.pull(at)
    assert len(lines_of(folder)) == 1
    for statement, records in ((attach, 4), ("ALTER TABLE payments DETACH PARTITION staging.y2028", 7), (attach, 10)):
        server.execute(statement)
        feed.pull(at)
        assert state_of(folder, server) == rows_of(server)
        assert len(lines_of(folder)) == records
        assert feed.pull(at) == 0
    server.execute("UPDATE payments SET amount = 7, updated_at = now() WHERE id = 2")
    feed.pull(at)
    assert state_of(folder, server) == rows_of(server)
    server.execute("DROP SCHEMA staging CASCADE")


def test_a_database_that_was_restored_comes_once_more_and_loses_nothing(at: FeedAt, feed_of: FeedOf) -> None:
    """Its transactions are counted from the beginning: those of before must not hide them, nor share references."""
    table = "CREATE TABLE stores (id integer PRIMARY KEY, city text)"
    feed = feed_of()
    before, after = Postgres(), Postgres()
    try:
        before.start().execute(table, *(f"INSERT INTO stores VALUES ({number}, 'x')" for number in range(1, 6)))
        feed.pull(replace(at, connection=PostgresConnection(**before.connection())))
        after.start().execute(table, "INSERT INTO stores VALUES (1, 'new')")
        there = replace(at, connection=PostgresConnection(**after.connection()))
        feed.pull(there)
        assert state_of(Path(at.pulled), after) == rows_of(after)
        assert len(lines_of(Path(at.pulled))) == 5 + 1 + 4
        assert feed.pull(there) == 0
    finally:
        before.remove()
        after.remove()


def test_a_replica_serves_and_nothing_is_lost_when_it_becomes_the_primary(at: FeedAt, feed_of: FeedOf) -> None:
    """On a replica a snapshot doesn't list open transactions; after a failover their numbers are given out again."""
    primary, replica = Postgres(), Postgres()

    def caught_up() -> None:
        ((end,),) = primary.execute("SELECT pg_current_wal_lsn()")
        while not replica.execute(f"SELECT pg_last_wal_replay_lsn() >= '{end}'")[0][0]:
            time.sleep(0.02)

    try:
        primary.start().execute("CREATE TABLE stores (id integer PRIMARY KEY, city text)")
        shutil.rmtree(replica.data)
        source = ("-h", primary.host, "-p", primary.port, "-U", primary.user)
        replica._run("pg_basebackup", *source, "-D", replica.data, "-R", "-c", "fast")
        with (replica.data / "postgresql.conf").open("a") as file:
            file.write(f"port = {replica.port}\n")
        replica.start()
        there = replace(at, connection=PostgresConnection(**replica.connection()))
        feed = feed_of()
        with primary.connect() as late:
            late.execute("BEGIN")
            late.execute("INSERT INTO stores VALUES (1, 'late')")
            late.execute("SAVEPOINT here")
            late.execute("INSERT INTO stores VALUES (2, 'later')")
            primary.execute("INSERT INTO stores VALUES (3, 'other')")
            caught_up()
            feed.pull(there)
            late.execute("COMMIT")
        caught_up()
        feed.pull(there)
        assert [row["id"] for _, row in lines_of(Path(at.pulled))] == [3, 1, 2]
        primary.execute("DELETE FROM stores WHERE id = 3")
        caught_up()
        primary.stop()
        replica._run("pg_ctl", "promote", "-w", "-D", replica.data)
        replica.execute("INSERT INTO stores VALUES (9, 'after')")
        feed.pull(there)
        assert state_of(Path(at.pulled), replica) == rows_of(replica)
        assert feed.pull(there) == 0
    finally:
        primary.remove()
        replica.remove()


def test_a_primary_key_of_other_columns_makes_other_records(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    server.execute("INSERT INTO shipments (id, order_id) VALUES (7, 7)")
    feed = feed_of()
    feed.pull(at)
    server.execute(
        "ALTER TABLE shipments DROP CONSTRAINT shipments_pkey", "ALTER TABLE shipments ADD PRIMARY KEY (order_id)"
    )
    feed.pull(at)
    server.execute("DELETE FROM shipments")
    feed.pull(at)
    assert [row["_op"] for _, row in lines_of(Path(at.pulled))] == ["r", "r", "d"]
    assert len(set(_references(at))) == 3


def test_rights_that_are_missing_are_named_with_the_way_out(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    server.execute("DROP ROLE IF EXISTS lake", "CREATE ROLE lake LOGIN")
    lake = replace(at, connection=PostgresConnection(**server.connection(user="lake")))
    with pytest.raises(FeedError, match=r'no right to its schema; GRANT USAGE ON SCHEMA "public" TO "lake";'):
        feed_of().pull(lake)
    server.execute("GRANT USAGE ON SCHEMA public TO lake")
    with pytest.raises(FeedError, match=r'public.orders: no right to read it; GRANT SELECT ON "public"."orders" TO'):
        feed_of().pull(lake)
    seen = {sight.thing: sight for sight in feed_of().look(lake).things}
    assert 'GRANT SELECT ON "public"."orders" TO "lake";' in seen["public.orders"].missing
    server.execute(*(sight.missing.split("; ", 1)[1] for sight in seen.values() if sight.missing))
    server.execute("INSERT INTO stores VALUES (1, 'x')")
    assert feed_of().pull(lake) == 1
    server.execute("ALTER TABLE stores ENABLE ROW LEVEL SECURITY")
    with pytest.raises(FeedError, match=r"row security policy hides rows of it from lake; ALTER ROLE"):
        feed_of().pull(lake)


def test_a_look_shows_tables_keys_and_watermarks(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    server.execute("INSERT INTO stores VALUES (1, 'x')", "ANALYZE stores", "CREATE INDEX ON orders (updated_at)")
    feed = feed_of(watermark=["updated_at", "xmin"])
    sights = feed.look(at)
    assert feed.place(at).startswith(
        "the tables of the schema public but audit_log of the database postgres at 127.0.0.1:"
    )
    found = {sight.thing: sight.found for sight in sights.things}
    assert found["public.stores"] == "about 1 rows, key id, watermark xmin"
    assert found["public.payments"] == "rows not counted yet (ANALYZE), key id, paid_on, watermark updated_at"
    assert "public.payments_2026" not in found
    assert "public.audit_log" not in found
    assert [warning.split()[0] for warning in sights.warnings] == [
        "public.customers", "public.inventory", "public.payments", "public.shipments"
    ]  # fmt: skip
    looks = {look.path: [json.loads(record.payload or "") for record in look.records] for look in sights.looks}
    assert [(row["id"], row["_table"], row["_op"]) for row in looks["public.stores"]] == [(1, "public.stores", "r")]
    assert (looks["public.orders"], sights.files) == ([], 11)
    assert not Path(at.pulled).exists()


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"schema": "sales"}, r"feeds.tables.tables.schema: the database has no schema 'sales'"),
        (["public.stores", "public.nothing"], r"feeds.tables.tables: the database has no table 'public.nothing'"),
        ({"schema": "pg_toast"}, r"there is no table to pull in the schema 'pg_toast'"),
    ],
)
def test_what_is_declared_and_not_there_is_named(
    server: Postgres, at: FeedAt, feed_of: FeedOf, tables: object, words: str
) -> None:
    with pytest.raises(DeclarationError, match=words):
        feed_of(tables=tables).pull(at)


def test_columns_and_watermarks_that_cannot_be_taken_are_refused(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    with pytest.raises(
        FeedError, match=r"public.stores: it has none of the watermarks updated_at .* end the list with xmin"
    ):
        feed_of(watermark=["updated_at"]).pull(at)
    server.execute('CREATE TABLE odd (id int PRIMARY KEY, "_op" text)')
    with pytest.raises(FeedError, match=r"public.odd: its column _op has the name of a field that records get"):
        feed_of().pull(at)


@pytest.mark.parametrize("duration", ["10", "ten minutes", "10 weeks", "1.5 hours"])
def test_a_duration_is_a_number_and_a_unit(feed_of: FeedOf, duration: str) -> None:
    with pytest.raises(ValidationError, match="is no duration; write a number and its unit"):
        feed_of(overlap=duration)


def test_part_of_the_folder_that_was_removed_is_noticed(server: Postgres, at: FeedAt, feed_of: FeedOf) -> None:
    server.execute("INSERT INTO stores VALUES (1, 'x')")
    feed_of().pull(at)
    for note in Path(at.pulled).glob(".pulls/*.json"):
        note.unlink()
    with pytest.raises(FeedError, match="part of the folder was removed or restored"):
        feed_of().pull(at)


def test_a_server_that_is_away_or_refuses_is_named(
    server: Postgres, at: FeedAt, feed_of: FeedOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting.time, "sleep", lambda _: None)
    nobody = replace(at, connection=PostgresConnection(**server.connection(user="nobody")))
    with pytest.raises(
        FeedError, match=r"the database postgres at 127.0.0.1:\d+ refuses the user nobody: there is no such"
    ):
        feed_of().pull(nobody)
    server.stop()
    words: list[str] = []
    try:
        with pytest.raises(FeedError, match=r"the database postgres at 127.0.0.1:\d+ doesn't answer, tried 5 times"):
            feed_of().pull(at, words.append)
    finally:
        server.start()
    assert [f"127.0.0.1:{server.port} doesn't answer" in told for told in words] == [True] * 4
    assert "attempt 2 of 5" in words[0]
    server.execute("INSERT INTO stores VALUES (1, 'x')")
    assert feed_of().pull(at) == 1


def test_a_server_that_is_slow_is_stopped_and_a_cut_connection_lands_nothing(
    server: Postgres, at: FeedAt, feed_of: FeedOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from common.sources.pulling.postgres.tables import puller

    server.execute("INSERT INTO stores SELECT i, repeat('x', 100) FROM generate_series(1, 40000) i")
    selection = replace(feed_of().selection, timeout_seconds=0)
    monkeypatch.setattr(
        puller, "new_rows", lambda cursor, *_: cursor.execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(9)")
    )
    with pytest.raises(FeedError, match="longer than timeout = 0 seconds"):
        pull(TablesPuller(at, selection), at)
    monkeypatch.undo()
    read = puller.new_rows

    def cut(cursor: Any, table: Any, *others: Any) -> Any:
        for number, row in enumerate(read(cursor, table, *others)):
            if number == 10:
                server.execute(f"SELECT pg_terminate_backend({cursor.connection.info.backend_pid})")
                time.sleep(0.1)
            yield row

    monkeypatch.setattr(puller, "new_rows", cut)
    with pytest.raises(FeedError, match="broke off the pull, nothing of it is landed"):
        feed_of().pull(at)
    assert lines_of(Path(at.pulled)) == []
    monkeypatch.undo()
    feed_of().pull(at)
    assert len(lines_of(Path(at.pulled))) == 40_000


def test_a_table_that_is_locked_for_an_alteration_is_not_taken_for_empty(
    server: Postgres, at: FeedAt, feed_of: FeedOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rewrite that is committed after the catalog was read: without locks the rows would seem deleted."""
    from common.sources.pulling.postgres.tables import snapshot

    server.execute("INSERT INTO stores VALUES (1, 'x')")
    feed_of().pull(at)
    settle, done = snapshot._settle, []

    def altered(*arguments: Any) -> None:
        settle(*arguments)
        with server.connect() as other:
            other.execute("SET lock_timeout = 50")
            try:
                other.execute("ALTER TABLE stores ALTER id TYPE bigint")
            except Exception as error:
                done.append(type(error).__name__)

    monkeypatch.setattr(snapshot, "_settle", altered)
    assert feed_of().pull(at) == 0
    assert done == ["LockNotAvailable"]
