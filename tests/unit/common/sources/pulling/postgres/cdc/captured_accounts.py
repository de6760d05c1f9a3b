"""A table of accounts whose database keeps a journal of every change by itself, and a feed that captures it.

The journal is written by triggers within the same transactions: what committed is in it, in order, whoever was killed.
"""

import json
from pathlib import Path
from random import Random
from typing import Any

from common.settings import Settings
from common.sources.connections import PostgresConnection
from common.sources.feed import FeedAt
from common.sources.readers.postgres_cdc import PostgresCdcFeed
from servers.postgres import Postgres

SCHEMA = """
CREATE TABLE accounts (account_id bigint PRIMARY KEY, owner text, balance numeric(18,2), opened timestamptz, long text);
CREATE TABLE journal (id bigserial PRIMARY KEY, op text, fields json);
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'TRUNCATE' THEN INSERT INTO journal (op, fields) VALUES ('t', '{}'); RETURN NULL; END IF;
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.account_id <> NEW.account_id) THEN
    INSERT INTO journal (op, fields) VALUES ('d', json_build_object('account_id', OLD.account_id::text));
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO journal (op, fields) VALUES (
      CASE WHEN TG_OP = 'UPDATE' AND OLD.account_id = NEW.account_id THEN 'u' ELSE 'c' END,
      json_build_object('account_id', NEW.account_id::text, 'owner', NEW.owner, 'balance', NEW.balance::text,
                        'opened', NEW.opened::text, 'long', NEW.long));
  END IF;
  RETURN NULL; END $$;
CREATE TRIGGER rows AFTER INSERT OR UPDATE OR DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TRIGGER emptied AFTER TRUNCATE ON accounts FOR EACH STATEMENT EXECUTE FUNCTION keep();
CREATE PUBLICATION lakehouse FOR TABLE accounts
"""
Row = dict[str, Any]
Op = tuple[str, Row]


class Captured:
    """A database with the table, and its feed in a workspace of its own."""

    def __init__(self, server: Postgres, home: Path, **options: Any) -> None:
        self.server = server
        self.database = f"bank_{home.name}".lower()[-60:]
        server.execute(f'CREATE DATABASE "{self.database}"')
        server.execute(f"ALTER DATABASE \"{self.database}\" SET TimeZone = 'UTC'")
        self.execute(SCHEMA)
        self.slot = f"slot_{self.database}"[-60:]
        self.options = options
        self.at = _at(home, server.port, self.database)
        self.feed = self.feed_with()

    def feed_with(self, **options: Any) -> PostgresCdcFeed:
        """The feed, with other options."""
        return feed_of(**{"slot": self.slot, **self.options, **options})

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements in the database."""
        return self.server.execute(*statements, database=self.database)

    def pull(self) -> int:
        """Pulls what is new."""
        return self.feed.pull(self.at)

    @property
    def files(self) -> list[Path]:
        """What is landed."""
        folder = Path(self.at.pulled)
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.exists() else []

    @property
    def records(self) -> list[tuple[str, Row]]:
        """The landed records in the order of files and lines: reference and payload."""
        lines = [json.loads(line) for path in self.files for line in path.read_text().splitlines()]
        return [(line["ref"], json.loads(line["payload"])) for line in lines]

    @property
    def changes(self) -> list[Op]:
        """The landed records as the journal has them."""
        return [
            (row["_op"], {name: value for name, value in row.items() if not name.startswith("_")})
            for _, row in self.records
        ]

    @property
    def journal(self) -> list[Op]:
        """All changes that committed."""
        return self.execute("SELECT op, fields FROM journal ORDER BY id")  # type: ignore[return-value]

    @property
    def rows(self) -> list[Row]:
        """The table's rows by key, as texts."""
        found = self.execute(
            "SELECT account_id::text, owner, balance::text, opened::text, long FROM accounts a ORDER BY a.account_id"
        )
        return [dict(zip(("account_id", "owner", "balance", "opened", "long"), row, strict=True)) for row in found]

    def check_landed(self) -> None:
        """Nothing is lost, nothing is there twice, and all is in order."""
        records, changes, journal = self.records, self.changes, self.journal
        refs = [ref for ref, _ in records]
        assert len(set(refs)) == len(refs)
        orders = [row["_order"] for _, row in records]
        assert orders == sorted(orders)
        assert len(set(orders)) == len(orders)
        streamed = [change for change in changes if change[0] != "r"]
        snapshot = changes[: len(changes) - len(streamed)]
        assert {op for op, _ in snapshot} <= {"r"}, "the snapshot's rows come first"
        before = journal[: len(journal) - len(streamed)]
        assert streamed == journal[len(before) :]
        assert state_after(snapshot) == state_after(before)
        assert state_after(changes) == self.rows

    def drop(self) -> None:
        """Removes the slot, so that the server is as it was."""
        self.server.execute(
            f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{self.slot}'"
        )


def _at(home: Path, port: int, database: str) -> FeedAt:
    there = {"host": Postgres.host, "port": port, "database": database, "user": Postgres.user, "tls": "disable"}
    connection = PostgresConnection.model_validate({"kind": "postgres", **there})
    return FeedAt("bank", "accounts", Settings(home, landing_folder=str(home / "landing")), connection)


def feed_of(**options: Any) -> PostgresCdcFeed:
    """A feed that captures `accounts`."""
    mapped = {"account_id": "account_id", "changed_at": "_changed_at", "currency": "'EUR'"}
    declared = {
        "reader": "postgres_cdc",
        "connection": "bank",
        "tables": ["public.accounts"],
        "publication": "lakehouse",
        "into": {"accounts": {"map": mapped}},
    }
    return PostgresCdcFeed.model_validate(declared | options)


def state_after(changes: list[Op]) -> list[Row]:
    """The rows that changes leave, by key."""
    rows: dict[int, Row] = {}
    for op, fields in changes:
        if op == "t":
            rows.clear()
        elif op == "d":
            del rows[int(fields["account_id"])]
        else:
            rows[int(fields["account_id"])] = fields
    return [rows[key] for key in sorted(rows)]


def transaction(random: Random, most: int = 6, *, truncates: bool = True) -> str:
    """The statements of a transaction by chance: one of ten is rolled back, and parts of others are."""
    steps = []
    for _ in range(random.randint(1, most)):
        key, other = random.randint(1, 40), random.randint(1, 40)
        steps.append(
            random.choice(
                [
                    (
                        f"INSERT INTO accounts VALUES ({key}, 'o{other}', {other}.50, now(), 'é\\t\"{other}\n')"
                        " ON CONFLICT DO NOTHING"
                    ),
                    (
                        f"INSERT INTO accounts SELECT i, 'many', NULL, now() FROM generate_series({key}, {other}) i"
                        " ON CONFLICT DO NOTHING"
                    ),
                    f"UPDATE accounts SET balance = balance + 1, owner = 'u{other}' WHERE account_id = {key}",
                    f"UPDATE accounts SET owner = NULL WHERE account_id % 7 = {key % 7}",
                    (
                        f"UPDATE accounts SET account_id = {other} WHERE account_id = {key}"
                        f" AND NOT EXISTS (SELECT FROM accounts WHERE account_id = {other})"
                    ),
                    f"DELETE FROM accounts WHERE account_id = {key}",
                    f"SAVEPOINT s; DELETE FROM accounts WHERE account_id > {key}; ROLLBACK TO SAVEPOINT s",
                ]
            )
        )
    if truncates and random.random() < 0.03:
        steps.append("TRUNCATE accounts")
    end = "ROLLBACK" if random.random() < 0.1 else "COMMIT"
    return "; ".join(["BEGIN", *steps, end])
