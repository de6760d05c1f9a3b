"""What goes wrong with Kafka, in one sentence each: of librdkafka's errors, and of the Java client's within Spark."""

import re

from common.errors import FeedError

_LOST = re.compile(r"offset was changed from (\d+) to (\d+)")
_CAUSES = (
    ("login", r"SaslAuthentication|_AUTHENTICATION\b|Authentication failed|SASL authentication error"),
    ("certificate", r"SSLHandshake|SslAuthentication|\b_SSL\b|certificate verify failed|SSL handshake failed"),
    ("right", r"(Topic|Group|Cluster)AuthorizationException|AUTHORIZATION_FAILED"),
    ("topic", r"UnknownTopic|UNKNOWN_TOPIC|UNKNOWN_PARTITION"),
    ("lost", r"offset was changed from|may have been lost|data may be lost|OffsetOutOfRange|OFFSET_OUT_OF_RANGE"),
    ("jars", r"Failed to find data source: kafka"),
    (
        "broker",
        r"node assignment|_ALL_BROKERS_DOWN|_TRANSPORT\b|_RESOLVE\b|No resolvable bootstrap|DisconnectException",
    ),
    ("broker", r"_TIMED_OUT|kafka[\w.]*\.errors\.TimeoutException"),
)


def cause_of(text: str) -> str | None:
    """Which of the known causes a client's words name; None for any other."""
    return next((cause for cause, pattern in _CAUSES if re.search(pattern, text)), None)


def failure(text: str, topic: str, servers: str, user: str, reset: str) -> FeedError | None:
    """The words of a client as an error for a person; None where the cause is not known.

    `reset` says how the feed's stream is made to read again.
    """
    who = f"the user {user}" if user else "the lakehouse, which connects without a login,"
    sentences = {
        "login": f"{servers} refuses the login of {who}: correct `user`, `password` or `mechanism` of the connection",
        "certificate": f"{servers} and the lakehouse don't agree on TLS: give the PEM text of the authority that "
        "signed the brokers' certificates as `ca` of the connection, and the names that they are made out to in "
        "`servers`",
        "right": f"{who} may not read the topic {topic} of {servers}: have its rights to describe and to read it "
        "granted",
        "topic": f"{servers} has no topic {topic}: create it, or correct `topic`",
        "lost": f"records of the topic {topic} are gone before they were read{_numbers(text)}: nothing brings them "
        f"back. To go on with what is there: {reset}",
        "jars": "Spark runs without its source for Kafka: its jars are loaded when it starts; where LAKEHOUSE_JARS is "
        "set, that folder must hold them",
        "broker": f"no broker answers at {servers}: start it, or correct `servers` and `security` of the connection",
    }
    cause = cause_of(text)
    return FeedError(sentences[cause]) if cause else None


def _numbers(text: str) -> str:
    found = _LOST.search(text)
    if not found:
        return ""
    read, first = int(found[1]), int(found[2])
    kind = (
        f"{first - read:,} of a partition, offsets {read:,} to {first - 1:,}" if first > read else "its end went back"
    )
    return f" ({kind})"
