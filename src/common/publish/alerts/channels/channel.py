"""A channel: what every way of telling an alert is to the sender, and the four ways in which a message isn't sent."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from common.publish.alerts.message import Audience, Letter, Message
from common.publish.alerts.templates import Templates
from common.settings import Settings
from common.sources.connections import Connection
from common.sources.target_map import Strict

Mark = Callable[[], None]
"""Called by a channel whose receiver can't tell a repeat, at the last moment at which nothing has been sent."""

ANSWER_SECONDS = 20.0
"""How long a server may take to answer. All that a channel asks takes much less than the lease of a claim."""


class Later(Exception):
    """The receiver refuses the message for now; `after` is the time that it asks for, which holds for the channel.

    No time at all: the channel is left for this run, and no longer.
    """

    def __init__(self, words: str, after: timedelta | None = None) -> None:
        super().__init__(words)
        self.after = after


class Never(Exception):
    """The receiver refuses the message for good."""


class Down(Exception):
    """The channel as a whole doesn't work: its server is away, or refuses who sends. No message is to blame."""


class Unsure(Exception):
    """Nobody knows whether the receiver has taken the message."""


class Channel(Strict, ABC):
    """A way of telling an alert; a subclass a kind. `per_day` is the most messages to a customer in 24 hours.

    `resends_safely`: the receiver drops a message whose key it has seen. Else a message is sent at most once.
    """

    resends_safely: ClassVar[bool] = False
    connects_to: ClassVar[str | None] = None

    per_day: Annotated[int, Field(ge=1)] = 3

    @property
    @abstractmethod
    def audience(self) -> Audience:
        """To whom it tells. Quiet hours and limits are the customers'."""

    @abstractmethod
    def letter(self, message: Message, templates: Templates, link: str) -> Letter | str:
        """The message in words and its address; where it has none, why not."""

    @abstractmethod
    def send(
        self, message: Message, letter: Letter, connections: Mapping[str, Connection], settings: Settings, mark: Mark
    ) -> str:
        """Sends a letter; what the receiver says of it, without anything personal.

        Raises:
            Later, Never, Down, Unsure: it isn't sent, or nobody knows.
            SecretError: there is no secret of a name that is declared.
        """
