"""E-mail by SMTP: at most once, for nobody can ask a mail server what became of a message."""

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, parseaddr
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator

from common.errors import first_line
from common.publish.alerts.channels.channel import ANSWER_SECONDS, Channel, Down, Later, Mark, Never, Unsure
from common.publish.alerts.message import Audience, Letter, Message
from common.publish.alerts.templates import Templates
from common.settings import Settings
from common.sources.connections import Connection, SmtpConnection, pem_of, value_of
from common.sources.declaration import Name


def _address(text: str) -> str:
    name, at, domain = parseaddr(text)[1].rpartition("@")
    if not (name and at and domain and text.isprintable()):
        raise ValueError("an address is written as NAME@DOMAIN, or as: Words <NAME@DOMAIN>")
    return text


def _is_writable(email: str) -> bool:
    """Whether an address means one mailbox, and nothing else, to all that reads it on its way."""
    name, at, domain = email.rpartition("@")
    plain = not any(sign in email for sign in ' "\\(),:;<>[]') and email.isprintable()
    return plain and bool(name and at and domain) and "@" not in name and parseaddr(email)[1] == email


class EmailChannel(Channel):
    """Mail to customers, from `sender`."""

    connects_to: ClassVar[str | None] = "smtp"

    by: Literal["email"]
    connection: Name
    sender: Annotated[str, AfterValidator(_address)]

    @property
    def audience(self) -> Audience:
        """Customers alone."""
        return "customer"

    def letter(self, message: Message, templates: Templates, link: str) -> Letter | str:
        """A mail in text and HTML."""
        if not message.email:
            return "no e-mail address"
        if not _is_writable(message.email):
            return "no e-mail address that can be written to"
        words = message.words(link)
        return Letter(
            message.email,
            templates.text("customer.txt", words),
            " ".join(templates.text("customer_subject.txt", words).split()),
            templates.html("customer.html", words),
        )

    def send(
        self, message: Message, letter: Letter, connections: Mapping[str, Connection], settings: Settings, mark: Mark
    ) -> str:
        """Hands the mail over; its Message-ID is what both sides know it by."""
        connection = connections[self.connection]
        assert isinstance(connection, SmtpConnection)
        server = _opened(connection, settings)
        try:
            envelope = self._envelope(message, letter, server)
            _hand_over(server, envelope, mark)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()
        return envelope.message_id

    def _envelope(self, message: Message, letter: Letter, server: smtplib.SMTP) -> "_Envelope":
        plain = letter.to.isascii() and self.sender.isascii()
        if not plain and not server.has_extn("smtputf8"):
            raise Never("the address has letters that this mail server can't take")
        sender = parseaddr(self.sender)[1]
        mail = EmailMessage(SMTP if plain else SMTPUTF8)
        mail["From"], mail["To"], mail["Subject"] = self.sender, letter.to, letter.subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = f"<{message.key}@{sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text)
        mail.add_alternative(letter.html, subtype="html")
        options = () if plain else ("SMTPUTF8", "BODY=8BITMIME")
        return _Envelope(sender, letter.to, options, mail.as_bytes(), str(mail["Message-ID"]))


class _Envelope(NamedTuple):
    sender: str
    to: str
    options: tuple[str, ...]
    content: bytes
    message_id: str


def _opened(connection: SmtpConnection, settings: Settings) -> smtplib.SMTP:
    """A session with the server, logged in where a user is declared."""
    host = value_of(connection.host, settings)
    where = f"the mail server {host}:{connection.port}"
    context = ssl.create_default_context(cadata=pem_of(connection.ca, settings) if connection.ca else None)
    try:
        if connection.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, connection.port, timeout=ANSWER_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, connection.port, timeout=ANSWER_SECONDS)
    except (smtplib.SMTPException, OSError) as error:
        raise Down(f"{where} doesn't answer: {first_line(error)}") from None
    try:
        server.ehlo_or_helo_if_needed()
        if connection.security == "starttls":
            server.starttls(context=context)
        if connection.user is not None and connection.password is not None:
            server.login(value_of(connection.user, settings), connection.password.value(settings))
        server.ehlo_or_helo_if_needed()
    except smtplib.SMTPAuthenticationError as error:
        server.close()
        raise Down(f"{where} refuses the login: {error.smtp_code}") from None
    except (smtplib.SMTPException, OSError) as error:
        server.close()
        raise Down(f"{where} doesn't begin: {first_line(error)}") from None
    except BaseException:
        server.close()
        raise
    return server


def _hand_over(server: smtplib.SMTP, envelope: _Envelope, mark: Mark) -> None:
    try:
        code, _ = server.mail(envelope.sender, envelope.options)
        if code >= 500:
            raise Down(f"the mail server refuses the sender {envelope.sender}: {code}")
        if code >= 400:
            raise Later(f"the mail server takes no mail now: {code}")
        _judge(server.rcpt(envelope.to)[0], "the address")
    except (smtplib.SMTPException, OSError) as error:
        raise Later(f"the mail server hung up before the mail: {first_line(error)}") from None
    mark()
    try:
        code, _ = server.data(envelope.content)
    except smtplib.SMTPDataError as error:  # the command itself is refused: nothing was sent
        code = error.smtp_code
    except (smtplib.SMTPException, OSError) as error:
        raise Unsure(f"the mail server hung up while it had the mail: {first_line(error)}") from None
    _judge(code, "the mail")


def _judge(code: int, what: str) -> None:
    """The server's words aren't kept: they often have the address in them."""
    if code >= 500:
        raise Never(f"the mail server refuses {what} for good: {code}")
    if code >= 400:
        raise Later(f"the mail server refuses {what} for now: {code}")
