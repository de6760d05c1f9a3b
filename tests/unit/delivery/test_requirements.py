"""What is installed where: the base is enough for `common`, and one lock doesn't contradict another."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
import pytest

from common.settings import repository

LOCKS = sorted([*repository().glob("requirements*.txt"), *(repository() / "requirements").glob("*.txt")])
HAS_A_WAY_WITHOUT = {"IPython"}
"""Shows rich outputs in notebooks, which have it; `common` prints where there is none."""


def pins(file: Path) -> dict[str, str]:
    """Version by package of a lock."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return dict(found)


def sources() -> Iterator[str]:
    for file in (repository() / "src" / "common").rglob("*.py"):
        yield file.read_text(encoding="utf-8")
    for file in (repository() / "notebooks").glob("*/*.ipynb"):
        yield from (cell.source for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code")


def imported() -> set[str]:
    """The top-level modules that `common` and the notebooks import, wherever in their code."""
    names = set()
    for source in sources():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"common"}


def test_the_base_has_all_that_common_and_the_notebooks_import() -> None:
    locks = [repository() / "requirements.txt", *(repository() / "requirements").glob("*.txt")]  # readers have extras
    base = {name.lower().replace("_", "-") for lock in locks if lock.stem != "servers" for name in pins(lock)}
    providers = packages_distributions()
    assert {"pyspark", "mlflow", "matplotlib"} <= imported()
    for module in imported() - HAS_A_WAY_WITHOUT:
        assert {name.lower().replace("_", "-") for name in providers[module]} & base, module


def test_the_base_has_nothing_of_the_laptops() -> None:
    base = pins(repository() / "requirements.txt")
    assert not {"papermill", "jupyterlab", "ipykernel", "typer", "rich", "faker", "psutil"} & set(base)


def test_what_is_tested_has_the_versions_of_the_base() -> None:
    base, tested = pins(repository() / "requirements.txt"), pins(repository() / "requirements-dev.txt")
    assert base.items() <= tested.items()
    assert {"papermill", "typer", "pytest"} <= set(tested)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_hashes_and_names_no_registry(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert text.count("--hash=sha256:") >= len(pins(lock))
    assert not re.search(r"https?:|index-url|find-links", text)
