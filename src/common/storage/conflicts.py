"""Delta's optimistic concurrency: a write that loses a race is tried again."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pyspark.errors import PySparkException

T = TypeVar("T")

ATTEMPTS = 8
_CONFLICTS = ("DELTA_CONCURRENT", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED", "ConcurrentAppendException")


def is_conflict(error: PySparkException) -> bool:
    """Whether another writer's commit came first, so that trying again is right."""
    condition = error.getCondition() or ""
    text = str(error)
    return any(mark in condition or mark in text for mark in _CONFLICTS)


def retried(write: Callable[[], T]) -> T:
    """Calls `write`, again after a short random pause while it loses to other writers, at most ATTEMPTS times."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return write()
        except PySparkException as error:
            if attempt == ATTEMPTS or not is_conflict(error):
                raise
            time.sleep(random.uniform(0.1, 0.5) * attempt)
    raise AssertionError("unreachable")
