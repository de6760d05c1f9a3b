"""A connection to PostgreSQL, whose values are written the same way whatever the server's settings are."""

import time
from contextlib import ExitStack
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, cast

from common.errors import FeedError, first_line
from common.settings import Settings
from common.sources.clients import client
from common.sources.connections import PostgresConnection, pem_of, value_of
from common.sources.feed import Tell, silent

if TYPE_CHECKING:
    import psycopg

    Opened = psycopg.Connection[tuple[Any, ...]]

ATTEMPTS = 5
"""Logins that are tried before it is an error, with pauses of 0.5, 1, 2 and 4 seconds between them."""
LOGIN_SECONDS = 10

_SPELLING = (
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; "
    "SET extra_float_digits = 1; SET bytea_output = 'hex'"
)
_LASTING = (
    ("password authentication failed", "its password is wrong, or it may not log in so"),
    ("no password supplied", "it has no password here: set `password: {secret: NAME}`"),
    ("no pg_hba.conf entry", "the server lets it in from here by no line of pg_hba.conf"),
    ("pg_hba.conf rejects connection", "a line of pg_hba.conf keeps it out, as one may that asks for TLS"),
    ("is not permitted to log in", "it may not log in: ALTER ROLE ... LOGIN"),
    ("does not exist", "there is no such database or user"),
    ("certificate verify failed", "its certificate is of an authority that isn't trusted: set `ca`, or a secret of it"),
    ("does not match host name", "its certificate is made out to another name: correct `host`"),
    ("server does not support SSL", "it has no TLS: `tls: disable` where the network is trusted"),
)


def name_of(connection: PostgresConnection, settings: Settings) -> str:
    """The database and its server in words, for messages."""
    host = value_of(connection.host, settings)
    return f"the database {value_of(connection.database, settings)} at {host}:{connection.port}"


def connect(
    connection: PostgresConnection,
    settings: Settings,
    *,
    attempts: int = ATTEMPTS,
    replication: bool = False,
    tell: Tell = silent,
) -> "psycopg.Connection[tuple[Any, ...]]":
    """A connection, in autocommit: its transactions are begun explicitly. `tell` is told of what is tried again.

    `replication`: it takes the commands of the replication protocol too, and statements without parameters alone.

    Raises:
        FeedError: the server isn't there or refuses; a refusal that lasts is not tried again.
        SecretError: there is no secret of a name that the connection gives.
    """
    psycopg = client("psycopg", "postgres")
    name = name_of(connection, settings)
    with ExitStack() as files:
        options = _options(connection, settings, files) | ({"replication": "database"} if replication else {})
        for attempt in range(attempts):
            try:
                opened = psycopg.connect(autocommit=True, **options)
                opened.execute(_SPELLING)
                return cast("Opened", opened)
            except psycopg.OperationalError as error:
                words = " ".join(str(error).split())
                if lasting := next((why for part, why in _LASTING if part in words), None):
                    user = value_of(connection.user, settings)
                    raise FeedError(f"{name} refuses the user {user}: {lasting} ({words})") from None
                if attempt + 1 == attempts:
                    raise FeedError(
                        f"{name} doesn't answer, tried {attempts} times; start it or mend the network, then run again "
                        f"({first_line(error)})"
                    ) from None
                pause = 0.5 * 2**attempt
                words = f"{name} doesn't answer: {first_line(error)}"
                tell(f"{words}; attempt {attempt + 2} of {attempts} follows in {pause} s")
                time.sleep(pause)
    raise AssertionError("attempts must be at least 1")


def _options(connection: PostgresConnection, settings: Settings, files: ExitStack) -> dict[str, Any]:
    options: dict[str, Any] = {
        "host": value_of(connection.host, settings),
        "port": connection.port,
        "dbname": value_of(connection.database, settings),
        "user": value_of(connection.user, settings),
        "sslmode": connection.tls,
        "connect_timeout": LOGIN_SECONDS,
        "client_encoding": "UTF8",
        "application_name": "lakehouse",
        "keepalives_idle": 30,
        "tcp_user_timeout": 60_000,
    }
    if connection.password:
        options["password"] = connection.password.value(settings)
    if connection.ca:
        file = files.enter_context(NamedTemporaryFile("w", suffix=".pem"))  # noqa: SIM115
        file.write(pem_of(connection.ca, settings))
        file.flush()
        options["sslrootcert"] = file.name
    elif connection.tls.startswith("verify"):
        options["sslrootcert"] = "system"  # verify-full only: libpq takes no weaker check with it
        options["sslmode"] = "verify-full"
    return options
