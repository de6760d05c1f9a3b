"""Findings of a table's last check, kept while the table and those that its foreign keys lead to are as they were."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common.checks.findings import Finding
from common.contracts.table import Table
from common.storage.files import write_whole
from common.storage.lake import Lake
from common.storage.last_success import FOLDER, code_digest, table_states

Basis = Mapping[str, Any]
"""What the findings of a table depend on, in the form that JSON gives back."""


def basis(lake: Lake, *tables: Table | str, days: int = 0) -> Basis:
    """What findings about these tables depend on at this moment. Call it before the tables are checked."""
    names = [table if isinstance(table, str) else table.name for table in tables]
    return {"code": code_digest(), "days": days, "versions": table_states(lake, names)}


def kept_findings(lake: Lake, bases: Mapping[str, Basis]) -> dict[str, list[Finding]]:
    """The findings, by table name, of the tables that have not changed since their last check."""
    kept = _read(lake)
    return {
        name: [Finding(**finding) for finding in kept[name]["findings"]]
        for name, now in bases.items()
        if name in kept and kept[name]["basis"] == now
    }


def keep_findings(lake: Lake, bases: Mapping[str, Basis], found: Mapping[str, Sequence[Finding]]) -> None:
    """Notes the findings of tables, and what they depend on."""
    checked = {
        name: {"basis": of, "findings": [asdict(finding) for finding in found[name]]} for name, of in bases.items()
    }
    with suppress(OSError):  # without a note, all is checked next time
        write_whole(_file(lake), json.dumps(_read(lake) | checked))


def _read(lake: Lake) -> dict[str, Any]:
    try:
        found = json.loads(_file(lake).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _file(lake: Lake) -> Path:
    return Path(lake.settings.checkpoint(FOLDER, "findings.json"))
