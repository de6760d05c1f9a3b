"""Reports in S3, by moto."""

from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from report_builders import Ledger, a_ledger, a_report, a_run, an_output, options

from common.errors import OutputError, SecretError
from common.publish.delivery import FAILED, Delivery
from common.publish.reports.check import check_report
from common.publish.reports.deliver import CHANGED, NEW, RESTORED, UNCHANGED, deliver_reports
from common.publish.reports.folders import report_folder
from common.settings import settings_from
from common.sources.connections import AwsConnection
from common.storage.lake import Lake
from local.engine.startup import free_port
from servers.aws import KEYS, REGION, AwsServer

DAILY = {"daily": a_report(reopen="2 days")}
FIRST = date(2025, 3, 1)


@pytest.fixture
def ledger() -> Ledger:
    return a_ledger(FIRST, 4)


@pytest.fixture
def bucket(aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LAKEHOUSE_SECRET_S3_ACCESS", KEYS["AWS_ACCESS_KEY_ID"])
    monkeypatch.setenv("LAKEHOUSE_SECRET_S3_SECRET", KEYS["AWS_SECRET_ACCESS_KEY"])
    return aws.bucket(f"reports-{uuid4().hex[:12]}")


def connection(endpoint: str, **changed: Any) -> AwsConnection:
    keys = {"access_key": {"secret": "s3_access"}, "secret_key": {"secret": "s3_secret"}}  # pragma: allowlist secret
    return AwsConnection.model_validate({"kind": "aws", "region": REGION, "endpoint": endpoint} | keys | changed)


def run(folder: str, ledger: Ledger, endpoint: str) -> list[Delivery]:
    there = report_folder(folder, connection(endpoint), settings_from())
    return deliver_reports(a_run(Path(), ledger, folder=there), DAILY)


def modes(deliveries: list[Delivery]) -> dict[str, str]:
    return {delivery.item: delivery.mode for delivery in deliveries}


def objects(aws: AwsServer, bucket: str) -> dict[str, bytes]:
    client = aws.client("s3")
    found = client.list_objects_v2(Bucket=bucket).get("Contents", ())
    return {one["Key"]: client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found}


def test_a_bucket_gets_what_a_folder_gets(aws: AwsServer, bucket: str, ledger: Ledger, tmp_path: Path) -> None:
    folder = f"s3://{bucket}/for/the bank"
    deliveries = run(folder, ledger, aws.endpoint)
    assert modes(deliveries) == {"daily 2025-03-02": NEW, "daily 2025-03-03": NEW}
    assert deliveries[-1].destination == f"{folder}/alerts_2025-03-03.csv"
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    there = objects(aws, bucket)
    assert {key: content for key, content in there.items() if key.endswith(".csv")} == {
        f"for/the bank/{file.name}": file.read_bytes() for file in tmp_path.glob("*.csv")
    }
    assert len(there) == 2 * len(list(tmp_path.glob("*.csv")))


def test_it_is_written_again_where_something_changed(aws: AwsServer, bucket: str, ledger: Ledger) -> None:
    folder = f"s3://{bucket}/r"
    run(folder, ledger, aws.endpoint)
    before = objects(aws, bucket)
    assert modes(run(folder, ledger, aws.endpoint)) == {"daily": UNCHANGED}
    assert objects(aws, bucket) == before
    aws.client("s3").put_object(Bucket=bucket, Key="r/alerts_2025-03-03.csv", Body=b"by hand")
    assert modes(run(folder, ledger, aws.endpoint)) == {"daily 2025-03-03": RESTORED}
    assert objects(aws, bucket)["r/alerts_2025-03-03.csv"] == before["r/alerts_2025-03-03.csv"]
    ledger.book(date(2025, 3, 3), 40)
    assert modes(run(folder, ledger, aws.endpoint)) == {"daily 2025-03-03": CHANGED}


def test_files_of_others_and_below_are_left_alone(aws: AwsServer, bucket: str, ledger: Ledger) -> None:
    client = aws.client("s3")
    for key in ("r/notes.txt", "r/sub/alerts_2025-03-03.csv", "r/sub/alerts_2025-03-03.csv.manifest.json"):
        client.put_object(Bucket=bucket, Key=key, Body=b"mine")
    run(f"s3://{bucket}/r/", ledger, aws.endpoint)
    there = objects(aws, bucket)
    assert there["r/notes.txt"] == there["r/sub/alerts_2025-03-03.csv"] == b"mine"
    assert b"2025-03-03,2" in there["r/alerts_2025-03-03.csv"]


def test_a_bucket_that_is_not_there_is_said(aws: AwsServer, bucket: str, ledger: Ledger) -> None:
    folder = report_folder("s3://no-such-bucket-here/r", connection(aws.endpoint), settings_from())
    (finding,) = check_report(a_run(Path(), ledger, folder=folder), "daily", DAILY["daily"])
    assert "there is no such bucket" in finding.details
    with pytest.raises(OutputError, match=r"s3://no-such-bucket-here/r at .*: there is no such bucket"):
        run("s3://no-such-bucket-here/r", ledger, aws.endpoint)


def test_a_server_that_is_away_is_said(bucket: str, ledger: Ledger) -> None:
    with pytest.raises(OutputError, match=f"s3://{bucket}/r at .*: the server can't be reached"):
        run(f"s3://{bucket}/r", ledger, f"http://127.0.0.1:{free_port()}")


class _ReadOnly(BaseHTTPRequestHandler):
    """A bucket that may be listed, is empty, and takes nothing. Objects come in chunks."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>")

    def do_HEAD(self) -> None:
        self._answer(404, "")

    def do_PUT(self) -> None:
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
        self.rfile.readline()
        self._answer(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


def test_a_bucket_that_takes_nothing_is_said(bucket: str, ledger: Ledger) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _ReadOnly) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            (delivery,) = run(f"s3://{bucket}/r", ledger, f"http://127.0.0.1:{server.server_address[1]}")
        finally:
            server.shutdown()
    assert delivery.mode == FAILED
    assert "the credentials give no right to write it" in delivery.failure


def test_a_secret_that_is_not_there_is_said(aws: AwsServer, bucket: str) -> None:
    with pytest.raises(SecretError, match="there is no secret 'other'"):
        report_folder(f"s3://{bucket}", connection(aws.endpoint, secret_key={"secret": "other"}), settings_from())


def test_a_bucket_that_cannot_be_asked_for_want_of_a_secret_is_a_warning_of_the_check() -> None:
    store = {"kind": "aws", "region": REGION, "access_key": {"secret": "no_key"}, "secret_key": {"secret": "no_key"}}
    declared = {"connections": {"store": store}, "connection": "store", "folder": "s3://bucket/reports"}
    output = an_output({"daily": options()}, **declared)
    (finding,) = output.findings(Lake(lambda: pytest.fail("Spark is asked"), settings_from()))
    assert finding.warns
    assert "there is no secret 'no_key'" in finding.details
