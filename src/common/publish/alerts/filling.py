"""The outbox filled: every alert that is delivered gets a message for each channel, in the same transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

WITHDRAWN = "the alert was withdrawn or erased before it was sent"
OLD = "the alert is older than its channel"


def fill(connection: Any, channels: Sequence[str], tell_for: timedelta) -> int:
    """Adds a message for each alert and channel that has none; how many of them are to be sent.

    An alert is told that was scored since the channel was first filled, or whose payment is at most `tell_for` older
    than the newest alert's: what was there before is old news. A message of an alert that is gone is not sent any more.
    Of one that was sent, only that it was is kept. Call this in the transaction that changes alerts.alerts.
    """
    connection.execute(
        "INSERT INTO alerts.channels (channel) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", [list(channels)]
    )
    found = connection.execute(_ADD, {"channels": list(channels), "tell_for": tell_for, "old": OLD}).fetchone()
    connection.execute(_WITHDRAW, {"withdrawn": WITHDRAWN})
    connection.execute(_COME_BACK, {"withdrawn": WITHDRAWN})
    connection.execute(_ERASE)
    return int(found[0])


_ADD = """
WITH clock AS (SELECT least(now(), max(event_time)) AS at FROM alerts.alerts),
added AS (
    INSERT INTO alerts.outbox (alert_id, channel, state, note, ended_at)
    SELECT transaction_id, channel,
           CASE WHEN told THEN 'pending' ELSE 'suppressed' END,
           CASE WHEN NOT told THEN %(old)s END,
           CASE WHEN NOT told THEN now() END
    FROM (SELECT a.transaction_id, c.channel, a.scored_at >= c.since OR a.event_time >= clock.at - %(tell_for)s AS told
          FROM alerts.alerts a CROSS JOIN alerts.channels c CROSS JOIN clock
          WHERE c.channel = ANY(%(channels)s)
            AND NOT EXISTS (SELECT FROM alerts.outbox o
                            WHERE o.alert_id = a.transaction_id AND o.channel = c.channel)) new
    ORDER BY told DESC
    ON CONFLICT DO NOTHING
    RETURNING state)
SELECT count(*) FROM added WHERE state = 'pending'
"""
_WITHDRAW = """
UPDATE alerts.outbox o SET state = 'suppressed', note = %(withdrawn)s, ended_at = now()
WHERE state = 'pending' AND NOT EXISTS (SELECT FROM alerts.alerts a WHERE a.transaction_id = o.alert_id)
"""
_COME_BACK = """
UPDATE alerts.outbox o SET state = 'pending', note = NULL, ended_at = NULL, created_at = now(), next_try = now()
WHERE state = 'suppressed' AND note = %(withdrawn)s
  AND EXISTS (SELECT FROM alerts.alerts a WHERE a.transaction_id = o.alert_id)
"""
_ERASE = """
UPDATE alerts.outbox o SET receipt = NULL
WHERE receipt IS NOT NULL AND NOT EXISTS (SELECT FROM alerts.alerts a WHERE a.transaction_id = o.alert_id)
"""
