"""`lakehouse doctor`: each thing that may be missing, found missing once, with its fix."""

import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stub_catalog
import stub_models
from stub_workspace import Workspace as StubWorkspace
from stub_workspace import served

from common.settings import repository
from local import cli
from local.doctor import local_checks, workspace_checks
from local.doctor.finding import MISSING, NOT_SET_UP, OK, WARNING, Finding
from local.doctor.local_checks import local_findings
from local.doctor.workspace_checks import workspace_findings
from local.jobs.bundle import load_bundle
from local.workspace import Workspace

assert stub_catalog
assert stub_models


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server and no profile of the person who runs the tests."""
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    # Spark's jars stay where they are; a profile of the CLI is looked for in an empty home.
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "250")


def here(subject: str, home: Path) -> Finding:
    [found] = [finding for finding in local_findings(Workspace(home)) if finding.subject == subject]
    return found


def test_a_machine_that_runs_these_tests_lacks_nothing_for_local_work(tmp_path: Path) -> None:
    lacking = [finding for finding in local_findings(Workspace(tmp_path / "new")) if finding.state == MISSING]
    assert lacking == []


def test_another_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_checks, "PYTHONS", ((3, 13),))
    found = here("Python", tmp_path)
    assert found.state == MISSING
    assert "PYTHON=PATH" in found.fix


def test_a_java_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    monkeypatch.setenv("PATH", "")
    found = here("Java", tmp_path)
    assert found.state == MISSING
    assert "is Java 11" in found.found
    assert found.fix == "make setup fetches one"


def test_jars_that_were_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = here("Spark's jars", tmp_path)
    assert (found.state, found.fix) == (MISSING, "make setup fetches them")


@pytest.mark.parametrize(("memory", "state"), [("1m", OK), ("900g", WARNING), ("much", MISSING)])
def test_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: str, state: str) -> None:
    monkeypatch.setenv("LAKEHOUSE_DRIVER_MEMORY", memory)
    found = here("memory", tmp_path)
    assert found.state == state
    assert bool(found.fix) == (state != OK)


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    found = here("workspace", tmp_path / "home")
    assert found.state == MISSING
    assert "LAKEHOUSE_HOME" in found.fix


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_checks, "FREE_DISK_GIB", 10**9)
    assert here("disk", tmp_path).state == WARNING


def test_a_server_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{port}/;user_id=x")
        assert here("Spark", tmp_path).state == OK
    found = here("Spark", tmp_path)
    assert found.state == MISSING
    assert "unset SPARK_REMOTE" in found.fix
    monkeypatch.setenv("SPARK_REMOTE", "localhost")
    assert "sc://HOST:PORT" in here("Spark", tmp_path).fix


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubWorkspace]:
    stub = StubWorkspace()
    monkeypatch.setattr(workspace_checks, "ANSWER_SECONDS", 1)
    with served(stub) as host:
        monkeypatch.setenv("DATABRICKS_HOST", host)
        monkeypatch.setenv("DATABRICKS_TOKEN", "of-the-stub")
        yield stub


def a_cli(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(workspace_checks, "repository", lambda: folder)
    cli_file = folder / "databricks"
    cli_file.write_text(f"#!/bin/sh\necho 'Databricks CLI {version}'\n")
    cli_file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def there(subject: str, catalog: str = "workspace") -> Finding:
    bundle = load_bundle(repository(), "dev", {"catalog": catalog})
    [found] = [finding for finding in workspace_findings(bundle) if finding.subject.startswith(subject)]
    return found


@pytest.mark.parametrize(
    ("version", "state"), [("v1.10.0", OK), ("v0.0.0-dev", OK), ("v0.240.1", MISSING), ("nonsense", MISSING)]
)
def test_the_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, state: str) -> None:
    a_cli(tmp_path, monkeypatch, version)
    assert there("Databricks CLI").state == state


def test_no_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_checks, "repository", lambda: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert there("Databricks CLI").state == NOT_SET_UP


def test_nobody_is_logged_in() -> None:
    found = there("login")
    assert found.state == NOT_SET_UP
    assert "databricks auth login" in found.fix


def test_a_workspace_that_does_not_answer(stub: StubWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    found = there("login")
    assert found.state == MISSING
    assert "http://127.0.0.1:9" in found.found


def test_the_workspace_of_the_target_is_looked_at(stub: StubWorkspace) -> None:
    bundle = load_bundle(repository(), "dev")
    bundle.workspace["host"] = "http://127.0.0.1:9"
    [found] = [finding for finding in workspace_findings(bundle) if finding.subject == "login"]
    assert found.state == MISSING
    assert "http://127.0.0.1:9" in found.found


def test_a_catalog_that_may_be_used(stub: StubWorkspace) -> None:
    found = there("catalog")
    assert (found.state, found.found) == (WARNING, "not granted: USE CATALOG and CREATE SCHEMA")
    assert "its owner grants" in found.fix

    stub.grants["catalog", "workspace"] = {stub.user: {"USE_CATALOG", "CREATE_SCHEMA"}}
    assert there("login").found.startswith("alice@example.com at http://")
    assert there("catalog").state == OK

    stub.grants.clear()
    stub.catalogs["workspace"] = stub.user
    assert there("catalog").state == OK


def test_a_catalog_that_is_not_there(stub: StubWorkspace) -> None:
    found = there("catalog", "main")
    assert found.state == MISSING
    assert "BUNDLE_VAR_catalog=NAME" in found.fix


def lakehouse(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lakehouse", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
    return end.value.code if isinstance(end.value.code, int) else 0


def test_a_laptop_is_well_without_a_workspace(capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse("doctor") == 0
    shown = capsys.readouterr().out
    assert "not set up" in shown
    assert "databricks auth login" in shown


def test_a_target_needs_a_workspace(capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse("doctor", "--target", "dev") == 1
    assert lakehouse("doctor", "--target", "nowhere") == 1
    assert "no target 'nowhere'" in capsys.readouterr().err


def test_a_target_that_is_ready(
    stub: StubWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_cli(tmp_path, monkeypatch, "v1.10.0")
    assert lakehouse("doctor", "--target", "dev") == 0
    assert "catalog workspace" in capsys.readouterr().out
