"""Makes, moves and drops a replication slot."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any, NamedTuple, TypeVar

from common.errors import FeedError, first_line
from common.sources.clients import client
from common.sources.pulling.postgres.cdc.declared import quoted
from common.sources.pulling.postgres.cdc.lsn import lsn_of, lsn_text

BUSY_SECONDS = 20
"""How long a slot that another process reads is waited for: the server notices late that a killed one has gone."""
MAKING_SECONDS = 600
"""How long transactions are waited for that were open when the slot was to be made."""

T = TypeVar("T")


class Made(NamedTuple):
    """A slot that was made: the LSN that it begins at, and the name of the snapshot of just then."""

    lsn: int
    snapshot: str


def make(replication: Any, slot: str) -> Made:
    """Makes a slot.

    Its snapshot is there until the connection, which is one of the replication protocol, does something else.

    Raises:
        FeedError: the server refuses, or transactions stay open for too long.
    """
    errors = client("psycopg.errors", "postgres")
    watch = Timer(MAKING_SECONDS, replication.cancel)
    watch.daemon = True
    watch.start()
    try:
        found = replication.execute(
            f"CREATE_REPLICATION_SLOT {quoted(slot)} LOGICAL pgoutput EXPORT_SNAPSHOT"
        ).fetchone()
    except errors.QueryCanceled:
        raise FeedError(
            f"the slot {slot} can't be made while transactions that were open before are: end them (SELECT pid, "
            "xact_start, query FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY 2), then run again"
        ) from None
    except errors.ConfigurationLimitExceeded as error:
        raise FeedError(
            f"the slot {slot} can't be made: {first_line(error)}; drop one that nobody uses (SELECT slot_name, active "
            "FROM pg_replication_slots), or set max_replication_slots higher and restart the server"
        ) from None
    finally:
        watch.cancel()
    return Made(lsn_of(found[1]), str(found[2]))


def drop(connection: Any, slot: str) -> None:
    """Drops a slot, if it is there."""
    statement = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s"
    unless_busy(slot, lambda: connection.execute(statement, (slot,)))


def advance(connection: Any, slot: str, lsn: int) -> None:
    """Tells the server that it may forget what is before an LSN. A slot that is there already stays."""
    statement = (
        "SELECT pg_replication_slot_advance(slot_name, %s::pg_lsn) FROM pg_replication_slots "
        "WHERE slot_name = %s AND confirmed_flush_lsn < %s::pg_lsn"
    )
    to = lsn_text(lsn)
    unless_busy(slot, lambda: connection.execute(statement, (to, slot, to)))


def unless_busy(slot: str, action: Callable[[], T]) -> T:
    """What the action gives, tried again for a while where another process has the slot.

    Raises:
        FeedError: it has it for longer.
    """
    in_use = client("psycopg.errors", "postgres").ObjectInUse
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return action()
        except in_use as error:
            if time.monotonic() > end:
                raise FeedError(
                    f"another process reads the slot {slot} ({first_line(error)}); end it, or wait for its end"
                ) from None
            time.sleep(0.2)


@contextmanager
def in_words(name: str, slot: str) -> Iterator[None]:
    """Says what the server's errors mean.

    Raises:
        FeedError: in place of any error of the client library.
    """
    psycopg = client("psycopg", "postgres")
    try:
        yield
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise FeedError(f"{name}: the slot {slot} can't be read: {first_line(error)}") from error
    except psycopg.OperationalError as error:
        raise FeedError(
            f"{name} broke off ({first_line(error)}); what was pulled stays, and the next run goes on after it"
        ) from error
    except psycopg.Error as error:
        raise FeedError(f"{name} refuses: {first_line(error)}") from error
