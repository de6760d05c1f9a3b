"""What the pages say of this checkout is there."""

import re
import tomllib
from pathlib import Path

import pytest

from common.settings import repository

PAGES = [repository() / name for name in ("README.md", "CONTRIBUTING.md")] + sorted(
    (repository() / "docs").glob("*.md")
)
PATH = re.compile(
    r"`((?:src|jobs|bundles|sources|notebooks|tests|benchmarks|docs)/[\w./-]+\.(?:py|xml|yml|ipynb|md|txt))`"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(PATH.findall(page.read_text(encoding="utf-8")))
    of_the_reader = {name for name in named if "NAME" in name or Path(name).stem == "acme"}
    assert [name for name in named - of_the_reader if not (repository() / name).is_file()] == []


def test_pages_name_files() -> None:
    assert sum(len(PATH.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 20


def test_the_layers_of_the_architecture_page_are_those_that_are_checked() -> None:
    project = tomllib.loads((repository() / "pyproject.toml").read_text(encoding="utf-8"))
    [of_common] = [one for one in project["tool"]["importlinter"]["contracts"] if one.get("containers") == ["common"]]
    layers = [re.sub(r" \| \(\w+\)", "", layer) for layer in of_common["layers"]]  # without those that are to come
    page = (repository() / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert "```text\n" + "\n".join(layers) + "\n```" in page
