"""Amazon SNS: a text message to the customer's phone, or a topic of the team. At most once, as e-mail."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.publish.alerts.channels.channel import ANSWER_SECONDS, Channel, Down, Later, Mark, Never, Unsure
from common.publish.alerts.message import Audience, Letter, Message
from common.publish.alerts.templates import Templates
from common.settings import Settings
from common.sources.aws_api import api_of
from common.sources.clients import client
from common.sources.connections import AwsConnection, Connection
from common.sources.declaration import Name

_PASSING = ("Throttl", "Throttled", "ServiceUnavailable", "KMSThrottling")
_UNKNOWN = ("InternalError", "InternalFailure")
"""SNS failed while it had the message: it may have sent it."""
_FOR_GOOD = ("InvalidParameter", "ParameterValueInvalid", "OptedOut", "EndpointDisabled", "ValidationException")
_FIFO = ".fifo"


class SnsChannel(Channel):
    """Text messages to customers; with `topic`, an ARN, to all who have subscribed to it, such as the fraud team.

    A topic whose name ends in .fifo drops repeats of five minutes by the message's key as well.
    """

    connects_to: ClassVar[str | None] = "aws"

    by: Literal["sns"]
    connection: Name
    topic: Annotated[str, Field(pattern=r"^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$")] | None = None

    @property
    def audience(self) -> Audience:
        """Customers, or the team where there is a topic."""
        return "team" if self.topic else "customer"

    def letter(self, message: Message, templates: Templates, link: str) -> Letter | str:
        """A text."""
        words = message.words(link)
        if self.topic:
            return Letter(self.topic, templates.text("team.txt", words), "Fraud alert")
        number = _international(message.phone or "")
        if number is None:
            return "no phone number in international form"
        return Letter(number, templates.text("customer_short.txt", words))

    def send(
        self, message: Message, letter: Letter, connections: Mapping[str, Connection], settings: Settings, mark: Mark
    ) -> str:
        """Publishes the text; SNS's own id of it."""
        connection = connections[self.connection]
        assert isinstance(connection, AwsConnection)
        errors = client("botocore.exceptions", "aws")
        sns = api_of("sns", connection, settings, ANSWER_SECONDS, ANSWER_SECONDS)
        where = {"TopicArn": letter.to, "Subject": letter.subject} if self.topic else {"PhoneNumber": letter.to}
        if letter.to.endswith(_FIFO):
            where |= {"MessageGroupId": "alerts", "MessageDeduplicationId": message.key}
        mark()
        try:
            return str(sns.publish(Message=letter.text, **where)["MessageId"])
        except errors.ClientError as error:
            raise _refusal(str(error.response["Error"].get("Code", ""))) from None
        except (errors.EndpointConnectionError, errors.ConnectTimeoutError, errors.NoCredentialsError) as error:
            raise Down(f"SNS can't be reached: {type(error).__name__}") from None
        except errors.ParamValidationError:
            raise Never("SNS takes no such message: ParamValidation") from None
        except errors.BotoCoreError as error:
            raise Unsure(f"SNS hung up while it had the message: {type(error).__name__}") from None
        finally:
            sns.close()


def _refusal(code: str) -> Exception:
    """The server's words aren't kept: they often have the number in them."""
    if code.startswith(_PASSING):
        return Later(f"SNS takes no message now: {code}")
    if code.startswith(_UNKNOWN):
        return Unsure(f"SNS failed while it had the message: {code}")
    if code.startswith(_FOR_GOOD):
        return Never(f"SNS refuses the message: {code}")
    return Down(f"SNS refuses the sender or the topic: {code}")


def _international(number: str) -> str | None:
    """A number as E.164 writes it, or None where the country's code isn't given."""
    digits = re.sub(r"[\s()./-]", "", number)
    digits = f"+{digits[2:]}" if digits.startswith("00") else digits
    return digits if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits) else None
