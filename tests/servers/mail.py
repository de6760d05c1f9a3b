"""A mail server on this machine: keeps what it takes, and refuses whom and when it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

from local.engine.startup import free_port


@dataclass
class MailServer:
    """Takes mail at `port`. `at_address` and `at_mail` give an answer other than yes for an address, or None.

    An answer of `at_mail` that is empty: the mail is kept, and the connection is cut without a word.
    """

    at_address: Callable[[str], str | None] = lambda _: None
    at_mail: Callable[[str], str | None] = lambda _: None
    mails: list[Message] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> "MailServer":
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **self.options)
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def connection(self) -> dict[str, Any]:
        """The server as an entry of an output's `connections`."""
        return {"kind": "smtp", "host": "127.0.0.1", "port": self.port, "security": "none"}

    def to(self) -> list[str]:
        """The addresses of the mails that were taken, each as often as it got one."""
        return sorted(str(mail["To"]) for mail in self.mails)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        answer = self.at_address(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.at_mail(envelope.rcpt_tos[0])
        if not answer:
            self.mails.append(message_from_bytes(envelope.content, policy=default))
        if answer == "":
            server.transport.abort()
        return answer or "250 OK"
