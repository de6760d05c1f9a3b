"""Whether what PostgreSQL has of alerts is what the lakehouse has, and which messages a person must look at."""

from collections.abc import Iterator, Sequence
from typing import Any

from pyspark.errors import PySparkException

from common.checks.findings import COMPLETENESS, CONSERVATION, Finding
from common.publish.alerts.delivery import ALERTS, TABLES
from common.publish.alerts.tables import SCHEMA
from common.publish.postgres.positions import is_there, positions
from common.publish.postgres.served import ServedTable, quoted
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


def found(lake: Lake, connection: Any, output: str, channels: Sequence[str]) -> Iterator[Finding]:
    """What is found of an output, one check after the other."""
    with connection.cursor() as cursor:
        was_delivered = is_there(cursor, SCHEMA, ALERTS.name)
        held = positions(cursor, SCHEMA, [table.name for table in TABLES]) if was_delivered else {}
    for table in TABLES:
        subject = f"{output}: {table.name}"
        if table.name not in held:
            yield Finding(subject, CONSERVATION, False, "nothing was delivered yet: run publish", "warning")
            continue
        at = held[table.name].version
        there = connection.execute(f"SELECT count(*) FROM {SCHEMA}.{quoted(table.name)}").fetchone()[0]
        rows = _rows(lake, table, at)
        words = (
            f"{there:,} rows of {rows:,} in version {at}" if rows is not None else f"version {at} is gone: run publish"
        )
        yield Finding(subject, CONSERVATION, rows in (there, None), words)
    if was_delivered:
        yield from _of_messages(connection, output, channels)


def _rows(lake: Lake, table: ServedTable, version: int) -> int | None:
    """How many rows a version serves; None where its files are removed, as by an erasure."""
    try:
        return lake.table_at(table.source, version).where(table.condition).count()
    except PySparkException:
        if lake.version(table.source) == version:
            raise
        return None


def _of_messages(connection: Any, output: str, channels: Sequence[str]) -> Iterator[Finding]:
    lacking, example = connection.execute(_LACKING, [list(channels)]).fetchone()
    words = f"{lacking:,} are missing, such as that of {example}: run publish" if lacking else "each alert has them"
    yield Finding(f"{output}: messages", COMPLETENESS, not lacking, words)
    for state, name in (("unsure", "known_to_be_sent"), ("failed", "not_dead_letters")):
        rows = connection.execute(_TO_LOOK_AT, [state, list(channels), NAMED]).fetchall()
        words = f"none is {state}"
        if rows:
            examples = ", ".join(f"{message} ({why})" for _, message, why in rows)
            words = f"{rows[0][0]} {state}: {examples}; find out, then run send_alerts with resolve={rows[0][1]}=sent "
            words += "or =resend"
        yield Finding(f"{output}: messages", name, not rows, words, "warning")


def versions(connection: Any) -> dict[str, list[Any]]:
    """Of which version each table is, in a form for JSON."""
    with connection.cursor() as cursor:
        held = positions(cursor, SCHEMA, [table.name for table in TABLES])
    return {name: [one.version, one.commit_id] for name, one in sorted(held.items())}
