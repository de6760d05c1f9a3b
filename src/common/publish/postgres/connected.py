"""An output whose target is a PostgreSQL database: how it connects, and how messages call it."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, cast

from common.errors import FeedError, OutputError
from common.publish.delivery import Delivery
from common.publish.output import Output
from common.publish.postgres import access, positions
from common.publish.postgres.access import Place
from common.publish.postgres.failures import in_words
from common.settings import Settings
from common.sources.connections import PostgresConnection, value_of
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

    @property
    @abstractmethod
    def place(self) -> Place:
        """The schema, and who has to do with it."""

    @property
    @abstractmethod
    def items(self) -> Collection[str]:
        """The names of its tables there."""

    def delivered_since(self, settings: Settings, since: datetime) -> list[Delivery]:
        """What came to its tables at that time or later, as `delivered_versions` tells."""
        with (
            self.connected(settings, attempts=1) as connection,
            in_words(self.where(settings)),
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            if not access.has_owner(cursor, self.place):
                return []
            access.act_as_owner(cursor, self.place)
            brought = positions.delivered_since(cursor, self.place.schema, self.items, since)
        return [replace(one, destination=self.destination(one.item, settings)) for one in brought]

    def destination(self, item: str, settings: Settings) -> str:
        """Where a table is, without secrets."""
        server = self.server
        database = f"{value_of(server.host, settings)}:{server.port}/{value_of(server.database, settings)}"
        return f"{database}/{self.place.schema}.{item}"

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
