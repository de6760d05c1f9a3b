"""Whether what PostgreSQL has of alerts is what the lakehouse has, and which messages a person must look at."""

from collections.abc import Iterator, Sequence
from typing import Any

from common.checks.findings import OUTPUT_COMPLETE, Finding
from common.publish.alerts.delivery import TABLES
from common.publish.postgres import access, conservation, positions
from common.publish.postgres.access import Place
from common.storage.lake import Lake

NAMED = 5
"""So many messages are named by a warning."""

_LACKING = """
SELECT count(*), min(a.transaction_id) FROM alerts.alerts a CROSS JOIN unnest(%s::text[]) AS c(channel)
WHERE NOT EXISTS (SELECT FROM alerts.outbox o WHERE o.alert_id = a.transaction_id AND o.channel = c.channel)
"""
_TO_LOOK_AT = """
SELECT count(*) OVER (), alert_id || '/' || channel, note FROM alerts.outbox
WHERE state = %s AND channel = ANY(%s) ORDER BY ended_at DESC LIMIT %s
"""


def found(lake: Lake, connection: Any, place: Place, output: str, channels: Sequence[str]) -> Iterator[Finding]:
    """What is found of an output, one check after the other."""
    yield from conservation.findings(lake, connection, place, TABLES, output)
    yield from _of_messages(connection, output, channels)


def _of_messages(connection: Any, output: str, channels: Sequence[str]) -> Iterator[Finding]:
    if connection.execute("SELECT to_regclass('alerts.outbox')").fetchone() == (None,):
        return  # nothing was delivered yet
    lacking, example = connection.execute(_LACKING, [list(channels)]).fetchone()
    words = f"{lacking:,} are missing, such as that of {example}: run publish" if lacking else "each alert has them"
    yield Finding(f"{output}: messages", OUTPUT_COMPLETE, not lacking, words)
    for state, name in (("unsure", "known_to_be_sent"), ("failed", "not_dead_letters")):
        rows = connection.execute(_TO_LOOK_AT, [state, list(channels), NAMED]).fetchall()
        words = f"none is {state}"
        if rows:
            examples = ", ".join(f"{message} ({why})" for _, message, why in rows)
            words = f"{rows[0][0]} {state}: {examples}; find out, then run send_alerts with resolve={rows[0][1]}=sent "
            words += "or =resend"
        yield Finding(f"{output}: messages", name, not rows, words, "warning")


def state_of(connection: Any, place: Place) -> dict[str, list[str]]:
    """What is known of each table that was delivered, and how many messages are there and were sent, for JSON."""
    with connection.transaction(), connection.cursor() as cursor:
        access.act_as_owner(cursor, place)
        states = positions.states(cursor, place.schema, [table.name for table in TABLES])
        counts = cursor.execute("SELECT count(*), count(*) FILTER (WHERE state = 'sent') FROM alerts.outbox").fetchone()
    return states | {"messages, sent": [*map(str, counts)]}
