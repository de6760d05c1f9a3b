"""A table's name finds its code: gold.NAME is made by the module NAME of common.gold."""

import importlib
from pathlib import Path

import pytest

import common.gold
from common.contracts.registry import all_tables, all_views
from common.contracts.star import DIMENSIONS
from common.contracts.table import Table
from common.gold.marts import DECLARED
from common.settings import repository

FOLDER = Path(common.gold.__path__[0])
SHARED = {table.name: "dimensions" for table in DIMENSIONS.values()}
"""Tables that differ by their entity alone have one module."""
GOLD = [table for table in all_tables() if table.schema == "gold"]


def module_of(table: Table) -> str:
    return SHARED.get(table.name, table.short_name)


@pytest.mark.parametrize("table", GOLD, ids=lambda table: table.name)
def test_a_table_has_the_module_of_its_name_which_says_what_it_makes(table: Table) -> None:
    first_line = (FOLDER / f"{module_of(table)}.py").read_text(encoding="utf-8").splitlines()[0]

    named = first_line.split(":")[0]
    assert named.startswith('"""gold.')
    assert table.short_name in named.removeprefix('"""gold.').replace(" ", "").split(",")


def test_a_view_is_of_a_table_whose_module_creates_it() -> None:
    views = [view for view in all_views() if view.name.startswith("gold.")]

    assert views
    for view in views:
        module = importlib.import_module(f"common.gold.{module_of(view.of)}")
        assert view in vars(module).values()


def test_a_mart_ends_its_module_with_its_declaration() -> None:
    assert len(DECLARED) > 4
    for mart in DECLARED:
        lines = (FOLDER / f"{mart.table.short_name}.py").read_text(encoding="utf-8").splitlines()
        assert lines[-1].startswith(f"MART = Mart({mart.table.short_name.upper()}, {mart.table.short_name}, by=")
        assert (mart.rows.__name__, mart.period in mart.table.column_names) == (mart.table.short_name, True)


def test_a_notebook_of_gold_bears_the_name_of_what_it_fills() -> None:
    names = {path.stem for path in (repository() / "notebooks" / "gold").glob("*.ipynb")}

    assert names
    assert all((FOLDER / f"{name}.py").is_file() for name in names)
