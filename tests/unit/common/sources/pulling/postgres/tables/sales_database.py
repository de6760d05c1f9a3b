"""A shop's database with eleven tables, writers at random, and the state that landed records make of it."""

import json
import random
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from servers.postgres import Postgres

Row = dict[str, Any]
Rows = dict[str, dict[str, Row]]

SCHEMA = """
CREATE TABLE stores (id integer PRIMARY KEY, city text NOT NULL);
CREATE TABLE categories (code text PRIMARY KEY, title text);
CREATE TABLE customers (id bigint PRIMARY KEY, name text, balance numeric, updated_at timestamptz DEFAULT now());
CREATE TABLE addresses (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers ON DELETE CASCADE, lines text[]);
CREATE TABLE products (sku text PRIMARY KEY, category text REFERENCES categories, price numeric(12, 2), facts jsonb);
CREATE TABLE staff (id uuid PRIMARY KEY, store_id integer REFERENCES stores, salary double precision);
CREATE TABLE inventory (store_id integer, sku text, amount integer, updated_at timestamp DEFAULT now(),
    PRIMARY KEY (store_id, sku));
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers ON DELETE CASCADE, status text,
    updated_at timestamptz DEFAULT now());
CREATE TABLE order_items (order_id bigint REFERENCES orders ON DELETE CASCADE, line smallint, sku text, amount numeric,
    PRIMARY KEY (order_id, line));
CREATE TABLE payments (id bigint, paid_on date, order_id bigint, amount numeric(20, 4), updated_at timestamptz,
    PRIMARY KEY (id, paid_on)) PARTITION BY RANGE (paid_on);
CREATE TABLE payments_2026 PARTITION OF payments FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE payments_2027 PARTITION OF payments DEFAULT;
CREATE TABLE shipments (id bigint PRIMARY KEY, order_id bigint, sent_at date, updated_at timestamptz DEFAULT now());
CREATE TABLE audit_log (at timestamptz, what text);
"""
INSERTS = (
    "INSERT INTO stores VALUES (%(n)s, 'a\\b' || %(n)s)",
    "INSERT INTO categories VALUES ('cat\t\"' || %(n)s, E'ü\\n' || %(n)s)",
    "INSERT INTO customers (id, name, balance) VALUES (%(n)s, 'ann', 12.50)",
    "INSERT INTO addresses SELECT %(n)s, id, ARRAY['x', NULL] FROM customers LIMIT 1",
    "INSERT INTO products SELECT 'sku-' || %(n)s, code, 9.90, '{\"a\": 1.50}' FROM categories LIMIT 1",
    "INSERT INTO staff SELECT md5(%(n)s::text)::uuid, id, 'NaN' FROM stores LIMIT 1",
    "INSERT INTO inventory VALUES (%(m)s, 'sku-' || %(n)s, 5)",
    "INSERT INTO orders (id, customer_id, status) SELECT %(n)s, id, 'new' FROM customers ORDER BY random() LIMIT 1",
    "INSERT INTO order_items SELECT id, 1 + (SELECT count(*) FROM order_items WHERE order_id = o.id) FROM orders o",
    "INSERT INTO payments VALUES (%(n)s, '2026-05-05', %(m)s, 9007199254740993.1234, now())",
    "INSERT INTO shipments (id, order_id) VALUES (%(n)s, %(m)s)",
    "INSERT INTO audit_log VALUES (now(), 'something')",
)
UPDATES = (
    "UPDATE customers SET balance = balance + 0.10, updated_at = now() WHERE id %% 7 = %(m)s",
    "UPDATE orders SET status = 'sent', updated_at = now() WHERE id %% 7 = %(m)s",
    "UPDATE inventory SET amount = amount - 1, updated_at = now() WHERE store_id = %(m)s",
    "UPDATE products SET price = price + 1 WHERE sku LIKE '%%' || %(m)s",
    "UPDATE payments SET paid_on = '2027-03-03', updated_at = now() WHERE id %% 7 = %(m)s",
    "UPDATE stores SET city = city || '!' WHERE id %% 7 = %(m)s",
    "UPDATE inventory SET sku = sku || 'x', updated_at = now() WHERE store_id = %(m)s AND amount < 3",
)
DELETES = (
    "DELETE FROM customers WHERE id %% 31 = %(m)s",
    "DELETE FROM order_items WHERE line = %(m)s",
    "DELETE FROM payments WHERE id %% 31 = %(m)s",
    "DELETE FROM shipments WHERE id %% 11 = %(m)s",
    "DELETE FROM inventory WHERE store_id = %(m)s",
)


