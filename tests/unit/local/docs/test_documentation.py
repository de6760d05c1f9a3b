"""The generated pages: the dictionary equals the contracts, and lineage survives being written down and read back."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.contracts import gold, ops, silver
from common.contracts.registry import all_tables, all_views
from common.contracts.silver import TRANSACTIONS
from common.settings import Settings
from common.storage.lineage import FILE_NAME, note
from local.docs import data_dictionary as dictionary
from local.docs.data_dictionary import data_dictionary, dictionary_file
from local.docs.lineage import (
    Accesses,
    differences,
    documented_lineage,
    lineage_of,
    lineage_page,
    newest_run,
    undocumented,
)
from local.workspace import Workspace, write_json

RUN = (
    ("bronze_feeds", "write", "bronze.transactions"),
    ("silver_transactions", "read", "bronze.transactions"),
    ("silver_transactions", "read", "silver.transactions"),
    ("silver_transactions", "write", "silver.transactions"),
    ("silver_transactions", "write", "silver.transactions"),
    ("silver_transactions", "write", "ops.batches"),
    ("score_transactions", "read", "silver.transactions"),
    ("score_transactions", "write", "gold.transaction_scores"),
    ("check_quality", "read", "gold.transaction_scores"),
)
FOUND = {
    "bronze_feeds": Accesses(writes=frozenset({"bronze.transactions"})),
    "check_quality": Accesses(reads=frozenset({"gold.transaction_scores"})),
    "score_transactions": Accesses(frozenset({"silver.transactions"}), frozenset({"gold.transaction_scores"})),
    "silver_transactions": Accesses(
        frozenset({"bronze.transactions", "silver.transactions"}), frozenset({"silver.transactions", "ops.batches"})
    ),
}


def a_run(home: Path, run_id: str, accesses: tuple[tuple[str, str, str], ...] = RUN, **record: Any) -> Path:
    """A run's folder, with notes made by the function that the tables' handle calls."""
    folder = home / "runs" / run_id
    write_json(folder / "run.json", {"job": "lakehouse", "state": "SUCCESS", "tasks": []} | record)
    for task, direction, table in accesses:
        note(Settings(home, run_id=run_id, task_key=task), direction, table)
    return folder


def sections_of(page: str) -> dict[str, str]:
    """The text of each table and view, by its name."""
    return {text.split("\n")[0]: text for text in page.split("\n### ")[1:]}


def test_the_data_dictionary_is_that_of_the_contracts() -> None:
    assert dictionary_file().read_text(encoding="utf-8") == data_dictionary(), "run `make docs`"


def test_the_dictionary_holds_every_table_view_column_and_rule() -> None:
    sections = sections_of(data_dictionary())

    tables = [table for table in all_tables() if table.schema != "bronze"]
    assert set(sections) == {"bronze.FEED", *(t.name for t in tables), *(v.name for v in all_views())}
    for table in tables:
        section = sections[table.name]
        assert table.comment in section
        assert f"| grain | {table.grain} |" in section
        for column in table.columns:
            assert f"| `{column.name}` | `{column.type}` | {column.comment}" in section
        assert section.count("*Personal.*") == sum(column.personal for column in table.columns)
        for check in table.checks:
            assert f"| `{check.name}` | " in section
            assert check.rule.replace("|", "\\|") in section
        for key in table.foreign_keys:
            assert f"`{key.column}` to `{key.to_table}.{key.to_column}`" in section


def test_a_changed_contract_changes_its_section_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sections_of(data_dictionary())
    changed = replace(TRANSACTIONS, comment="Changed.")
    tables = [changed if table.name == changed.name else table for table in all_tables()]
    monkeypatch.setattr(dictionary, "all_tables", lambda: tables)

    after = sections_of(data_dictionary())

    assert list(after) == list(before)
    assert [name for name in after if after[name] != before[name]] == [TRANSACTIONS.name]
    assert after[TRANSACTIONS.name] == before[TRANSACTIONS.name].replace(TRANSACTIONS.comment, "Changed.")
    assert TRANSACTIONS.comment not in after[TRANSACTIONS.name]


def test_the_registry_finds_what_modules_declare_in_whatever_form() -> None:
    names = [table.name for table in all_tables()]

    assert len(names) == len(set(names))
    assert {"bronze.transactions", silver.CUSTOMER.history.name, silver.CUSTOMER.changes.name} <= set(names)
    assert {gold.TRANSACTION_SCORES.name, ops.BATCHES.name} <= set(names)
    assert gold.FRAUD_TRANSACTIONS in all_views()
    declared = {f"{schema}.{name}" for schema, name in re.findall(r'name="(\w+)\.(\w+)"', _sources())}
    assert declared <= {*names, *(view.name for view in all_views())}


def _sources() -> str:
    folder = Path(silver.__file__).parent
    return "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))


def test_foreign_keys_lead_to_declared_columns_of_the_same_type() -> None:
    tables = {table.name: table for table in all_tables()}

    for table in tables.values():
        for key in table.foreign_keys:
            assert tables[key.to_table].column(key.to_column).type == table.column(key.column).type


def test_a_runs_notes_become_its_lineage(tmp_path: Path) -> None:
    folder = a_run(tmp_path, "20261121T100000-aaaa")
    with (folder / FILE_NAME).open("a") as notes:
        notes.write('{"task": "killed", "dire')

    assert lineage_of(folder) == FOUND
    assert lineage_of(tmp_path) == {}


def test_a_page_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    page = tmp_path / "lineage.md"
    page.write_text(lineage_page(FOUND), encoding="utf-8")

    assert documented_lineage(page) == FOUND
    assert differences(FOUND, documented_lineage(page)) == []


def test_the_graph_goes_from_tables_through_tasks_to_tables_and_views() -> None:
    graph = re.search(r"```mermaid\n(.*?)```", lineage_page(FOUND), re.DOTALL)

    assert graph is not None
    arrows = {line.strip() for line in graph[1].splitlines() if ">" in line}
    assert arrows == {
        "bronze_feeds --> bronze__transactions",
        "bronze__transactions --> silver_transactions",
        "silver_transactions --> silver__transactions",
        "silver__transactions --> score_transactions",
        "score_transactions --> gold__transaction_scores",
        "gold__transaction_scores -.-> gold__fraud_transactions",
        "gold__transaction_scores -.-> gold__genuine_transactions",
    }


def test_what_a_run_did_and_the_page_does_not_say_is_named_and_the_other_way_round() -> None:
    documented = {name: of for name, of in FOUND.items() if name != "score_transactions"}
    less = {name: of for name, of in FOUND.items() if name != "check_quality"}

    assert undocumented(less, FOUND) == []
    assert [line.split(":")[0] for line in undocumented(less, documented)] == [
        "score_transactions reads silver.transactions",
        "score_transactions writes gold.transaction_scores",
    ]
    assert differences(less, FOUND) == [
        "check_quality reads gold.transaction_scores: is in docs/lineage.md, but did not happen"
    ]


def test_the_page_is_written_from_the_newest_run_in_which_every_task_worked(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert newest_run(workspace) is None

    wanted = a_run(tmp_path, "20261121T100000-aaaa")
    a_run(tmp_path, "20261120T100000-aaaa")
    a_run(tmp_path, "20261121T110000-aaaa", tasks=[{"up_to_date": False}, {"up_to_date": True}])
    a_run(tmp_path, "20261121T120000-aaaa", state="FAILED")
    a_run(tmp_path, "20261121T130000-aaaa", job="replay_quarantine")
    a_run(tmp_path, "20261121T140000-aaaa", ())

    assert newest_run(workspace) == wanted


def test_lines_are_json_of_task_direction_and_table(tmp_path: Path) -> None:
    lines = (a_run(tmp_path, "20261121T100000-aaaa") / FILE_NAME).read_text().splitlines()

    assert json.loads(lines[0]) == {"task": "bronze_feeds", "direction": "write", "table": "bronze.transactions"}
    assert len(lines) == len(RUN)
