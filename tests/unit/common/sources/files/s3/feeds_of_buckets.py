"""Sources with a feed of JSON lines in a bucket."""

from typing import Any

from common.sources.declaration import Source
from servers.aws import KEYS, REGION, AwsServer

SECRETS = {
    "LAKEHOUSE_SECRET_S3_ACCESS": KEYS["AWS_ACCESS_KEY_ID"],
    "LAKEHOUSE_SECRET_S3_SECRET": KEYS["AWS_SECRET_ACCESS_KEY"],
}


def source_of(path: str, aws: AwsServer | None = None, **options: Any) -> Source:
    """A source whose feed reads a path, by a connection where a server is given."""
    store = {
        "kind": "aws",
        "region": REGION,
        "endpoint": aws.endpoint if aws else "",
        "access_key": {"secret": "s3_access"},  # pragma: allowlist secret
        "secret_key": {"secret": "s3_secret"},  # pragma: allowlist secret
    }
    into = {"transactions": {"map": {"transaction_id": "id", "event_time": "ts", "amount": "amount"}}}
    feed = {"reader": "files", "format": "json_lines", "path": path, "into": into} | options
    return Source.model_validate(
        {
            "name": "acme",
            "description": "Card payments in a bucket.",
            "connections": {"store": store} if aws else {},
            "feeds": {"payments": feed | ({"connection": "store"} if aws else {})},
        }
    )


def line(id_: str) -> bytes:
    return f'{{"id":"{id_}","ts":"2025-03-01T10:00:00Z","amount":12.50}}\n'.encode()
