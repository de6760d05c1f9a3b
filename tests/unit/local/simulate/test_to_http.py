"""The simulated world sent to the events API over real HTTP, with no Spark: everything arrives, once, untouched."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from apps.events_api.api import Api
from apps.events_api.folder_store import FolderStore
from apps.events_api.server import EventsServer
from simulated_files import small_world

from common.errors import FeedError, ParameterError
from common.settings import repository
from common.sources.declaration import load_source
from common.sources.files.feed_of_files import FolderFeed
from common.sources.files.parsing import parse_file
from local.simulate import simulate
from local.simulate.outbox import is_empty
from local.simulate.to_http import EVENTS_PER_REQUEST, send_outbox

SIMULATED = load_source(repository() / "sources", "simulated")
OVER_HTTP = load_source(repository() / "sources", "simulated_http")


class FailingApi(Api):
    """An API whose answers get lost: every other time its server answers 503 after it has kept the events."""

    calls = 0

    def answer(self, event: Any) -> dict[str, Any]:
        answer = super().answer(event)
        type(self).calls += 1
        return {**answer, "statusCode": 503} if type(self).calls % 2 else answer


@contextmanager
def served(folder: Path, api: type[Api] = Api) -> Iterator[str]:
    with EventsServer(api(FolderStore(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


def landed(folder: Path, feed: str) -> list[tuple[str, str]]:
    """event_id and payload of a feed's events."""
    files = sorted((folder / "events" / feed).glob("*.parquet"))
    rows = [row for path in files for row in pq.read_table(path, columns=["event_id", "payload"]).to_pylist()]
    return sorted((row["event_id"], row["payload"]) for row in rows)


def made(landing: Path, feed: str) -> dict[str, str]:
    """The records of a feed's files by what their `event_id` is; those that are no JSON object are left out."""
    files = SIMULATED.feeds[feed]
    assert isinstance(files, FolderFeed)
    found = {}
    for path in sorted((landing / "simulated" / feed).iterdir()):
        for chunk in parse_file(path.read_bytes(), files.layout):
            for ordinal, payload in zip(chunk[0].to_pylist(), chunk[1].to_pylist(), strict=True):
                try:
                    json.loads(payload)
                except ValueError:
                    continue
                found[f"{path.name}#{ordinal}"] = payload
    return found


def test_every_record_arrives_once_with_its_text_untouched(tmp_path: Path) -> None:
    world = small_world(days=30, malformed_json_rate=0.02)
    simulate(tmp_path / "files", world)
    simulate(tmp_path / "outbox", world)
    with served(tmp_path / "api") as url:
        sent = send_outbox(tmp_path / "outbox", url)
    assert is_empty(tmp_path / "outbox")
    events = 0
    for feed in SIMULATED.feeds:
        records, arrived = made(tmp_path / "files", feed), landed(tmp_path / "api", feed)
        events += len(arrived)
        assert [event_id for event_id, _ in arrived] == sorted(records)
        for event_id, payload in arrived:
            assert payload == f'{{"event_id":"{event_id}",{records[event_id].lstrip()[1:]}'
    assert (sent.kept, sent.repeated) == (events, 0)
    assert list(sent.refused) == ["no JSON object"]
    # The next days go on from there; what was sent is not sent again.
    simulate(tmp_path / "outbox", world, days=1)
    with served(tmp_path / "api") as url:
        more = send_outbox(tmp_path / "outbox", url)
    assert more.kept > 0
    assert more.repeated == 0


@pytest.mark.parametrize("feed", list(SIMULATED.feeds))
def test_the_declarations_map_the_same_fields(feed: str) -> None:
    files, events = SIMULATED.feeds[feed], OVER_HTTP.feeds[feed]
    assert events.into == files.into
    assert events.reading == "parquet, payload column payload"
    assert list(OVER_HTTP.feeds) == list(SIMULATED.feeds)


def test_lost_answers_and_a_sender_that_was_cut_off_double_nothing(tmp_path: Path) -> None:
    world = small_world()
    simulate(tmp_path / "files", world)
    simulate(tmp_path / "outbox", world)
    waiting: list[str] = []
    with served(tmp_path / "api", FailingApi) as url:
        files = sorted((tmp_path / "outbox" / "simulated" / "transactions").iterdir())
        kept = files[0].read_bytes()
        sent = send_outbox(tmp_path / "outbox", url, tell=waiting.append, first_pause_seconds=0.001)
        assert "it answers 503" in waiting[0]
        # Killed before the file was removed: it is sent again, the same requests.
        files[0].write_bytes(kept)
        again = send_outbox(tmp_path / "outbox", url, first_pause_seconds=0.001)
    assert (again.kept, again.repeated > 0) == (0, True)
    assert sent.repeated > 0
    for feed in SIMULATED.feeds:
        if (tmp_path / "files" / "simulated" / feed).is_dir():
            ids = [event_id for event_id, _ in landed(tmp_path / "api", feed)]
            assert ids == sorted(made(tmp_path / "files", feed))


def test_a_server_that_is_not_there_is_an_error_with_its_name_and_loses_nothing(tmp_path: Path) -> None:
    world = small_world(days=1)
    simulate(tmp_path / "outbox", world)
    with served(tmp_path / "api") as url:
        pass
    tries: list[str] = []
    with pytest.raises(FeedError, match=f"{url} takes nothing after 7 attempts"):
        send_outbox(tmp_path / "outbox", url, tell=tries.append, first_pause_seconds=0.0001)
    assert len(tries) == 6
    assert not is_empty(tmp_path / "outbox")
    with served(tmp_path / "api") as url:
        assert send_outbox(tmp_path / "outbox", url).kept > 0


class NoApi(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_an_address_that_is_none_of_the_api_is_named(tmp_path: Path) -> None:
    simulate(tmp_path / "outbox", small_world(days=1))
    with http.server.HTTPServer(("127.0.0.1", 0), NoApi) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(FeedError, match="refuses what it should take, with 404"):
                send_outbox(tmp_path / "outbox", f"http://127.0.0.1:{server.server_port}/events")
        finally:
            server.shutdown()
            thread.join()
    with pytest.raises(ParameterError, match="--url ftp://x"):
        send_outbox(tmp_path / "outbox", "ftp://x")


def test_a_rate_paces_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate(tmp_path / "outbox", small_world(days=1))
    clock = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("local.simulate.to_http.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("local.simulate.to_http.time.sleep", sleep)
    with served(tmp_path / "api") as url:
        sent = send_outbox(tmp_path / "outbox", url, per_second=50)
    events = sent.kept + sent.refused.total()
    last = EVENTS_PER_REQUEST
    assert (events - last) / 50 <= sum(slept) <= events / 50
