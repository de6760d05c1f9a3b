"""The API over real HTTP: round trips, senders at once, and a server that is killed between keeping and answering."""

import gzip
import http.client
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
from apps.events_api.api import Api
from apps.events_api.folder_store import FolderStore
from apps.events_api.server import EventsServer

ROOT = Path(__file__).resolve().parents[3]
ONE = '{"event_id":"e1","amount":12.50,"name":"Jürgen 𝄞"}'

KILLED = """
import os, signal, sys
from pathlib import Path
from apps.events_api.api import Api
from apps.events_api.folder_store import FolderStore
from apps.events_api.server import EventsServer

class Killed(FolderStore):
    def put(self, key, content):
        if sys.argv[2] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if sys.argv[2] == "within":
            os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        super().put(key, content)
        os.kill(os.getpid(), signal.SIGKILL)

server = EventsServer(Api(Killed(Path(sys.argv[1]))))
print(server.url, flush=True)
server.serve_forever()
"""


def send(
    url: str, body: bytes | str, path: str = "", method: str = "POST", **headers: str
) -> tuple[int, dict[str, object]]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        content = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, address.path + path, content, named)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@contextmanager
def served(folder: Path, **limits: int) -> Iterator[str]:
    with EventsServer(Api(FolderStore(folder), **limits)) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


def payloads(folder: Path) -> list[str]:
    return [text for path in sorted(folder.rglob("*.parquet")) for text in pq.read_table(path)["payload"].to_pylist()]


def test_a_round_trip_keeps_bytes_and_answers_each_rule(tmp_path: Path) -> None:
    with served(tmp_path, max_bytes=1000) as url:
        assert send(url, ONE, "/transactions")[0] == 202
        assert send(url, ONE, "/transactions")[0] == 200
        assert send(url, gzip.compress(f"[{ONE}]".encode()), "/packed", Content_Encoding="gzip")[0] == 202
        assert send(url, "", method="GET")[0] == 405
        assert send(url, "{}")[0] == 422
        assert send(url, b"\xff\xfe")[0] == 400
        assert send(url, "x" * 1001)[0] == 413
        assert send(url, "x" * 5000)[0] == 413
        assert send(url, ONE, "/not/there")[0] == 404
    assert payloads(tmp_path) == [ONE, ONE]


def test_a_connection_takes_several_requests(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        codes = []
        for number in range(5):
            connection.request("POST", address.path, f'{{"event_id":"{number}"}}' if number != 2 else "{}")
            answer = connection.getresponse()
            answer.read()
            codes.append(answer.status)
        connection.close()
    assert codes == [202, 202, 422, 202, 202]


def test_the_same_request_from_many_at_once_is_kept_once(tmp_path: Path) -> None:
    with served(tmp_path) as url, ThreadPoolExecutor(8) as senders:
        codes = Counter(senders.map(lambda _: send(url, ONE, Idempotency_Key="k")[0], range(40)))
    assert codes == {202: 1, 200: 39}
    assert payloads(tmp_path) == [ONE]


@pytest.mark.parametrize(("moment", "kept"), [("before", 0), ("within", 0), ("after", 1)])
def test_a_server_killed_before_its_answer_loses_and_doubles_nothing(tmp_path: Path, moment: str, kept: int) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), moment], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert killed.stdout is not None
        with pytest.raises((http.client.HTTPException, OSError)):
            send(killed.stdout.readline().strip(), ONE, Idempotency_Key="k")
        killed.wait(30)
    finally:
        killed.kill()
        killed.communicate()
    assert len(payloads(tmp_path)) == kept
    with served(tmp_path) as url:
        assert send(url, ONE, Idempotency_Key="k")[0] == (200 if kept else 202)
    assert payloads(tmp_path) == [ONE]


def test_the_command_serves_a_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "apps.events_api", "--folder", str(tmp_path), "--port", "0", "--feeds", "cards"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ))
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[4].rstrip(",")
        assert send(url, ONE, "/cards")[0] == 202
        assert send(url, ONE, "/others")[0] == 404
    finally:
        server.kill()
        server.communicate()
    assert payloads(tmp_path / "events" / "cards") == [ONE]
