"""A deployed job in a workspace of the test's own, and nothing configured but the way there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from remote_world import QuickClock, World
from stub_workspace import Workspace, served


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    for name in os.environ:
        if name.startswith(("DATABRICKS_", "ARM_", "BUNDLE_VAR_", "GOOGLE_")):
            monkeypatch.delenv(name)
    clock = QuickClock()
    monkeypatch.setattr("local.remote.connection.CLOCK", clock)
    monkeypatch.setattr("local.commands.run.repository", lambda: tmp_path / "checkout")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))  # no `databricks` that could be logged in
    workspace = Workspace()
    with served(workspace) as host:
        monkeypatch.setenv("DATABRICKS_HOST", host)
        monkeypatch.setenv("DATABRICKS_TOKEN", "a token")
        made = World(tmp_path / "checkout", workspace, host, clock, capsys)
        made.write({"first": {}, "second": {"depends_on": [{"task_key": "first"}]}})
        yield made
    assert workspace.unknown == []
