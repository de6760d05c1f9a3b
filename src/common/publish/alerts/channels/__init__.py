"""The channels by which an alert is told, one module a kind."""

from typing import Annotated

from pydantic import Field

from common.publish.alerts.channels.email import EmailChannel
from common.publish.alerts.channels.sns import SnsChannel
from common.publish.alerts.channels.webhook import WebhookChannel

AnyChannel = Annotated[EmailChannel | WebhookChannel | SnsChannel, Field(discriminator="by")]
