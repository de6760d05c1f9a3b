"""Which tables and views there are: those of the contracts, and those whose folders are in the workspace."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from common.contracts.registry import LAYERS, all_views
from common.contracts.table import View
from common.settings import Settings


@dataclass(frozen=True)
class Stored:
    """A table or view of the workspace: the folder of its Delta table, and which of that table's rows it has."""

    name: str
    folder: Path
    condition: str = ""


@cache
def _views() -> tuple[View, ...]:
    return all_views()


def stored(settings: Settings) -> dict[str, Stored]:
    """What is there now, by the names that contracts use (`gold.transaction_scores`), without a schema's prefix."""
    found: dict[str, Stored] = {}
    for layer in LAYERS:
        for log in sorted(_folder(settings, layer).glob("*/_delta_log")):
            name = f"{layer}.{log.parent.name}"
            found[name] = Stored(name, log.parent)
    for view in _views():
        if table := found.get(view.of.name):
            found[view.name] = Stored(view.name, table.folder, view.condition)
    return found


def near(name: str, known: Iterable[str]) -> list[str]:
    """Known tables whose names, with or without the schema, come near to a name: three at most, the nearest first."""
    wanted = ".".join(name.split(".")[-2:]).lower()
    short = wanted.split(".")[-1]

    def likeness(table: str) -> float:
        whole = difflib.SequenceMatcher(None, wanted, table).ratio()
        return max(whole, difflib.SequenceMatcher(None, short, table.rsplit(".", maxsplit=1)[-1]).ratio())

    return [table for table in sorted(known, key=likeness, reverse=True) if likeness(table) >= 0.6][:3]


def _folder(settings: Settings, layer: str) -> Path:
    return (settings.warehouse or settings.home) / f"{settings.schema(layer)}.db"
