"""The libraries of notebooks on Databricks: the same in every notebook, for job clusters, and in the lock."""

import json
import re
from pathlib import Path

import pytest

from common.settings import repository

NOTEBOOKS = sorted((repository() / "notebooks").glob("*/*.ipynb"))
REQUIREMENTS = repository() / "notebooks" / "requirements.txt"


def pins(file: Path) -> list[str]:
    return [line.split(" ")[0] for line in file.read_text(encoding="utf-8").splitlines() if re.match(r"\w.*==", line)]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_names_the_libraries(notebook: Path) -> None:
    metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    environment = metadata["application/vnd.databricks.v1+notebook"]["environmentMetadata"]

    assert environment == {"base_environment": "", "dependencies": pins(REQUIREMENTS), "environment_version": "4"}


def test_versions_are_those_of_the_lock() -> None:
    assert set(pins(REQUIREMENTS)) <= set(pins(repository() / "requirements.txt"))
    assert len(pins(REQUIREMENTS)) == 5
