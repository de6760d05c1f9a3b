"""Alerts, customers' contacts and merchants' names delivered to PostgreSQL, and the outbox filled from them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pyspark.errors import PySparkException

from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.contracts.silver import CUSTOMER, MERCHANT
from common.errors import LakehouseError, OutputError, first_line
from common.publish.alerts.answers import Answers
from common.publish.alerts.filling import fill
from common.publish.alerts.tables import SCHEMA, ensure_outbox
from common.publish.delivery import READ, Delivery, failed
from common.publish.postgres import access
from common.publish.postgres.access import Place
from common.publish.postgres.delivering import deliver
from common.publish.postgres.delta import DeltaSource
from common.publish.postgres.failures import in_words
from common.publish.postgres.served import ServedTable, served_table
from common.silver.alert_answers import record_answers
from common.storage.lake import Lake

ALERTS = served_table(
    "alerts",
    TRANSACTION_SCORES,
    where=IS_ALERT,
    columns=(
        "transaction_id", "event_date", "event_time", "scored_at", "customer_id", "account_id", "merchant_id",
        "amount_eur", "score", "reasons", "model_version",
    ),
    indexes=(("customer_id",),),
)  # fmt: skip
CONTACTS = served_table(
    "contacts", CUSTOMER.history, columns=("customer_id", "first_name", "email", "phone", "country")
)
MERCHANTS = served_table("merchants", MERCHANT.history, columns=("merchant_id", "name"))
TABLES = (CONTACTS, MERCHANTS, ALERTS)
"""In the order of delivery: whom an alert is told to is there before the alert is."""


@dataclass(frozen=True)
class AlertDelivery:
    """Brings alerts of a lake to a place in a database that is called `where` in messages."""

    lake: Lake
    connection: Any
    where: str
    place: Place
    channels: Sequence[str]
    tell_for: timedelta

    def run(self) -> list[Delivery]:
        """Brings the tables up to date, and the outbox with them: an alert's messages are there when the alert is.

        Raises:
            OutputError: the schema can't be prepared. A table that can't be delivered is told by its delivery.
        """
        self.lake.ensure(*(table.source for table in TABLES))
        with in_words(f"the schema {SCHEMA} in {self.where}"):
            with self.connection.cursor() as cursor:
                access.prepare(cursor, self.place)
            with self._as_owner() as cursor:
                ensure_outbox(cursor)
        done: list[Delivery] = []
        for table in TABLES:
            if table is ALERTS and any(one.failure for one in done if one.item == CONTACTS.name):
                late = OutputError("they wait for contacts: nobody is told by an old address")
                done.append(failed(ALERTS.name, late, self.where))
                break
            try:
                done += self._deliver(table)
            except (OutputError, PySparkException) as error:
                done.append(failed(table.name, error, self.where))
        if not done[-1].failure:
            with in_words(f"the outbox in {self.where}"), self._as_owner() as cursor:
                self._fill(cursor)  # again, for channels that are new while no alert is
                done += self._messages(cursor, done[-1].version)
        return done

    @contextmanager
    def _as_owner(self) -> Iterator[Any]:
        with self.connection.transaction(), self.connection.cursor() as cursor:
            access.act_as_owner(cursor, self.place)
            yield cursor

    def _fill(self, cursor: Any, *_: Any) -> None:
        fill(cursor, self.channels, self.tell_for)

    def _deliver(self, table: ServedTable) -> list[Delivery]:
        state = self.lake.state(table.source)
        assert state is not None  # it was made
        source, also = DeltaSource(self.lake, table.source, state), self._fill if table is ALERTS else None
        with in_words(f"{SCHEMA}.{table.name} in {self.where}"):
            done = deliver(self.connection, self.place, source, [table], also)
        return [replace(one, destination=self.where) for one in done]

    def _messages(self, cursor: Any, version: int | None) -> list[Delivery]:
        """What the senders have sent by each channel since the last delivery, and how its messages stand.

        `version` is that of the scores whose alerts the outbox has.
        """
        counts: dict[str, dict[str, int]] = {}
        for channel, state, count in cursor.execute(_COUNTS, [list(self.channels)]).fetchall():
            counts.setdefault(channel, {})[state] = count
        found = []
        for channel, states in counts.items():
            sent = states.get("sent", 0)
            noted = cursor.execute(_NOTE, [sent, channel]).fetchone()[0]
            newly = max(sent - noted, 0)
            all_so_far = ", ".join(f"{count} {state}" for state, count in states.items())
            found.append(
                Delivery(
                    f"messages by {channel}",
                    "sent",
                    ALERTS.source.name,
                    from_version=version,
                    version=version,
                    rows_written=newly,
                    rows_there=sum(states.values()),
                    destination=self.where,
                    note=f"{newly} sent since the delivery before; in the outbox: {all_so_far}",
                )
            )
        return found


_COUNTS = """
SELECT channel, state, count(*) FROM alerts.outbox WHERE channel = ANY(%s) GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""
_NOTE = """
UPDATE alerts.channels c SET noted = %s FROM alerts.channels was
WHERE c.channel = %s AND was.channel = c.channel RETURNING was.noted
"""


def take_answers(lake: Lake, answers: Answers) -> Delivery:
    """Customers' answers recorded as verdicts on the transactions that they speak of."""
    started, place = time.monotonic(), answers.place(lake.settings)
    try:
        given, wrong = answers.read(lake)
        added, useless = record_answers(lake, given)
    except (LakehouseError, PySparkException) as error:
        return failed("answers", OutputError(f"the answers in {place} can't be taken: {first_line(error)}"), place)
    notes = [
        f"{useless} are of transactions that aren't there, or of a time that can't be" if useless else "",
        f"{len(wrong)} can't be read, such as {wrong[0]}" if wrong else "",
    ]
    return Delivery(
        "answers",
        READ,
        rows_written=added,
        rows_there=len(given),
        destination=place,
        seconds=time.monotonic() - started,
        note="; ".join(filter(None, notes)),
    )
