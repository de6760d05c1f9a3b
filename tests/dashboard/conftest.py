"""A small world, and pages of the dashboard on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from app_pages import Open
from dashboard_world import World, a_world
from streamlit import config
from streamlit.testing.v1 import AppTest

# Else each page looks through all packages that are installed, to tell of those that it uses.
config.set_option("browser.gatherUsageStats", False)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world that nobody changes."""
    return a_world(tmp_path_factory.mktemp("dashboard"))


@pytest.fixture
def looked_at(pristine: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """That world, in which queries are asked."""
    yield from _in(pristine, monkeypatch)


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all copies: what reads it stays open, and sees that its tables are others."""
    return tmp_path_factory.mktemp("copied") / "home"


@pytest.fixture
def changing(pristine: World, copied: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A copy of it, to be changed."""
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(pristine.home, copied)
    yield from _in(World(copied, {name: list(rows) for name, rows in pristine.rows.items()}), monkeypatch)


def _in(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(world.home))
    for name in ("DASHBOARD_ROLE", "DASHBOARD_FRAUD_TEAM", "DATABRICKS_WAREHOUSE_ID"):
        monkeypatch.delenv(name, raising=False)
    st.cache_data.clear()
    yield world
    st.cache_data.clear()


@pytest.fixture
def open_page() -> Open:
    """Opens a page with what is in its address."""

    def opened(place: str, **address: str | list[str]) -> AppTest:
        app = AppTest.from_string(f"from apps.dashboard.pages import drawer; drawer({place!r})()", default_timeout=60)
        for name, value in address.items():
            app.query_params[name] = value
        return app.run()

    return opened
