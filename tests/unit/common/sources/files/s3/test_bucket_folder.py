"""A folder of S3 as a feed's, without Spark: what is in it, what is new or missing, and how Spark is to reach it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from feeds_of_buckets import SECRETS, line, source_of
from pydantic import ValidationError
from pyspark.errors import PySparkException

from common.errors import DeclarationError, FeedError, SecretError
from common.platform import DATABRICKS
from common.settings import Settings
from common.sources.readers.files import FileFeed
from servers.aws import AwsServer


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return Settings(tmp_path, landing_folder=str(tmp_path))


def test_a_look_shows_the_first_records_of_what_is_whole(aws: AwsServer, bucket: str, settings: Settings) -> None:
    s3 = aws.client("s3")
    for key in ("in/b.jsonl", "in/a b%20/x#1.jsonl", "in/.hidden", "in/c.jsonl.tmp", "in/_temporary/d", "inner/e"):
        s3.put_object(Bucket=bucket, Key=key, Body=line(key))
    s3.put_object(Bucket=bucket, Key="in/made by the console/", Body=b"")
    source = source_of(f"s3://{bucket}/in", aws)
    sights = source.feeds["payments"].look(source.at("payments", settings))
    assert [look.path for look in sights.looks] == [f"s3://{bucket}/in/a b%20/x#1.jsonl", f"s3://{bucket}/in/b.jsonl"]
    assert [record.payload for look in sights.looks for record in look.records] == [
        line("in/a b%20/x#1.jsonl").decode().strip(),
        line("in/b.jsonl").decode().strip(),
    ]
    (thing,) = sights.things
    assert (thing.thing, thing.missing) == (f"s3://{bucket}/in", "")
    assert thing.found.startswith("2 files, ")


def test_the_environment_says_where_s3_is_without_a_connection(
    aws: AwsServer, bucket: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="in/a.jsonl", Body=line("T1"))
    source = source_of(f"s3://{bucket}/in")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws.endpoint)
    at = source.at("payments", settings)
    source.feeds["payments"].check(at)
    assert source.feeds["payments"].look(at).files == 1


def test_the_position_changes_with_each_object_and_with_nothing_else(
    aws: AwsServer, bucket: str, settings: Settings
) -> None:
    s3, source = aws.client("s3"), source_of(f"s3://{bucket}/in", aws)
    feed, at = source.feeds["payments"], source.at("payments", settings)
    assert feed.folders(at) == ()
    seen = [feed.position(at), feed.position(at)]
    assert len(set(seen)) == 1
    for key, body in (("in/a.jsonl", line("T1")), ("in/b.jsonl", line("T2")), ("in/a.jsonl", line("T1") * 2)):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        seen.append(feed.position(at))
    assert len(set(seen)) == 4
    s3.put_object(Bucket=bucket, Key="elsewhere/c.jsonl", Body=b"x")
    s3.put_object(Bucket=bucket, Key="in/.c.tmp", Body=b"x")
    assert feed.position(at) == seen[-1]


def test_a_first_look_sees_what_the_declaration_lacks(aws: AwsServer, bucket: str, settings: Settings) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="in/a.csv", Body=b"id;ts;amount\nT1;2025-03-01;1\n" * 3)
    source = source_of(f"s3://{bucket}/in", aws, format="csv")
    words = source.feeds["payments"].first_look(source.at("payments", settings))
    assert words.startswith("a.csv: ")
    assert 'declare `delimiter: ";"`' in words


def test_empty_objects_are_overlooked_by_spark_and_named(aws: AwsServer, bucket: str, settings: Settings) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="in/empty.jsonl", Body=b"")
    source = source_of(f"s3://{bucket}/in", aws)
    feed, at = source.feeds["payments"], source.at("payments", settings)
    assert list(feed.overlooked(at, begun=4e9)) == [
        (f"s3://{bucket}/in/empty.jsonl#0", None, "file refused: the file is empty")
    ]
    assert list(feed.overlooked(at, begun=0)) == []


def test_what_is_missing_is_named_with_the_way_out(aws: AwsServer, bucket: str, settings: Settings) -> None:
    source = source_of(f"s3://{bucket}/nothing/yet", aws)
    at = source.at("payments", settings)
    with pytest.raises(DeclarationError, match=f"put-object --bucket {bucket} --key nothing/yet/ --endpoint-url"):
        source.feeds["payments"].check(at)
    aws.client("s3").put_object(Bucket=bucket, Key="nothing/yet/", Body=b"")
    source.feeds["payments"].check(at)
    (thing,) = source.feeds["payments"].look(at).things
    assert thing.missing == "nothing has landed yet"
    missing = source_of("s3://no-such-bucket-anywhere/in", aws)
    at = missing.at("payments", settings)
    expected = f"s3://no-such-bucket-anywhere/in at {aws.endpoint}: there is no such bucket"
    with pytest.raises(FeedError, match=expected):
        missing.feeds["payments"].check(at)
    with pytest.raises(FeedError, match=expected):
        missing.feeds["payments"].look(at)
    assert missing.feeds["payments"].position(at) is None


def test_a_server_that_is_not_there_is_named(tmp_path: Path, settings: Settings) -> None:
    gone = AwsServer(tmp_path)
    source = source_of("s3://bucket/in", gone)
    with pytest.raises(FeedError, match=f"s3://bucket/in at {gone.endpoint}: the server can't be reached"):
        source.feeds["payments"].check(source.at("payments", settings))


def test_a_secret_that_is_not_there_is_named(
    aws: AwsServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAKEHOUSE_SECRET_S3_SECRET")
    source = source_of("s3://bucket/in", aws)
    with pytest.raises(SecretError, match="there is no secret 's3_secret'"):
        source.feeds["payments"].check(source.at("payments", settings))


def test_spark_gets_hadoops_path_and_keys_that_do_not_print(aws: AwsServer, settings: Settings) -> None:
    source = source_of("s3://bucket/in/", aws)
    feed = source.feeds["payments"]
    assert isinstance(feed, FileFeed)
    folder = feed._bucket(source.at("payments", settings))
    assert folder is not None
    assert folder.for_spark == "s3a://bucket/in"
    assert folder.spark_options == {
        "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "fs.s3a.access.key": "testing",
        "fs.s3a.secret.key": "testing",  # pragma: allowlist secret
        "fs.s3a.endpoint.region": "eu-west-1",
        "fs.s3a.endpoint": aws.endpoint,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false",
    }
    assert "testing" not in repr(folder)
    assert source.jars == {"s3"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            (
                "(org.apache.hadoop.fs.s3a.UnknownStoreException) `s3a://bucket/in': getFileStatus on s3a://bucket/in: "
                "software.amazon.awssdk.services.s3.model.NoSuchBucketException: The specified bucket does not exist"
            ),
            "s3://bucket/in at http://.*: there is no such bucket",
        ),
        (
            (
                "java.nio.file.AccessDeniedException: s3a://bucket/in: software.amazon.awssdk.core.exception: "
                "Unable to load credentials from any of the providers in the chain"
            ),
            "there are no credentials for it",
        ),
        ("AccessDeniedException: Access Denied (Service: S3, Status Code: 403)", "give no right to list and read it"),
    ],
)
def test_what_spark_meets_at_a_bucket_is_a_sentence(
    aws: AwsServer, settings: Settings, words: str, expected: str
) -> None:
    source = source_of("s3://bucket/in", aws)
    feed, at = source.feeds["payments"], source.at("payments", settings)
    explained = feed.explained(PySparkException(words), at)
    assert isinstance(explained, FeedError)
    assert re.search(rf"{expected}\. Spark has the credentials", str(explained))
    assert feed.explained(PySparkException("something else"), at) is None


def test_on_databricks_the_path_stays_and_nothing_is_listed_here(settings: Settings) -> None:
    there = replace(settings, platform=DATABRICKS)
    source = source_of("s3://bucket/in")
    feed, at = source.feeds["payments"], source.at("payments", there)
    assert isinstance(feed, FileFeed)
    assert feed._bucket(at) is None
    assert feed.folders(at) == ("s3://bucket/in",)
    feed.check(at)


def test_a_folder_of_a_disk_needs_no_jars_and_no_connection(aws: AwsServer) -> None:
    assert source_of("{landing}/x").jars == frozenset()
    with pytest.raises(ValidationError, match="a folder needs none"):
        source_of("{landing}/x", aws)


def test_hadoops_names_of_s3_are_refused() -> None:
    with pytest.raises(ValidationError, match="S3 is written s3:// on every platform: s3://bucket/in"):
        source_of("s3a://bucket/in")


def test_a_landing_folder_in_s3_is_refused_on_a_laptop(settings: Settings) -> None:
    source = source_of("{landing}/in")
    at = source.at("payments", replace(settings, landing_folder="s3://bucket"))
    with pytest.raises(DeclarationError, match="write s3://bucket/in there"):
        source.feeds["payments"].check(at)
