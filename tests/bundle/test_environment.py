"""The libraries of notebooks on Databricks: the same in every notebook, for job clusters, and in the lock."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from common.settings import repository

NOTEBOOKS = sorted((repository() / "notebooks").glob("*/*.ipynb"))
REQUIREMENTS = repository() / "notebooks" / "requirements.txt"


def pins(file: Path) -> list[str]:
    return [line.split(" ")[0] for line in file.read_text(encoding="utf-8").splitlines() if re.match(r"\w.*==", line)]


READERS = repository() / "notebooks" / "requirements-readers.txt"
USE_CLIENTS = ("feeds", "score_stream", "publish", "check_quality", "send_alerts")
"""Notebooks that connect to servers: of feeds, and of outputs."""


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_names_the_libraries(notebook: Path) -> None:
    metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    environment = metadata["application/vnd.databricks.v1+notebook"]["environmentMetadata"]

    wanted = pins(REQUIREMENTS) + (pins(READERS) if notebook.stem in USE_CLIENTS else [])
    assert environment == {"base_environment": "", "dependencies": wanted, "environment_version": "4"}


def test_versions_are_those_of_the_lock() -> None:
    assert set(pins(REQUIREMENTS)) <= set(pins(repository() / "requirements.txt"))
    assert len(pins(REQUIREMENTS)) == 5


def test_client_libraries_are_those_that_readers_are_tested_with() -> None:
    locked = {pin for lock in (repository() / "requirements").glob("*.txt") for pin in pins(lock)}
    extras = tomllib.loads((repository() / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    of_apps = ("laptop", "duckdb", "dashboard")
    named = {re.split(r"[\[<>=~]", line)[0] for name, lines in extras.items() if name not in of_apps for line in lines}

    assert set(pins(READERS)) <= locked | set(pins(repository() / "requirements-dev.txt"))
    assert named <= {pin.partition("==")[0] for pin in pins(READERS)}
