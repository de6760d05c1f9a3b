"""How fast a topic's records go to bronze, plain and with what is beside them, and what a run with nothing new takes.

    python -m benchmarks.kafka

A broker of its own is started, as the tests do. A first small delivery warms the engine up.
"""

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measured import REPOSITORY, Goal, at_least, at_most, show, workspace
from benchmarks.processes import Watch

sys.path.append(str(REPOSITORY / "tests"))

WARM_UP_RECORDS = 20_000
RECORDS = 1_000_000
PARTITIONS = 4
VALUE = (
    '{"id":"T20250601%07d","ts":"2025-06-01T00:25:51Z","customer":"C%07d","account":"A%07d","currency":"EUR",'
    '"amount":224.38,"merchant":"M000144","terminal":"P0000144","country":"IT","channel":"online"}'
)
FEEDS: dict[str, dict[str, Any]] = {"plain": {}, "beside": {"with": ["key", "timestamp", "headers"]}}


def source_of(servers: str, feed: str) -> dict[str, Any]:
    """A source of one feed of the topic."""
    columns = {"transaction_id": "id", "event_time": "ts", "customer_id": "customer", "amount": "amount"}
    into = {"transactions": {"map": {**columns, "currency": "currency"}}}
    return {
        "name": "bench",
        "description": "A topic of payments.",
        "connections": {"broker": {"kind": "kafka", "servers": servers}},
        "feeds": {feed: {"reader": "kafka", "connection": "broker", "topic": feed, "into": into, **FEEDS[feed]}},
    }


def main() -> None:
    """Measures and prints."""
    from servers.kafka import Broker

    with TemporaryDirectory(prefix="lakehouse-bench-kafka-") as folder:
        broker = Broker(Path(folder) / "broker")
        try:
            measure(broker.start())
        finally:
            broker.stop()


def measure(broker: Any) -> None:
    """Delivers records to each feed's topic, and takes the time of the runs that read them."""
    from common.bronze.ingest import ingest
    from common.session import spark_session
    from common.settings import settings_from
    from common.sources.declaration import Source
    from common.storage.lake import Lake

    goals: list[Goal] = []
    with workspace() as home:
        os.environ["LAKEHOUSE_HOME"] = str(home)
        spark = spark_session(needs=lambda: {"kafka"})
        try:
            for feed in FEEDS:
                lake, source = Lake(spark, settings_from()), Source.model_validate(source_of(broker.servers, feed))
                broker.create(feed, PARTITIONS)

                def delivered(records: int, lake: Lake = lake, source: Source = source, feed: str = feed) -> float:
                    for partition in range(PARTITIONS):
                        numbers = range(partition, records, PARTITIONS)
                        rows = ((f"A{n % 5000:07d}", VALUE % (n, n % 4000, n % 5000)) for n in numbers)
                        broker.produce(feed, rows, partition, **{"linger.ms": 20})
                    started = time.perf_counter()
                    assert ingest(lake, source).by_feed == {feed: records}
                    return time.perf_counter() - started

                delivered(WARM_UP_RECORDS)
                watch = Watch(home)
                goals.append(at_least(f"topic to bronze, {feed}", RECORDS / delivered(RECORDS), 50_000, "records/s"))
                goals.append(Goal(f"CPU of that, {feed}", f"{sum(watch.stop().values()):,.1f} s", "", None))
                goals.append(at_most(f"nothing new, {feed}", delivered(0), 2, "s"))
        finally:
            spark.stop()
    show(f"Kafka: {RECORDS:,} records of {len(VALUE % (0, 0, 0))} bytes in {PARTITIONS} partitions", goals)


if __name__ == "__main__":
    main()
