"""Objects of S3 through Spark to bronze: each once, by references that are the same on every platform."""

import pytest
from feeds_of_buckets import SECRETS, line, source_of

from common.bronze.ingest import ingest
from common.storage.lake import Lake
from servers.aws import AwsServer


def test_objects_are_read_once_and_named_as_s3(
    lake: Lake, aws: AwsServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    s3, source = aws.client("s3"), source_of(f"s3://{bucket}/in", aws)
    s3.put_object(Bucket=bucket, Key="in/a b%20/x#1.jsonl", Body=line("T1") + line("T2"))
    s3.put_object(Bucket=bucket, Key="in/.hidden", Body=line("T0"))
    s3.put_object(Bucket=bucket, Key="in/c.jsonl", Body=b"")
    assert ingest(lake, source).rows_out == 3
    s3.put_object(Bucket=bucket, Key="in/b.jsonl", Body=line("T3"))
    assert [ingest(lake, source).rows_out, ingest(lake, source).rows_out] == [1, 0]

    rows = lake.table("bronze.payments").select("source_ref", "payload", "read_error").collect()
    first = f"s3://{bucket}/in/a b%20/x#1.jsonl"
    assert sorted((row.source_ref, row.payload) for row in rows) == [
        (f"{first}#1", line("T1").decode().strip()),
        (f"{first}#2", line("T2").decode().strip()),
        (f"s3://{bucket}/in/b.jsonl#1", line("T3").decode().strip()),
        (f"s3://{bucket}/in/c.jsonl#0", None),
    ]
    feed, at = source.feeds["payments"], source.at("payments", lake.settings)
    there = feed.paths_there(lake.spark, at)
    assert there is not None
    assert {row.path for row in there.collect()} == {row.source_ref.rsplit("#", 1)[0] for row in rows}
