"""What PostgreSQL refuses, in words: what is wrong there, that nothing was lost, and the way out."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import OutputError, first_line
from common.sources.clients import client

_WAYS_OUT = {
    "42501": "its user lacks a right there: have a superuser give it; docs/outputs.md has the statements",
    "53100": "its disk is full: make room there, then run this again",
    "53200": "its server is out of memory: run this again when it has less to do",
    "53300": "it has no connection left: run this again, or raise max_connections",
    "25006": "it is read-only, as a standby is: name the primary as `host`",
    "55P03": "another delivery, or a statement by hand, holds a lock on the table: run this again when it has ended",
    "57014": "the statement was cancelled there, by hand or by statement_timeout: raise that for this user",
    "21000": "its key isn't unique among the rows of the lakehouse: run check_quality, which names them",
    "23505": "its key isn't unique among the rows of the lakehouse: run check_quality, which names them",
    "42P01": "a table was dropped by hand meanwhile: run this again, which makes it anew with all rows",
    "42P10": "its key was dropped by hand meanwhile: run this again, which makes it anew",
}
_CLASSES = {
    "08": "the connection was lost: run this again when it is there",
    "57": "the server was stopped meanwhile: run this again when it is there",
    "23": "a constraint that was added there by hand refuses a row: drop it there, or the row from the lakehouse",
    "42": "the table was changed by hand: change it back, or drop it there, and the next delivery makes it anew",
    "2B": "something that was made there by hand depends on it: drop that first",
    "P0": "a trigger that was made there by hand refuses: drop it, or mend it",
}


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Errors of PostgreSQL within the block become an OutputError; `what` names the table, and where it is."""
    psycopg = client("psycopg", "postgres")
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ("08" if isinstance(error, psycopg.OperationalError) else "")
        way_out = _WAYS_OUT.get(state) or _CLASSES.get(state[:2], "mend what it says, then run this again")
        raise OutputError(f"{what}: {way_out} ({first_line(error)}). What was there is there as it was") from error
