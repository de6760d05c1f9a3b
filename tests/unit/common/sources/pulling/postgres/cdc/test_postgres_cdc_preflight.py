"""What a feed of changes refuses and warns of, with the SQL that puts it right; the SQL is run, and helps."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from captured_accounts import Captured

from common.errors import FeedError
from servers.postgres import Postgres


@pytest.fixture
def bank(postgres: Postgres, tmp_path: Path) -> Iterator[Captured]:
    captured = Captured(postgres, tmp_path)
    yield captured
    captured.drop()


def refusal(bank: Captured) -> str:
    """Why a pull is refused; a look says the same, and nothing is landed."""
    files = bank.files
    with pytest.raises(FeedError) as refused:
        bank.pull()
    missing = next(sight.missing for sight in bank.feed.look(bank.at).things if sight.missing)
    assert missing in str(refused.value)
    assert bank.files == files
    return missing


def statements(missing: str) -> list[str]:
    """The SQL in a message."""
    return re.findall(r"(?:ALTER|CREATE|DROP|GRANT|SELECT pg)[^;]*(?=;)", missing)


def test_what_is_there_is_seen_with_its_first_rows(bank: Captured) -> None:
    bank.execute("INSERT INTO accounts (account_id) VALUES (1)")
    sights = bank.feed.look(bank.at)
    assert [sight.missing for sight in sights.things] == [""] * 4
    (look,) = sights.looks
    assert look.path == "public.accounts"
    assert json.loads(look.records[0].payload or "")["account_id"] == "1"
    assert not Path(bank.at.pulled).exists()
    assert bank.execute(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{bank.slot}'") == [(0,)]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("DROP PUBLICATION lakehouse", "CREATE PUBLICATION"),
        ("DROP PUBLICATION lakehouse; CREATE PUBLICATION lakehouse FOR ALL TABLES", "it publishes all tables"),
        ("ALTER PUBLICATION lakehouse SET (publish = 'insert')", "leaves out some kinds"),
        (
            "CREATE TABLE other (i int PRIMARY KEY); ALTER PUBLICATION lakehouse SET TABLE other",
            "it lacks public.accounts",
        ),
        ("ALTER TABLE accounts DROP CONSTRAINT accounts_pkey", "own updates and deletes of it fail"),
        ("CREATE TABLE other (i int); ALTER PUBLICATION lakehouse ADD TABLE other", "public.other has neither"),
        ("ALTER TABLE accounts REPLICA IDENTITY NOTHING", "own updates and deletes of it fail"),
    ],
)
def test_a_publication_that_is_wrong_is_refused_until_its_sql_is_run(bank: Captured, broken: str, words: str) -> None:
    bank.execute(*broken.split("; "))
    missing = refusal(bank)
    assert words in missing
    bank.execute(*statements(missing))
    if "public.other has neither" in words:
        bank.execute("ALTER PUBLICATION lakehouse SET TABLE accounts")
    bank.execute("INSERT INTO accounts (account_id) VALUES (1)")
    assert bank.pull() == 1


def test_rights_that_are_missing_are_said(bank: Captured) -> None:
    bank.execute("DROP ROLE IF EXISTS plain", "CREATE ROLE plain LOGIN")
    assert bank.at.connection
    object.__setattr__(
        bank,
        "at",
        type(bank.at)(**{**vars(bank.at), "connection": bank.at.connection.model_copy(update={"user": "plain"})}),
    )
    bank.execute("INSERT INTO accounts (account_id) VALUES (1)")
    missing = refusal(bank)
    assert 'ALTER ROLE "plain" REPLICATION' in missing
    bank.execute('ALTER ROLE "plain" REPLICATION')
    missing = refusal(bank)
    assert 'GRANT SELECT ON "public"."accounts" TO "plain"' in missing
    bank.execute(*statements(missing))
    assert bank.pull() == 1
    bank.execute("INSERT INTO accounts (account_id) VALUES (2)")
    assert bank.pull() == 1
    bank.execute("DROP OWNED BY plain", "DROP ROLE plain")


def test_a_slot_that_is_gone_needs_a_persons_word(bank: Captured) -> None:
    bank.execute("INSERT INTO accounts (account_id) VALUES (1), (2)")
    bank.pull()
    bank.drop()
    bank.execute("DELETE FROM accounts WHERE account_id = 2", "INSERT INTO accounts (account_id) VALUES (3)")
    assert "set `snapshot: 2` in the feed" in refusal(bank)
    bank.feed = bank.feed_with(snapshot=2)
    bank.pull()
    bank.execute("INSERT INTO accounts (account_id) VALUES (4)")
    bank.pull()
    assert [(op, row["account_id"]) for op, row in bank.changes] == [
        ("r", "1"), ("r", "2"), ("r", "1"), ("r", "3"), ("c", "4"),
    ]  # fmt: skip
    refs = [ref for ref, _ in bank.records]
    assert refs == sorted(refs, key=lambda ref: (ref.split("#")[0], int(ref.split("#")[1])))
    assert len(set(refs)) == 5
    bank.feed = bank.feed_with(snapshot=1)
    assert "set `snapshot: 2`" in refusal(bank)


def test_a_slot_that_others_moved_or_made_is_refused(bank: Captured) -> None:
    bank.execute(f"SELECT pg_create_logical_replication_slot('{bank.slot}', 'pgoutput')")
    missing = refusal(bank)
    assert "that this feed didn't make" in missing
    bank.execute(*statements(missing))
    bank.pull()
    bank.execute("INSERT INTO accounts (account_id) VALUES (1)")
    bank.execute(f"SELECT pg_replication_slot_advance('{bank.slot}', pg_current_wal_lsn())")
    assert "by somebody else: changes between the two are lost" in refusal(bank)


def test_a_slot_that_lost_its_log_is_told_before_and_after(tmp_path: Path) -> None:
    server = Postgres(options={"max_slot_wal_keep_size": "48MB", "max_wal_size": "32MB", "min_wal_size": "32MB"})
    try:
        bank = Captured(server.start(), tmp_path)
        bank.pull()
        fill = "INSERT INTO journal (op) SELECT repeat('x', 500) FROM generate_series(1, 60000)"
        bank.execute(fill, "CHECKPOINT")
        (warning,) = bank.feed.look(bank.at).warnings
        assert "will be lost when" in warning
        assert "max_slot_wal_keep_size" in warning
        for _ in range(3):
            bank.execute(fill, "CHECKPOINT")
        assert "changes are lost. A new snapshot is needed" in refusal(bank)
    finally:
        server.remove()


def test_a_table_that_is_added_later_has_no_rows_from_before(bank: Captured) -> None:
    bank.pull()
    bank.execute("CREATE TABLE other (i int PRIMARY KEY)", "ALTER PUBLICATION lakehouse ADD TABLE other")
    bank.feed = bank.feed_with(tables=["public.accounts", "public.other"])
    assert "public.other: added after the snapshot" in refusal(bank)


@pytest.mark.parametrize("is_of_an_earlier_release", [False, True])
def test_a_table_that_left_the_publication_for_a_while_needs_a_snapshot(
    bank: Captured, is_of_an_earlier_release: bool
) -> None:
    bank.pull()
    if is_of_an_earlier_release:
        note = Path(bank.at.pulled) / ".slot.json"
        fields = json.loads(note.read_text())
        del fields["entries"]
        note.write_text(json.dumps(fields))
        bank.pull()
    bank.execute("ALTER PUBLICATION lakehouse SET TABLE accounts", "CREATE TABLE other (i int PRIMARY KEY)")
    bank.execute("ALTER PUBLICATION lakehouse ADD TABLE other", "INSERT INTO accounts (account_id) VALUES (1)")
    assert bank.pull() == 1, "the publication was changed, and the table stayed in it"
    bank.execute(
        "ALTER PUBLICATION lakehouse DROP TABLE accounts",
        "INSERT INTO accounts (account_id) VALUES (2)",
        "ALTER PUBLICATION lakehouse ADD TABLE accounts",
    )
    assert "public.accounts: taken out of it and added again" in refusal(bank)
    bank.feed = bank.feed_with(snapshot=2)
    bank.pull()
    assert bank.pull() == 0
    assert [row["account_id"] for _, row in bank.changes] == ["1", "1", "2"]
