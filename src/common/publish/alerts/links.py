"""The link by which a customer answers: it names the alert and when it ends, signed, so that it needs no login.

The receiver of answers (`apps/events_api`) reads the same links. Only Python's own library is used here.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime

_SIGNATURE_BYTES = 16


class WrongLink(Exception):
    """A link that was not made here, was changed (404), or has ended (410): `status` is HTTP's word for it."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


def token_of(alert: str, ends_at: datetime, key: str) -> str:
    """The part of a link that names an alert until a moment, signed by the key."""
    content = f"{int(ends_at.timestamp())}.{alert}".encode()
    return base64.urlsafe_b64encode(_signature(content, key) + content).rstrip(b"=").decode()


def alert_of(token: str, key: str, now: datetime) -> str:
    """The alert that a link names.

    Raises:
        WrongLink: it was not signed by this key, or it has ended.
    """
    try:
        whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise WrongLink("this link isn't whole", 404) from None
    signature, content = whole[:_SIGNATURE_BYTES], whole[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(content, key)):
        raise WrongLink("this link isn't whole", 404)
    ends_at, _, alert = content.decode().partition(".")
    if now.astimezone(UTC) >= datetime.fromtimestamp(int(ends_at), UTC):
        raise WrongLink("this link has ended", 410)
    return alert


def _signature(content: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), content, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
