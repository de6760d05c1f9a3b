"""The page behind an alert's link: nothing happens by looking at it, and what is posted there is kept as an event."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from apps.events_api.api import Api
from apps.events_api.folder_store import FolderStore
from apps.events_api.server import EventsServer
from hypothesis import given
from hypothesis import strategies as st

from common.publish.alerts.links import token_of
from servers.gateway import AT_MS, post, said

KEY = "a key of the tests"
AT = datetime.fromtimestamp(AT_MS / 1000, UTC)
LINK = f"/prod/answers/{token_of('T1', AT + timedelta(days=1), KEY)}"


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(FolderStore(tmp_path), answers_key=KEY)


def kept(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("events/alert_answers/*.parquet"))
    return [json.loads(row["payload"]) for file in files for row in pq.read_table(file).to_pylist()]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_to_look_at_the_page_says_nothing(api: Api, tmp_path: Path, version: str) -> None:
    answer = api.answer(post("answer=fraud", path=LINK, method="GET", version=version))
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"].startswith("text/html")
    for value in ("genuine", "fraud"):
        assert f'<button name="answer" value="{value}">' in answer["body"]
    assert "T1" not in answer["body"]
    assert kept(tmp_path) == []


def test_what_the_form_posts_is_kept_once_a_minute_and_a_changed_mind_too(api: Api, tmp_path: Path) -> None:
    for said_ in ("genuine", "genuine", "fraud"):
        assert api.answer(post(f"answer={said_}", path=LINK))["statusCode"] == 200
    answers = kept(tmp_path)
    assert sorted(answer["answer"] for answer in answers) == ["fraud", "genuine"]
    assert {(answer["transaction_id"], datetime.fromisoformat(answer["answered_at"])) for answer in answers} == {
        ("T1", AT)
    }
    later = post("answer=genuine", path=LINK)
    later["requestContext"]["timeEpoch"] += 60_000
    api.answer(later)
    assert len(kept(tmp_path)) == 3


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (LINK[:-1], "answer=fraud", 404),
        (f"/answers/{token_of('T1', AT, KEY)}", "answer=fraud", 410),
        (f"/answers/{token_of('T1', AT + timedelta(days=1), 'another')}", "answer=fraud", 404),
        ("/answers/", "answer=fraud", 404),
        (LINK, "answer=unsure", 400),
        (LINK, "", 400),
    ],
)
def test_what_is_no_answer_is_not_kept(api: Api, tmp_path: Path, path: str, body: str, status: int) -> None:
    assert api.answer(post(body, path=path))["statusCode"] == status
    assert kept(tmp_path) == []


@given(body=st.binary(max_size=50), path=st.text(max_size=40))
def test_anything_at_all_is_answered(api: Api, tmp_path: Path, body: bytes, path: str) -> None:
    assert api.answer(post(body, path=LINK))["statusCode"] == 400
    assert api.answer(post(body, path=f"/answers/{path}"))["statusCode"] == 404
    assert api.answer(post(body, path=LINK, method="PUT"))["statusCode"] == 405
    assert kept(tmp_path) == []


def test_nobody_sends_answers_as_events_and_without_a_key_there_are_no_links(api: Api, tmp_path: Path) -> None:
    forged = '{"event_id": "1", "transaction_id": "T1", "answer": "genuine", "answered_at": "2025-09-28"}'
    for one in (api, Api(FolderStore(tmp_path)), Api(FolderStore(tmp_path), feeds=frozenset({"alert_answers"}))):
        assert one.answer(post(forged, path="/events/alert_answers"))["statusCode"] == 404
    assert said(Api(FolderStore(tmp_path)).answer(post("answer=fraud", path=LINK)))["error"].startswith(
        "there is nothing"
    )
    assert kept(tmp_path) == []


def test_a_store_that_fails_asks_for_another_try(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("in the way")
    answer = Api(FolderStore(tmp_path), answers_key=KEY).answer(post("answer=fraud", path=LINK))
    assert answer["statusCode"] == 503


def test_the_server_of_this_machine_serves_the_page(api: Api, tmp_path: Path) -> None:
    import threading
    import urllib.request

    token = token_of("T1", datetime.now(UTC) + timedelta(days=1), KEY)
    with EventsServer(api) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = server.url.replace("/events", f"/answers/{token}")
        with urllib.request.urlopen(url) as page:
            assert "Yes, it was me" in page.read().decode()
        with urllib.request.urlopen(url, b"answer=genuine") as page:
            assert "You said: Yes, it was me" in page.read().decode()
        server.shutdown()
    assert [answer["answer"] for answer in kept(tmp_path)] == ["genuine"]