class Writers:
    """Three applications that write at random, by one seed: transactions stay open, roll back, have savepoints."""

    def __init__(self, server: Postgres, seed: int) -> None:
        self.random = random.Random(seed)
        self._server = server
        self._sessions: list[Any] = []
        self._number = 0

    def write(self, steps: int) -> None:
        """Some statements, each in the transaction of one of the applications."""
        for _ in range(steps):
            self._step()

    def end(self, how: str = "COMMIT") -> None:
        """Ends all open transactions."""
        for session in self._sessions:
            session.execute(how)

    def close(self) -> None:
        """Ends the applications; what they have not committed is lost. They come back when they write next."""
        for session in self._sessions:
            session.close()
        self._sessions = []

    def _step(self) -> None:
        while len(self._sessions) < 3:
            self._sessions.append(self._server.connect())
            self._sessions[-1].execute("SET lock_timeout = 5")
        session, draw = self.random.choice(self._sessions), self.random.random()
        if session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            session.execute("BEGIN")
        self._number += 1
        values = {"n": self._number, "m": self.random.randrange(7)}
        kind = INSERTS if draw < 0.6 else UPDATES if draw < 0.85 else DELETES
        if self.random.random() < 0.3:
            session.execute("SAVEPOINT here")
        try:
            session.execute(self.random.choice(kind), values)
            if self.random.random() < 0.1:
                with suppress(psycopg.errors.InvalidSavepointSpecification):
                    session.execute("ROLLBACK TO here")
        except (psycopg.errors.LockNotAvailable, psycopg.errors.IntegrityError, psycopg.errors.DeadlockDetected):
            session.execute("ROLLBACK")
        if session.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
            session.execute("ROLLBACK")
        elif self.random.random() < 0.25:
            session.execute("COMMIT" if self.random.random() < 0.85 else "ROLLBACK")


def fill(server: Postgres) -> None:
    """The tables, empty in a schema of their own."""
    server.execute("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", SCHEMA)


def rows_of(server: Postgres) -> Rows:
    """The rows of all tables with a key, as the server has them now, by table and key."""
    found: Rows = {}
    with server.connect() as connection:
        for table, names in _keys(server).items():
            texts = connection.execute(f"SELECT row_to_json(t)::text FROM {table} t").fetchall()
            found[table] = {_key(row, names): row for row in (_parsed(text) for (text,) in texts)}
    return found


def lines_of(folder: Path) -> list[tuple[str, Row]]:
    """References and payloads of all landed records, in order."""
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]
    records = [json.loads(line) for line in lines]
    assert all(record["error"] is None for record in records)
    return [(record["ref"], _parsed(record["payload"])) for record in records]


def state_of(folder: Path, server: Postgres) -> Rows:
    """The rows that landed records make; each reference is one record, and their order rises."""
    lines = lines_of(folder)
    assert len({reference for reference, _ in lines}) == len(lines)
    orders = [(row["_changed_at"], row["_order"]) for _, row in lines]
    assert orders == sorted(orders)
    keys = _keys(server)
    made: Rows = {table: {} for table in keys}
    for _, row in lines:
        table = row["_table"]
        key = _key(row, keys[table])
        if row["_op"] == "d":
            del made[table][key]  # a delete is of a row that was landed
        else:
            made[table][key] = {name: value for name, value in row.items() if not name.startswith("_")}
    return made


def _keys(server: Postgres) -> dict[str, list[str]]:
    rows = server.execute(
        "SELECT c.oid::regclass::text, array_agg(a.attname::text ORDER BY array_position(i.indkey::int2[], a.attnum)) "
        "FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) "
        "WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition GROUP BY 1"
    )
    return {f"public.{table}": names for table, names in rows}


def _key(row: Row, names: list[str]) -> str:
    return json.dumps([row[name] for name in names], default=str)


def _parsed(text: str) -> Row:
    row: Row = json.loads(text, parse_float=Decimal)
    return row
