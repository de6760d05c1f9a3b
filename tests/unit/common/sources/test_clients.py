"""Client libraries: imported where they are there, fetched where they are not, and what is said without a network."""

import subprocess
from pathlib import Path

import pytest

from common.errors import EngineError, FeedError
from common.platform import DATABRICKS
from common.sources import clients
from common.sources.clients import client
from local import client_libraries

LOCKED = "no-such-package-of-the-lakehouse==1.0 --hash=sha256:" + "0" * 64 + "\n"


def test_a_library_that_is_there_is_imported_and_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was fetched"))

    assert client("json.decoder", "kafka").JSONDecoder


def test_a_library_that_lacks_something_itself_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_client.py").write_text("import no_such_module_of_the_lakehouse\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(ModuleNotFoundError, match="no_such_module_of_the_lakehouse"):
        client("broken_client", "kafka")


def test_without_a_network_the_message_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "requirements" / "kafka.txt"
    listed.parent.mkdir()
    listed.write_text(LOCKED)
    monkeypatch.setattr(client_libraries, "repository", lambda: tmp_path)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(EngineError, match=r"could not be fetched \(.*\): check the network .*-r ") as failure:
        client_libraries.fetch("kafka")

    assert str(listed) in str(failure.value)


def test_a_failure_to_fetch_is_the_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "no network\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)

    with pytest.raises(FeedError, match=r"^no network$"):
        client("no_such_module_of_the_lakehouse", "kafka")


def test_on_databricks_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "this_platform", lambda: DATABRICKS)

    with pytest.raises(FeedError, match=r"isn't in this notebook's environment: add requirements/kafka.txt"):
        client("no_such_module_of_the_lakehouse", "kafka")
