"""S3 on this machine, and a feed of a bucket there."""

from uuid import uuid4

import pytest

from servers.aws import KEYS, AwsServer


@pytest.fixture
def bucket(aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket; the environment has the credentials."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return aws.bucket(f"lake-{uuid4().hex[:12]}")
