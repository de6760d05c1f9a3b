"""All contracts: every table and view that a module of this package declares, found rather than listed by hand."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import common.contracts
from common.contracts.bronze import bronze_table
from common.contracts.silver import TARGETS
from common.contracts.table import Table, View

LAYERS = ("bronze", "silver", "gold", "ops")


def all_tables() -> tuple[Table, ...]:
    """Every declared table, layer by layer, in the order of declaration.

    A bronze table is made for each feed of a source. Those given here are named for silver's targets, as the feeds of
    most sources are.
    """
    found = {table.name: table for table in (*map(bronze_table, TARGETS), *_declared(Table))}
    return tuple(sorted(found.values(), key=lambda table: LAYERS.index(table.schema)))


def all_views() -> tuple[View, ...]:
    """Every declared view, in the order of declaration."""
    return tuple({view.name: view for view in _declared(View)}.values())


def _declared(kind: type[Any]) -> Iterator[Any]:
    for module in sorted(found.name for found in pkgutil.iter_modules(common.contracts.__path__)):
        if module != "registry":
            declared = importlib.import_module(f"common.contracts.{module}")
            for name, value in vars(declared).items():
                if not name.startswith("__"):
                    yield from _within(value, kind)


def _within(value: Any, kind: type[Any]) -> Iterator[Any]:
    """The tables or views that a declaration is, holds, or makes (a reference makes two)."""
    if isinstance(value, type):
        return
    if isinstance(value, kind):
        yield value
    elif isinstance(value, Mapping):
        yield from _within(tuple(value.values()), kind)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _within(item, kind)
    elif is_dataclass(value) and not isinstance(value, Table | View):
        yield from _within(tuple(getattr(value, field.name) for field in fields(value)), kind)
