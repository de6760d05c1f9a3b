"""docs/lineage.md: which task reads and writes which tables, from what a run of the main job really did."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.contracts.registry import LAYERS, all_views
from common.settings import repository
from common.storage.lineage import FILE_NAME
from local.run.run_record import SUCCESS
from local.workspace import Workspace, read_json

MAIN_JOB = "lakehouse"

HEAD = """# Lineage

Which task reads and writes which tables, noted by a run of the main job while it went: the tables' handle
(`common.storage.lake.Lake`) writes a line for each access into the run's folder. Written by `make docs`, from the
newest run in which every task worked (`lakehouse run lakehouse --force`). On Databricks, Unity Catalog keeps lineage by
itself.

Arrows go from a table to the task that reads it, and on to the tables that it writes; dotted ones to views. A table
that a task writes and reads again has one arrow. Left out of the picture, and in the table below: the tables of `ops`,
which nearly every task writes, and `check_quality`, which reads all.
"""


@dataclass(frozen=True)
class Accesses:
    """The tables that a task read and wrote."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


Lineage = Mapping[str, Accesses]
"""By task."""


def lineage_file() -> Path:
    """Where the page is."""
    return repository() / "docs" / "lineage.md"


def lineage_of(run_folder: Path) -> Lineage:
    """What each task of a run read and wrote; empty where the run noted nothing."""
    notes = run_folder / FILE_NAME
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    seen: dict[str, dict[str, set[str]]] = {}
    for line in lines:
        try:
            access = json.loads(line)
        except ValueError:
            # A kill in the middle of a write leaves half a line.
            continue
        of_task = seen.setdefault(access["task"], {"read": set(), "write": set()})
        of_task[access["direction"]].add(access["table"])
    return {task: Accesses(frozenset(of["read"]), frozenset(of["write"])) for task, of in sorted(seen.items())}


def documented_lineage(page: Path | None = None) -> Lineage:
    """What docs/lineage.md says, read from its table of tasks."""
    text = (page or lineage_file()).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", text, re.MULTILINE)
    return {task: Accesses(_names(reads), _names(writes)) for task, reads, writes in rows}


def _names(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`([\w.]+)`", cell))


def undocumented(found: Lineage, documented: Lineage) -> list[str]:
    """What a run did that the page doesn't say, in sentences; a run with little to do may do less than it says."""
    return list(_only_in(found, documented, "is not in docs/lineage.md: run the main job, then `make docs`"))


def differences(found: Lineage, documented: Lineage) -> list[str]:
    """Every difference between what a run did and what the page says, in sentences."""
    return [*undocumented(found, documented), *_only_in(documented, found, "is in docs/lineage.md, but did not happen")]


def _only_in(one: Lineage, other: Lineage, verdict: str) -> Iterator[str]:
    for task, accesses in one.items():
        there = other.get(task, Accesses())
        for verb, tables in (("reads", accesses.reads - there.reads), ("writes", accesses.writes - there.writes)):
            yield from (f"{task} {verb} {table}: {verdict}" for table in sorted(tables))


def newest_run(workspace: Workspace) -> Path | None:
    """The folder of the newest successful run of the main job in which every task worked; None where there is none."""
    for folder in sorted(workspace.runs.glob("*T*-*"), reverse=True):
        record = read_json(folder / "run.json")
        done = isinstance(record, dict) and (record.get("job"), record.get("state")) == (MAIN_JOB, SUCCESS)
        if done and not any(task.get("up_to_date") for task in record["tasks"]) and lineage_of(folder):
            return folder
    return None


def lineage_page(lineage: Lineage) -> str:
    """The page: a Mermaid graph, and a table of tasks that `documented_lineage` reads back."""
    rows = [f"| `{task}` | {_cell(of.reads)} | {_cell(of.writes)} |" for task, of in lineage.items()]
    return "\n".join(
        [HEAD, "```mermaid", *_graph(lineage), "```", "", "| task | reads | writes |", "|---|---|---|", *rows, ""]
    )


def _cell(tables: Iterable[str]) -> str:
    return ", ".join(f"`{table}`" for table in sorted(tables, key=_by_layer)) or "nothing"


def _by_layer(table: str) -> tuple[int, str]:
    return LAYERS.index(table.split(".", maxsplit=1)[0]), table


def _graph(lineage: Lineage) -> Iterator[str]:
    drawn = {task: of for task, of in lineage.items() if task != "check_quality" and _drawn(of.writes)}
    tables = {table for of in drawn.values() for table in _drawn(of.reads | of.writes)}
    views = [view for view in all_views() if view.of.name in tables]
    yield "flowchart LR"
    for layer in LAYERS:
        names = sorted(_of_layer(tables | {view.name for view in views}, layer))
        if names:
            yield f"  subgraph {layer}"
            yield from (f'    {_node(name)}[("{name.split(".")[1]}")]' for name in names)
            yield "  end"
    for task, of in drawn.items():
        yield f"  {task}([{task}])"
        yield from (f"  {_node(table)} --> {task}" for table in sorted(_drawn(of.reads - of.writes)))
        yield from (f"  {task} --> {_node(table)}" for table in sorted(_drawn(of.writes)))
    yield from (f"  {_node(view.of.name)} -.-> {_node(view.name)}" for view in views)


def _drawn(tables: Iterable[str]) -> set[str]:
    return {table for table in tables if not table.startswith("ops.")}


def _of_layer(tables: Iterable[str], layer: str) -> set[str]:
    return {table for table in tables if table.startswith(f"{layer}.")}


def _node(table: str) -> str:
    return table.replace(".", "__")
