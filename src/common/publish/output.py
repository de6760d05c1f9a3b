"""An output: what every writer is to the engine that delivers.

The engine knows no writer by name. It asks which outputs are due, has them deliver, and notes what came of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import BaseModel, Field, model_validator

from common.checks.findings import Finding
from common.errors import DeclarationError
from common.publish.delivery import Delivery
from common.settings import Settings
from common.sources.connections import Connection, Text
from common.sources.declaration import Name
from common.sources.duration import Duration
from common.sources.feed import Tell
from common.sources.target_map import Strict
from common.storage.lake import Lake


class Output(Strict, ABC):
    """What leaves the lakehouse, to where, and how often; a subclass a writer.

    `every` is the least time between two deliveries; where it is left out, each run delivers. `connects_to` is the kind
    of the connection that the writer needs; None: it needs none, or chooses among several itself. `parts` are options
    whose values are of several classes, by the names that choose one of them.
    """

    connects_to: ClassVar[str | None] = None
    parts: ClassVar[Mapping[str, Mapping[str, type[BaseModel]]]] = {}

    name: Name
    description: Text
    writer: Text
    every: Duration | None = None
    connections: Annotated[dict[Name, Connection], Field(default_factory=dict)]
    connection: Name | None = None

    @model_validator(mode="after")
    def _has_its_connection(self) -> "Output":
        kinds = {name: connection.kind for name, connection in self.connections.items()}
        if self.connection is None:
            if self.connects_to is not None:
                raise DeclarationError(
                    f"connection: `writer: {self.writer}` connects to a server: name one of the kind "
                    f"{self.connects_to} that `connections` declares"
                )
        elif self.connection not in kinds:
            raise DeclarationError(
                f"connection: there is no {self.connection!r} among `connections`; there are: "
                f"{', '.join(kinds) or 'none'}"
            )
        elif self.connects_to not in (None, kinds[self.connection]):
            raise DeclarationError(
                f"connection: {self.connection!r} is of the kind {kinds[self.connection]}; `writer: {self.writer}` "
                f"connects to one of the kind {self.connects_to}"
            )
        return self

    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """The tables and views that it reads, such as gold.merchant_risk."""

    @abstractmethod
    def deliver(self, lake: Lake, tell: Tell) -> list[Delivery]:
        """Brings each of its items up to date. One that fails is told by its delivery, and the others go on.

        `tell` is told how long work gets on.

        Raises:
            LakehouseError: none can be delivered.
        """

    @abstractmethod
    def delivered_since(self, settings: Settings, since: datetime) -> list[Delivery]:
        """What came to the target at that time or later, as the target tells, with the mode `FOUND`.

        The engine asks after a run that was killed, which could not note what it had brought.

        Raises:
            LakehouseError: the target can't be asked.
        """

    @abstractmethod
    def findings(self, lake: Lake) -> list[Finding]:
        """Whether what is there is what the lakehouse has, for each item. One that can't be asked is a warning."""

    @abstractmethod
    def state(self, settings: Settings) -> object:
        """What is there now, in a form for JSON: cheap, and without Spark. None where it can't be known."""
