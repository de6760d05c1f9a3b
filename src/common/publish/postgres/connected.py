"""An output whose target is a PostgreSQL database: how it connects, and how messages call it."""

from abc import ABC
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, cast

from common.errors import FeedError, OutputError
from common.publish.output import Output
from common.settings import Settings
from common.sources.connections import PostgresConnection
from common.sources.feed import Tell, silent
from common.sources.pulling.postgres.connect import ATTEMPTS, connect, name_of

if TYPE_CHECKING:
    from common.publish.postgres.delivering import Opened


class PostgresOutput(Output, ABC):
    """What the writers to PostgreSQL have in common."""

    connects_to: ClassVar[str | None] = "postgres"

    @property
    def server(self) -> PostgresConnection:
        """The database that `connection` names."""
        return cast("PostgresConnection", self.connections[self.connection or ""])

    def where(self, settings: Settings) -> str:
        """The database in words."""
        return name_of(self.server, settings)

    @contextmanager
    def connected(self, settings: Settings, tell: Tell = silent, attempts: int = ATTEMPTS) -> Iterator["Opened"]:
        """A connection, in autocommit, for the block.

        Raises:
            OutputError: the server isn't there or refuses.
            SecretError: there is no secret of a name that the connection gives.
        """
        try:
            opened = connect(self.server, settings, attempts=attempts, tell=tell)
        except FeedError as error:
            raise OutputError(str(error)) from None
        with opened:
            yield opened
