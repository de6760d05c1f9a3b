"""Any bytes through a topic, plain and with keys and headers: bronze has all, silver accepts or refuses."""

import base64
import dataclasses
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.bronze.ingest import ingest
from common.checks.conservation import accounted
from common.contracts.bronze import bronze_table
from common.contracts.silver import QUARANTINE, TRANSACTIONS
from common.settings import settings_from
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.lake import Lake
from servers.kafka import Broker

SEED, RECORDS, GOOD = 1, 300, 20
INTO = {"transactions": {"map": {"transaction_id": "n", "event_time": "t", "amount": "'1'"}}}
FEEDS = {"plain": {}, "whole": {"with": ["key", "timestamp", "headers"]}, "events": {"envelope": "debezium"}}


def values(chance: random.Random) -> Iterator[bytes | None]:
    """Noise, JSON of all kinds, JSON that was hurt, and some records that are good."""
    for number in range(RECORDS):
        good = json.dumps({"n": f"g{number}", "t": "2025-01-31T10:00:00Z", "é": 1e300}).encode()
        if number < GOOD:
            yield good
            continue
        place = chance.randrange(len(good))
        yield chance.choice(
            [
                None,
                b"",
                chance.randbytes(chance.randrange(40)),
                good[:place],
                good[:place] + chance.randbytes(1) + good[place + 1 :],
                b"[" * 50_000,
                b'{"n": ' + b"9" * 5_000 + b"}",
                b'{"n": "\\ud800", "t": "2025-01-31"}',
                b'{"n": NaN, "n": 1}',
                b'"text"',
                b"\x00\xff\xfe",
            ]
        )


@pytest.mark.long  # test_fuzz_readers.py has any bytes read, test_fuzz.py any records refined
def test_any_record_of_a_topic_is_in_bronze_and_accepted_or_quarantined(
    spark: SparkSession, schema_prefix: str, broker: Broker, tmp_path: Path
) -> None:
    settings = settings_from(schema_prefix=schema_prefix, landing=str(tmp_path / "landing"))
    lake = Lake(spark, dataclasses.replace(settings, home=tmp_path))
    chance = random.Random(SEED)
    broker.create("noise")
    sent = list(values(chance))
    broker.produce("noise", [(chance.randbytes(3), value, {"h": chance.randbytes(3)}) for value in sent])
    feed = {"reader": "kafka", "connection": "broker", "topic": "noise", "into": INTO}
    source = Source.model_validate(
        {
            "name": "noise",
            "description": "Noise.",
            "connections": {"broker": {"kind": "kafka", "servers": broker.servers}},
        }
        | {"feeds": {name: {**feed, **options} for name, options in FEEDS.items()}}
    )

    ingested = ingest(lake, source)
    outcome = refine(lake, source, "transactions")

    kept = sum(value is not None for value in sent)
    assert ingested.by_feed == {"plain": RECORDS, "whole": RECORDS, "events": kept}, (
        "of events a tombstone says nothing"
    )
    assert all(row["holds"] for row in accounted(lake).collect())
    assert (outcome.rows_in, outcome.not_selected) == (2 * RECORDS + kept, 0)
    accepted = {row["transaction_id"] for row in lake.table(TRANSACTIONS).collect()}
    assert {f"g{number}" for number in range(GOOD)} <= accepted
    reasons = lake.table(QUARANTINE).where(F.size("failed_checks") == 0)
    assert reasons.isEmpty(), "each that is quarantined has a reason"
    plain = lake.table(bronze_table("plain")).select("source_ref", "payload", "read_error").collect()
    assert len(plain) == RECORDS
    for row in plain:
        value = sent[int(row["source_ref"].rpartition("#")[2])]
        if row["read_error"] is None:
            assert row["payload"].encode() == value
        elif value is not None:
            assert base64.b64decode(json.loads(row["payload"])["base64"]) == value
