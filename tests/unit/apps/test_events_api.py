"""The handler by plain calls: answers, objects, repeats."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from apps.events_api import handler as entry
from apps.events_api.api import Api
from apps.events_api.folder_store import FolderStore
from apps.events_api.store import StoreError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servers.aws import AwsServer
from servers.gateway import AT_MS, gzipped, post, said

ONE = '{"event_id":"e1","amount":12.50}'
TWO = '{"amount":1e400,"event_id":"e2"}'


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(FolderStore(tmp_path))


def rows(folder: Path) -> list[dict[str, object]]:
    return [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("body", [f"{ONE}\n{TWO}\n", f"[{ONE},{TWO}]", f"{ONE}\n{TWO}".encode()])
def test_events_are_kept_with_their_text_untouched(api: Api, tmp_path: Path, version: str, body: str | bytes) -> None:
    answer = api.answer(post(body, path="/prod/events/transactions", version=version))
    assert answer["statusCode"] == 202
    key = said(answer)["object"]
    assert said(answer) == {"accepted": 2, "object": key}
    assert key.startswith("events/transactions/")
    found = pq.read_table(tmp_path / key)
    assert found.column_names == ["event_id", "payload", "request_id", "ordinal", "received_at"]
    kept = found.to_pylist()
    assert [(row["event_id"], row["payload"], row["request_id"], row["ordinal"]) for row in kept] == [
        ("e1", ONE, "r1", 1),
        ("e2", TWO, "r1", 2),
    ]
    assert {round(row["received_at"].timestamp() * 1000) for row in kept} == {AT_MS}


def test_a_repeat_makes_no_second_object_however_it_is_packed(api: Api, tmp_path: Path) -> None:
    first = api.answer(post(ONE))
    again = [api.answer(post(ONE, request_id="r2")), api.answer(post(f"[{ONE}]"))]
    again.append(api.answer(post(gzipped(ONE), content_encoding="gzip")))
    for answer in again:
        assert answer["statusCode"] == 200
        assert said(answer) == {"accepted": 0, "repeated": 1, "object": said(first)["object"]}
    assert len(rows(tmp_path)) == 1


def test_the_same_events_sent_on_purpose_have_keys_of_their_own(api: Api, tmp_path: Path) -> None:
    codes = [api.answer(post(ONE, idempotency_key=key))["statusCode"] for key in ("a", "b", "a")]
    assert codes == [202, 202, 200]
    assert len(rows(tmp_path)) == 2


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_key_that_is_used_for_other_events_is_refused(api: Api, tmp_path: Path, version: str) -> None:
    assert api.answer(post(ONE, idempotency_key="k", version=version))["statusCode"] == 202
    refused = api.answer(post(TWO, idempotency_key="k", version=version))
    assert refused["statusCode"] == 422
    assert "Idempotency-Key was used for other events" in said(refused)["error"]
    assert [row["payload"] for row in rows(tmp_path)] == [ONE]


def test_a_key_is_never_a_digest_of_a_body(api: Api, tmp_path: Path) -> None:
    size = len(ONE)
    codes = [api.answer(post(ONE))["statusCode"], api.answer(post(TWO, idempotency_key=f"{size}\n{ONE}"))["statusCode"]]
    assert codes == [202, 202]
    assert len(rows(tmp_path)) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_taken(api: Api, method: str) -> None:
    answer = api.answer(post("", method=method))
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/events/a/b", "/events/../secrets", "/events/UPPER", "/other", "/events/.x"])
def test_paths_that_are_no_feeds_are_refused(api: Api, tmp_path: Path, path: str) -> None:
    assert api.answer(post(ONE, path=path))["statusCode"] == 404
    assert not rows(tmp_path)


def test_feeds_may_be_named(tmp_path: Path) -> None:
    api = Api(FolderStore(tmp_path), "", frozenset({"transactions"}))
    assert api.answer(post(ONE, path="/events/transactions"))["statusCode"] == 202
    refused = api.answer(post(ONE, path="/events/transaction"))
    assert refused["statusCode"] == 404
    assert "/events/transactions" in said(refused)["error"]
    assert [path.parent.name for path in tmp_path.rglob("*.parquet")] == ["transactions"]


@pytest.mark.parametrize("bad", ["{", '{"event_id":1}', "7"])
def test_a_refused_request_keeps_nothing_and_names_the_event(api: Api, tmp_path: Path, bad: str) -> None:
    answer = api.answer(post(f"{ONE}\n{bad}"))
    assert answer["statusCode"] == (400 if bad == "{" else 422)
    assert said(answer)["event"] == 2
    assert said(answer)["error"].startswith("event 2: ")
    assert not rows(tmp_path)


def test_a_body_that_is_no_base64_is_refused(api: Api) -> None:
    answer = api.answer(post(ONE) | {"isBase64Encoded": True})
    assert answer["statusCode"] == 400
    assert "base64" in said(answer)["error"]


def test_a_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    answer = Api(FolderStore(tmp_path), max_bytes=20).answer(post(ONE))
    assert answer["statusCode"] == 413
    assert not rows(tmp_path)


def test_a_store_that_fails_is_an_answer_to_repeat_and_shows_no_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way of the folder")
    answer = Api(FolderStore(tmp_path / "file")).answer(post(ONE))
    assert answer["statusCode"] == 503
    assert str(tmp_path) not in answer["body"]
    assert str(tmp_path) in capsys.readouterr().out


def test_no_part_of_a_file_stays(api: Api, tmp_path: Path) -> None:
    for _ in range(2):
        api.answer(post(ONE))
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".parquet"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=12))
def test_in_any_order_of_requests_each_is_kept_once(tmp_path: Path, keys: list[str]) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    api = Api(FolderStore(folder))
    bodies = {key: f'{{"event_id":"{key}"}}' if key else ONE for key in keys}
    for key in keys:
        api.answer(post(bodies[key], **({"idempotency_key": key} if key else {})))
    assert sorted(str(row["payload"]) for row in rows(folder)) == sorted(bodies.values())


@pytest.fixture
def bucket(aws: AwsServer, credentials: None, monkeypatch: pytest.MonkeyPatch) -> str:
    del credentials
    monkeypatch.setenv("BUCKET", "events-bucket")
    monkeypatch.setenv("PREFIX", "raw/events")
    monkeypatch.setenv("S3_ENDPOINT", aws.endpoint)
    entry._api.cache_clear()
    return aws.bucket("events-bucket")


def test_the_lambda_function_keeps_events_in_a_bucket_once(aws: AwsServer, bucket: str) -> None:
    answers = [entry.handler(post(f"{ONE}\n{TWO}", path="/events/cards"), None) for _ in range(2)]
    assert [answer["statusCode"] for answer in answers] == [202, 200]
    other = entry.handler(post(ONE, path="/events/cards", idempotency_key="k"), None)
    assert other["statusCode"] == 202
    assert entry.handler(post(TWO, path="/events/cards", idempotency_key="k"), None)["statusCode"] == 422
    s3 = aws.client("s3")
    listed = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert sorted(listed) == sorted(said(answer)["object"] for answer in (answers[0], other))
    assert all(key.startswith("raw/events/cards/") for key in listed)
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in listed]})
    assert len(gone["Deleted"]) == 2
    s3.delete_bucket(Bucket=bucket)
    assert entry.handler(post(ONE), None)["statusCode"] == 503


def test_a_store_says_what_it_can_not_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing\.parquet"):
        FolderStore(tmp_path).get("missing.parquet")
