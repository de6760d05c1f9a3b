"""The channels by which an alert is told, one module a kind."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field

from common.publish.alerts.channels.email import EmailChannel
from common.publish.alerts.channels.sns import SnsChannel
from common.publish.alerts.channels.webhook import WebhookChannel

AnyChannel = Annotated[EmailChannel | WebhookChannel | SnsChannel, Field(discriminator="by")]
CHANNELS: Mapping[str, type[BaseModel]] = {"email": EmailChannel, "webhook": WebhookChannel, "sns": SnsChannel}
"""The class of each kind of channel."""
