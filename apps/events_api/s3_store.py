"""A bucket of S3, or of another service with its API, as a store."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from apps.events_api.store import StoreError

_IS_THERE = ("PreconditionFailed", "412")
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=5, read_timeout=10)
"""Seconds. A gateway waits 30 s for its answer; then the sender repeats."""


class S3Store:
    """Objects of one bucket. Credentials and region are those of the usual chain.

    `endpoint` is another service's address; such a service must know conditional writes (`If-None-Match: *`).
    """

    def __init__(self, bucket: str, endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._s3: Any = boto3.client("s3", endpoint_url=endpoint, config=_CONFIG)

    def put(self, key: str, content: bytes) -> bool:
        """Writes an object on condition that there is none of its name."""
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _IS_THERE:
                return False
            raise StoreError(f"s3://{self._bucket}/{key} can't be written: {error}") from error
        except BotoCoreError as error:
            raise StoreError(f"s3://{self._bucket}/{key} can't be written: {error}") from error
        return True

    def get(self, key: str) -> bytes:
        """Reads an object."""
        try:
            content: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise StoreError(f"s3://{self._bucket}/{key} can't be read: {error}") from error
        return content
