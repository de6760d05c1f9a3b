"""`writer: alerts`: alerts to customers and the fraud team, by an outbox in PostgreSQL that `send_alerts` empties."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, model_validator

from common.checks.findings import Finding
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import CUSTOMER, MERCHANT
from common.errors import DeclarationError, FeedError, OutputError
from common.publish.alerts.answers import Answers
from common.publish.alerts.channels import CHANNELS, AnyChannel
from common.publish.alerts.outbox import Outbox
from common.publish.alerts.quiet_hours import QuietHours
from common.publish.alerts.sender import Sender
from common.publish.alerts.templates import Templates
from common.publish.delivery import Delivery
from common.publish.output import Output
from common.settings import Settings, repository
from common.sources.connections import PostgresConnection, Text
from common.sources.declaration import Name
from common.sources.duration import Duration
from common.sources.feed import Tell, silent
from common.sources.pulling.postgres.connect import connect
from common.storage.lake import Lake

if TYPE_CHECKING:
    import psycopg


class AlertsOutput(Output):
    """Alerts, each once by every channel. `tell_for`: news that is older is none.

    `attempts` is how often a message is tried before it is a dead letter. `templates` is a folder beside the
    declaration whose texts replace the built-in ones.
    """

    connects_to: ClassVar[str | None] = "postgres"
    parts: ClassVar[Mapping[str, Mapping[str, type[BaseModel]]]] = {"channels": CHANNELS}

    writer: Literal["alerts"]
    channels: Annotated[dict[Name, AnyChannel], Field(min_length=1)]
    tell_for: Duration = timedelta(hours=24)
    attempts: Annotated[int, Field(ge=1, le=100)] = 8
    quiet_hours: QuietHours | None = None
    answers: Answers | None = None
    templates: Text | None = None

    @model_validator(mode="after")
    def _channels_can_tell(self) -> "AlertsOutput":
        kinds = {name: connection.kind for name, connection in self.connections.items()}
        for name, channel in self.channels.items():
            wanted = getattr(channel, "connection", None)
            if wanted is not None and kinds.get(wanted) != channel.connects_to:
                raise DeclarationError(
                    f"channels.{name}.connection: {wanted!r} must be one of `connections`, of the kind "
                    f"{channel.connects_to}"
                )
            if channel.audience == "customer" and self.answers is None:
                raise DeclarationError(
                    f"channels.{name}: customers are asked whether it was them: add `answers`, which says where they "
                    "answer"
                )
        if self.quiet_hours and self.quiet_hours.length >= self.tell_for:
            raise DeclarationError("tell_for: it must be longer than the quiet hours, else no message outlives them")
        self.words.check()
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that it reads."""
        return (TRANSACTION_SCORES.name, CUSTOMER.history.name, MERCHANT.history.name)

    def deliver(self, lake: Lake, tell: Tell) -> list[Delivery]:
        """Later."""
        raise NotImplementedError

    def findings(self, lake: Lake) -> list[Finding]:
        """Later."""
        raise NotImplementedError

    def state(self, settings: Settings) -> object:
        """Later."""
        raise NotImplementedError

    @property
    def words(self) -> Templates:
        """The templates."""
        return Templates(repository() / "outputs" / self.templates if self.templates else None)

    def sender(self, connection: Any, settings: Settings, tell: Tell = silent) -> Sender:
        """What sends its messages, by a connection to its database."""
        return Sender(
            self.channels,
            self.connections,
            settings,
            Outbox(connection, self.attempts),
            tell,
            self.tell_for,
            self.words,
            self.answers,
            self.quiet_hours,
        )

    @contextmanager
    def connected(self, settings: Settings, tell: Tell = silent) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
        """A connection to its database, in autocommit.

        Raises:
            OutputError: the server isn't there or refuses.
        """
        assert self.connection
        given = self.connections[self.connection]
        assert isinstance(given, PostgresConnection)
        try:
            connection = connect(given, settings, tell=tell)
        except FeedError as error:
            raise OutputError(str(error)) from None
        with connection:
            yield connection
