"""Alerts, contacts and merchants in PostgreSQL as a delivery leaves them, and an output that tells of them."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.publish.alerts.filling import fill
from common.publish.alerts.sender import Sender
from common.publish.alerts.tables import ensure_outbox
from common.publish.writers.alerts import AlertsOutput
from common.settings import Settings
from servers.postgres import Postgres

KEY = "ALERT_ANSWERS_KEY"
DATABASE = "alerts"
DELIVERED = """
CREATE SCHEMA IF NOT EXISTS alerts;
DROP TABLE IF EXISTS alerts.alerts, alerts.contacts, alerts.merchants, alerts.outbox, alerts.channels;
CREATE TABLE alerts.alerts (
    transaction_id text, event_date date, event_time timestamptz, scored_at timestamptz, customer_id text,
    account_id text, merchant_id text, amount_eur numeric(18,2), score double precision, reasons text[],
    model_version text, PRIMARY KEY (transaction_id, event_date));
CREATE TABLE alerts.contacts (customer_id text PRIMARY KEY, first_name text, email text, phone text, country text);
CREATE TABLE alerts.merchants (merchant_id text PRIMARY KEY, name text);
INSERT INTO alerts.merchants VALUES ('M1', 'Corner Shop');
"""


def output_of(
    postgres: Postgres, connections: Mapping[str, Any], channels: Mapping[str, Any], **given: Any
) -> AlertsOutput:
    """The declaration of an output with these channels."""
    return AlertsOutput.model_validate(
        {
            "name": "alerts",
            "description": "Alerts of the tests.",
            "writer": "alerts",
            "connections": {"database": postgres.connection(DATABASE), **connections},
            "connection": "database",
            "channels": channels,
            "answers": {"url": "https://answers.test/answers", "key": {"secret": KEY}},
        }
        | given
    )


def make_database(postgres: Postgres) -> None:
    """Makes the tests' database where it isn't there; it goes with the module."""
    if not postgres.execute(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):
        postgres.execute(f"CREATE DATABASE {DATABASE}")


class World:
    """The tables, empty at first, and what changes them as deliveries do."""

    def __init__(self, postgres: Postgres, output: AlertsOutput, folder: Path) -> None:
        self.output, self.settings = output, Settings(folder)
        make_database(postgres)
        self.connection = postgres.connect(DATABASE)
        self.connection.execute(DELIVERED)
        with self.connection.transaction():
            ensure_outbox(self.connection)

    def add(
        self, alert: str, customer: str = "C1", age: str = "1 minute", scored: str = "0 minutes", **contact: str
    ) -> None:
        """An alert whose payment is that old, scored that long ago; and its customer's contact."""
        known = {
            "first_name": "Ann",
            "email": f"{customer.lower()}@mail.test",
            "phone": "+49 170 1234567",
            "country": "DE",
        }
        values = [customer, *(known | contact).values()]
        self.connection.execute(
            "INSERT INTO alerts.contacts VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING", values
        )
        self.connection.execute(
            "INSERT INTO alerts.alerts VALUES (%s, now() - %s::interval, now() - %s::interval, now() - %s::interval, "
            "%s, 'A00012345', 'M1', 12.5, 0.9, '{odd hour}', '3')",
            [alert, age, age, scored, customer],
        )

    def fill(self) -> int:
        """What ends each delivery of alerts."""
        with self.connection.transaction():
            return fill(self.connection, list(self.output.channels), self.output.tell_for)

    def sender(self) -> Sender:
        """A sender: what is refused for now waits for minutes, or until it is made `due`."""
        return self.output.sender(self.connection, self.settings)

    def states(self) -> Counter[str]:
        """How many messages are in each state."""
        return Counter(dict(self.connection.execute("SELECT state, count(*) FROM alerts.outbox GROUP BY 1").fetchall()))

    def of(self, alert: str, what: str = "state") -> Any:
        """A column of the alert's first message."""
        statement = f"SELECT {what} FROM alerts.outbox WHERE alert_id = %s ORDER BY channel"
        return self.connection.execute(statement, [alert]).fetchone()[0]

    def due(self) -> None:
        """All that waits is due now."""
        self.connection.execute("UPDATE alerts.outbox SET next_try = now() WHERE state = 'pending'")
