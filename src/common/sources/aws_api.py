"""A client of one of Amazon's services, as a connection says."""

from typing import Any

from common.settings import Settings
from common.sources.clients import client
from common.sources.connections import AwsConnection, value_of


def api_of(
    service: str, connection: AwsConnection, settings: Settings, connect_seconds: float, answer_seconds: float
) -> Any:
    """boto3's client. Its own retries are off: they say nothing, and after a timeout they may do a thing twice.

    Raises:
        FeedError: boto3 isn't there, and can't be fetched.
        SecretError: there is no secret of a name that the connection gives.
    """
    boto3, config = client("boto3", "aws"), client("botocore.config", "aws")
    return boto3.client(
        service,
        region_name=connection.region,
        endpoint_url=value_of(connection.endpoint, settings) if connection.endpoint else None,
        aws_access_key_id=connection.access_key.value(settings) if connection.access_key else None,
        aws_secret_access_key=connection.secret_key.value(settings) if connection.secret_key else None,
        config=config.Config(
            connect_timeout=connect_seconds, read_timeout=answer_seconds, retries={"total_max_attempts": 1}
        ),
    )
