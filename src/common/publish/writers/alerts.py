"""`writer: alerts`: alerts to customers and the fraud team, by an outbox in PostgreSQL that `send_alerts` empties."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, model_validator

from common.checks.findings import OUTPUT_WAS_REACHED, Finding
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import CUSTOMER, MERCHANT
from common.errors import DeclarationError, LakehouseError
from common.publish.alerts.answers import Answers
from common.publish.alerts.channels import CHANNELS, AnyChannel
from common.publish.alerts.checking import found, state_of
from common.publish.alerts.delivery import TABLES, AlertDelivery, take_answers
from common.publish.alerts.outbox import Outbox
from common.publish.alerts.quiet_hours import QuietHours
from common.publish.alerts.sender import Sender
from common.publish.alerts.tables import SCHEMA
from common.publish.alerts.templates import Templates
from common.publish.delivery import Delivery
from common.publish.postgres.access import Place
from common.publish.postgres.connected import PostgresOutput
from common.publish.postgres.failures import in_words
from common.settings import Settings, repository
from common.sources.connections import Text
from common.sources.declaration import Name
from common.sources.duration import Duration
from common.sources.feed import Tell, silent
from common.storage.lake import Lake


class AlertsOutput(PostgresOutput):
    """Alerts, each once by every channel. `tell_for`: news that is older is none.

    `attempts` is how often a message is tried before it is a dead letter; the default outlasts that of `tell_for`, as
    pauses grow to an hour. `templates` is a folder beside the
    declaration whose texts replace the built-in ones. `owner` is the role that owns the schema `alerts`.
    """

    parts: ClassVar[Mapping[str, Mapping[str, type[BaseModel]]]] = {"channels": CHANNELS}

    writer: Literal["alerts"]
    channels: Annotated[dict[Name, AnyChannel], Field(min_length=1)]
    tell_for: Duration = timedelta(hours=48)
    attempts: Annotated[int, Field(ge=1, le=100)] = 80
    quiet_hours: QuietHours | None = None
    answers: Answers | None = None
    templates: Text | None = None
    owner: Name = "alerts_owner"

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
        held = timedelta(hours=24) + (self.quiet_hours.length if self.quiet_hours else timedelta(0))
        if self.tell_for <= held and any(channel.audience == "customer" for channel in self.channels.values()):
            raise DeclarationError(
                "tell_for: it must be longer than the 24 hours of per_day and the quiet hours together, else what they "
                "hold is never sent; such as 48 hours"
            )
        self.words.check()
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that it reads."""
        return (TRANSACTION_SCORES.name, CUSTOMER.history.name, MERCHANT.history.name)

    def deliver(self, lake: Lake, tell: Tell) -> list[Delivery]:
        """Brings alerts, contacts and merchants to PostgreSQL, fills the outbox, and takes customers' answers."""
        with self.connected(lake.settings, tell) as connection:
            where, channels = self.where(lake.settings), [*self.channels]
            done = AlertDelivery(lake, connection, where, self.place, channels, self.tell_for).run()
        return [*done, take_answers(lake, self.answers)] if self.answers else done

    def findings(self, lake: Lake) -> list[Finding]:
        """Whether each alert is there and has its messages; dead letters and what nobody knows are warnings."""
        try:
            with (
                self.connected(lake.settings, attempts=1) as connection,
                in_words(f"the outbox in {self.where(lake.settings)}"),
            ):
                return list(found(lake, connection, self.place, self.name, [*self.channels]))
        except LakehouseError as error:
            return [Finding(f"{self.name}: outbox", OUTPUT_WAS_REACHED, False, str(error), "warning")]

    def state(self, settings: Settings) -> object:
        """Of which versions the tables are, how many messages were sent, and which answers are there."""
        answers = self.answers.state(settings) if self.answers else []
        try:
            with self.connected(settings, attempts=1) as connection, in_words("the outbox"):
                return None if answers is None else [state_of(connection, self.place), answers]
        except LakehouseError:
            return None

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

    @property
    def place(self) -> Place:
        """Its schema, and who owns it."""
        return Place(SCHEMA, self.owner, ())

    def destination(self, item: str, settings: Settings) -> str:
        """Its database in words, as each of its deliveries says it."""
        return self.where(settings)

    @property
    def items(self) -> Collection[str]:
        """The names of its tables of alerts and whom they are told to."""
        return [table.name for table in TABLES]
