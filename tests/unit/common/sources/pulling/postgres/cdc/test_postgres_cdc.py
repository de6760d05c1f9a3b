"""Changes of a real table, landed once and in order."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from threading import Thread

import pytest
from captured_accounts import Captured, transaction

from common.sources.pulling.postgres.cdc import puller as pulling
from common.sources.pulling.postgres.cdc import snapshot as snapshots
from servers.postgres import Postgres


@pytest.fixture
def bank(postgres: Postgres, tmp_path: Path) -> Iterator[Captured]:
    captured = Captured(postgres, tmp_path)
    yield captured
    captured.drop()


def test_what_happens_to_rows_is_landed_as_it_happened(bank: Captured) -> None:
    bank.execute("INSERT INTO accounts VALUES (1, 'before', 12.50, '2026-01-01 00:00:00.123456+00', NULL)")
    assert bank.pull() == 1
    bank.execute("INSERT INTO accounts VALUES (2, 'Åsa \"x\"\\', 9007199254740993.10, NULL, E'tab\\tline\\n')")
    bank.execute("UPDATE accounts SET balance = NULL WHERE account_id = 2")
    bank.execute("BEGIN; DELETE FROM accounts; INSERT INTO accounts (account_id) VALUES (2); TRUNCATE accounts; COMMIT")
    assert bank.pull() == 1
    opened = "2026-01-01 00:00:00.123456+00"
    old = {"opened": None, "long": "tab\tline\n"}
    assert bank.changes == [
        ("r", {"account_id": "1", "owner": "before", "balance": "12.50", "opened": opened, "long": None}),
        ("c", {"account_id": "2", "owner": 'Åsa "x"\\', "balance": "9007199254740993.10", **old}),
        ("u", {"account_id": "2", "owner": 'Åsa "x"\\', "balance": None, **old}),
        ("d", {"account_id": "1"}),
        ("d", {"account_id": "2"}),
        ("c", {"account_id": "2", "owner": None, "balance": None, "opened": None, "long": None}),
        ("t", {}),
    ]  # fmt: skip
    bank.check_landed()
    assert {row["_table"] for _, row in bank.records} == {"public.accounts"}


def test_commit_times_are_the_transactions_own(bank: Captured) -> None:
    bank.pull()
    before, _, after = (
        bank.execute(statement)
        for statement in (
            'SELECT to_char(clock_timestamp(), \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')',
            "INSERT INTO accounts (account_id) VALUES (1), (2)",
            'SELECT to_char(clock_timestamp(), \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')',
        )
    )
    bank.pull()
    times = [row["_changed_at"] for _, row in bank.records]
    assert len(times) == 2
    assert before[0][0] < times[0] == times[1] < after[0][0]


@pytest.mark.parametrize("identity", ["DEFAULT", "FULL"])
def test_a_changed_key_is_a_delete_and_a_create(bank: Captured, identity: str) -> None:
    bank.execute(f"ALTER TABLE accounts REPLICA IDENTITY {identity}")
    bank.execute("INSERT INTO accounts (account_id, owner) VALUES (1, 'a')")
    bank.pull()
    bank.execute("UPDATE accounts SET account_id = 5", "UPDATE accounts SET owner = 'b'", "DELETE FROM accounts")
    bank.pull()
    assert [(op, row["account_id"]) for op, row in bank.changes[1:]] == [("d", "1"), ("c", "5"), ("u", "5"), ("d", "5")]
    assert bank.changes[1][1] == {"account_id": "1"} == {**bank.changes[-1][1], "account_id": "1"}
    bank.check_landed()


def test_an_unchanged_long_value_is_left_out_unless_the_whole_row_is_logged(bank: Captured) -> None:
    random = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 500) i)"  # can't be compressed
    bank.execute(f"INSERT INTO accounts (account_id, long) VALUES (1, {random})")
    bank.pull()
    bank.execute("UPDATE accounts SET owner = 'x'")
    bank.pull()
    assert "long" not in bank.changes[-1][1]
    assert not bank.feed.look(bank.at).warnings, "no map reads it"
    reads = bank.feed_with(
        into={"accounts": {"map": {"account_id": "account_id", "changed_at": "_changed_at", "customer_id": "long"}}}
    )
    (warning,) = reads.look(bank.at).warnings
    assert "long" in warning
    assert 'ALTER TABLE "public"."accounts" REPLICA IDENTITY FULL' in warning
    bank.execute("ALTER TABLE accounts REPLICA IDENTITY FULL", "UPDATE accounts SET owner = 'y'")
    bank.pull()
    assert bank.changes[-1][1] == bank.rows[0]
    assert len(bank.rows[0]["long"]) == 16_000
    assert not reads.look(bank.at).warnings


def test_columns_have_the_names_that_they_had_at_the_change(bank: Captured) -> None:
    bank.execute("DROP TRIGGER rows ON accounts")
    bank.pull()
    bank.execute(
        "INSERT INTO accounts (account_id, owner) VALUES (1, 'a')",
        "ALTER TABLE accounts ADD COLUMN email text DEFAULT 'none'",
        "INSERT INTO accounts (account_id) VALUES (2)",
        "ALTER TABLE accounts RENAME COLUMN owner TO holder",
        "ALTER TABLE accounts DROP COLUMN long",
        "INSERT INTO accounts (account_id, holder) VALUES (3, 'c')",
    )
    bank.pull()
    first, second, third = (row for _, row in bank.changes)
    assert "email" not in first
    assert first["owner"] == "a"
    assert second["email"] == "none"
    assert "long" in second
    assert third["holder"] == "c"
    assert "owner" not in third
    assert "long" not in third


def test_snapshot_and_stream_have_no_gap_while_others_write(bank: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "PART_RECORDS", 3)
    random = Random(1)
    done: list[int] = []

    def write() -> None:
        with bank.server.connect(bank.database) as connection:
            while not done:
                connection.execute(transaction(random, truncates=False))  # it empties what older snapshots see

    bank.execute("INSERT INTO accounts SELECT i, 'x' FROM generate_series(1, 40) i")
    writer = Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            bank.pull()
    finally:
        done.append(1)
        writer.join()
    bank.pull()
    assert len([op for op, _ in bank.changes if op != "r"]) > 20
    assert len(bank.files) > 5
    bank.check_landed()


def test_a_large_transaction_becomes_several_files(bank: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "PORTION_BYTES", 10_000)
    bank.pull()
    bank.execute("INSERT INTO accounts (account_id) SELECT i FROM generate_series(1, 1000) i", "DELETE FROM accounts")
    bank.pull()
    assert len(bank.files) > 10
    assert max(path.stat().st_size for path in bank.files) < 11_000
    bank.check_landed()


def test_changes_of_other_published_tables_are_passed_over(bank: Captured) -> None:
    bank.execute("CREATE TABLE other (id int PRIMARY KEY)", "ALTER PUBLICATION lakehouse ADD TABLE other")
    bank.pull()
    bank.execute("BEGIN; INSERT INTO other VALUES (1); INSERT INTO accounts (account_id) VALUES (1); COMMIT")
    bank.execute("INSERT INTO other VALUES (2)")
    assert bank.pull() == 1
    ((ref, _),) = bank.records
    assert ref.endswith("#2"), "its number is that within the transaction"
    assert bank.pull() == 0


def test_published_columns_and_rows_alone_are_in_the_snapshot(bank: Captured) -> None:
    if bank.execute("SELECT current_setting('server_version_num')::int")[0][0] < 150_000:
        pytest.skip("publications have no columns and filters before PostgreSQL 15")
    bank.execute(
        "INSERT INTO accounts (account_id, owner, long) VALUES (1, 'kept', 'secret'), (2, 'filtered', 'secret')",
        "ALTER PUBLICATION lakehouse SET TABLE accounts (account_id, owner) WHERE (account_id <> 2)",
    )
    bank.pull()
    bank.execute("INSERT INTO accounts (account_id, owner, long) VALUES (3, 'later', 'secret')")
    bank.pull()
    kept, later = {"account_id": "1", "owner": "kept"}, {"account_id": "3", "owner": "later"}
    assert bank.changes == [("r", kept), ("c", later)]


def test_a_quiet_table_holds_no_log(bank: Captured) -> None:
    bank.pull()
    bank.execute("CREATE TABLE busy AS SELECT i, repeat('x', 100) FROM generate_series(1, 30000) i", "CHECKPOINT")
    held = (
        f"SELECT pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '{bank.slot}'"
    )
    assert bank.execute(held)[0][0] > 1_000_000
    assert bank.pull() == 0
    assert bank.execute(held)[0][0] < 10_000


def test_a_transaction_that_was_open_over_pulls_comes_whole(bank: Captured) -> None:
    bank.pull()
    with bank.server.connect(bank.database) as slow:
        slow.execute("BEGIN")
        slow.execute("INSERT INTO accounts (account_id) VALUES (1)")
        bank.execute("INSERT INTO accounts (account_id) VALUES (2)")
        assert bank.pull() == 1
        assert bank.pull() == 0
        slow.execute("INSERT INTO accounts (account_id) VALUES (3)")
        slow.execute("COMMIT")
    bank.pull()
    assert [row["account_id"] for _, row in bank.changes] == ["2", "1", "3"]
