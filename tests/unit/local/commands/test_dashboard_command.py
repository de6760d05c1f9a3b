"""`lakehouse dashboard` becomes the dashboard's server on the workspace."""

import logging
import os
import socket
import sys

import pytest
from command_line import lakehouse

from local.commands import dashboard

Became = list[tuple[str, ...]]


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> Became:
    """The programs that the command became: module and arguments."""
    programs: Became = []
    monkeypatch.setenv("DASHBOARD_ROLE", "")
    monkeypatch.setattr(dashboard, "become", lambda workspace, *program: programs.append(program))
    return programs


def test_it_serves_this_machine_alone_at_a_free_port(became: Became, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        first = dashboard.free_port(8500)
        taken.bind(("127.0.0.1", first))
        taken.listen()
        assert lakehouse("dashboard") == 0

    [(module, *options)] = became
    port = next(option.split("=")[1] for option in options if option.startswith("--server.port="))
    assert module == "apps.dashboard"
    assert int(port) > first
    assert "--server.address=127.0.0.1" in options
    assert f"http://127.0.0.1:{port}" in capsys.readouterr().out


@pytest.mark.parametrize(("option", "headless"), [("--browser", "false"), ("--no-browser", "true")])
def test_a_browser_is_opened_unless_it_is_not_wanted(became: Became, option: str, headless: str) -> None:
    assert lakehouse("dashboard", option, "--port", "8123") == 0
    server = ("--server.address=127.0.0.1", "--server.port=8123", f"--server.headless={headless}")
    assert became[0][1:] == (*server, "--logger.hideWelcomeMessage=true")


def test_nobody_sees_persons_unless_it_is_said(became: Became) -> None:
    assert lakehouse("dashboard") == 0
    assert os.environ["DASHBOARD_ROLE"] == "analyst"
    assert lakehouse("dashboard", "--role", "fraud team") == 0
    assert os.environ["DASHBOARD_ROLE"] == "fraud team"


def test_another_role_is_wrong_usage(became: Became, capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse("dashboard", "--role", "admin") == 2
    assert "'admin' must be analyst or fraud team" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert became == []


def test_what_it_needs_is_fetched_once(became: Became, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(dashboard, "fetch", fetched.append)
    assert lakehouse("dashboard") == 0
    assert fetched == []
    monkeypatch.setattr(dashboard, "find_spec", lambda module: None if module == "streamlit" else object())
    assert lakehouse("dashboard") == 0
    assert fetched == ["dashboard"]


def test_the_server_starts_without_streamlit_s_warning_of_no_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("streamlit")
    from apps.dashboard import __main__ as server
    from streamlit.runtime.caching import cache_data_api
    from streamlit.web import cli

    told: list[str] = []
    logger = logging.getLogger(cache_data_api.__name__)
    listener = logging.Handler()
    monkeypatch.setattr(listener, "emit", lambda record: told.append(record.getMessage()))
    monkeypatch.setattr(sys, "argv", ["dashboard"])
    monkeypatch.setattr(cli, "main", lambda **_: None)
    logger.addHandler(listener)
    try:
        server.main()
        cache_data_api._data_caches.get_storage_manager()
        logger.warning("another")
    finally:
        logger.removeHandler(listener)
        logger.removeFilter(server._is_news)
    assert told == ["another"]
