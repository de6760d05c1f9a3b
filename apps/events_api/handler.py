"""The Lambda function's entry: `apps.events_api.handler.handler`.

Environment: BUCKET; PREFIX ("events"); FEEDS, names with commas between them (any); MAX_BYTES (5000000);
ANSWERS_KEY, what the links of alerts are signed by, where customers answer here;
S3_ENDPOINT, for another service than AWS. Credentials are those of the function's role.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from apps.events_api.api import MAX_BYTES, Api
from apps.events_api.s3_store import S3Store


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answers an event of API Gateway."""
    del context
    return _api().answer(event)


@cache
def _api() -> Api:
    feeds = os.environ.get("FEEDS", "")
    return Api(
        S3Store(os.environ["BUCKET"], os.environ.get("S3_ENDPOINT")),
        os.environ.get("PREFIX", "events"),
        frozenset(filter(None, (name.strip() for name in feeds.split(",")))),
        int(os.environ.get("MAX_BYTES", MAX_BYTES)),
        os.environ.get("ANSWERS_KEY", ""),
    )
