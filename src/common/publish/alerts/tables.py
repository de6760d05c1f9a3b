"""What PostgreSQL keeps of alerts beside the tables that are delivered: the outbox, and since when a channel tells."""

from typing import Any, LiteralString

SCHEMA = "alerts"

STATES = ("pending", "sending", "sent", "unsure", "failed", "suppressed")
"""Of a message: waiting; claimed by a sender; taken by the receiver; perhaps taken, which a person must find out;
refused for good, or too often; never to be sent, for the reason in its note."""

_DDL: LiteralString = """
CREATE TABLE alerts.channels (
    channel text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now(),
    noted bigint NOT NULL DEFAULT 0);
COMMENT ON TABLE alerts.channels IS
    'Since when each channel tells alerts, and how many messages that were sent ops.deliveries has.';
CREATE TABLE alerts.outbox (
    alert_id text,
    channel text,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'sending', 'sent', 'unsure', 'failed', 'suppressed')),
    note text,
    attempts int NOT NULL DEFAULT 0,
    next_try timestamptz NOT NULL DEFAULT now(),
    claimed_by text,
    claimed_at timestamptz,
    is_handed_over boolean NOT NULL DEFAULT false,
    receipt text,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (alert_id, channel));
COMMENT ON TABLE alerts.outbox IS 'Each alert once by each channel, and what became of it.';
CREATE INDEX outbox_due ON alerts.outbox (next_try) WHERE state = 'pending';
CREATE INDEX outbox_claimed ON alerts.outbox (claimed_at) WHERE state = 'sending';
"""
# One after the other: two that create a table at once collide.
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('lakehouse alerts'))"


def ensure_outbox(connection: Any) -> None:
    """Makes the outbox in the schema where it isn't there yet. `connection`: of psycopg, in a transaction."""
    connection.execute(_LOCK)
    if connection.execute("SELECT to_regclass('alerts.outbox')").fetchone() == (None,):
        connection.execute(_DDL)
