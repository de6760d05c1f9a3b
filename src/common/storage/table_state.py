"""Which version of a table is there: read from its log where that is a folder, which costs no query."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.settings import Settings

_COMMIT = "00000000000000000000.json"


@dataclass(frozen=True)
class TableState:
    """A table's newest version, and what distinguishes that commit from another one of the same number.

    A table that was dropped and made again may reach the same version; its commits are others.
    """

    version: int
    commit: str


def log_folder(settings: Settings, table: str) -> Path | None:
    """The folder of the log of `schema.table`, whether it is there or not; None where logs can't be read as files.

    A server that SPARK_REMOTE names may keep its tables elsewhere.
    """
    warehouse = settings.warehouse
    if warehouse is None or os.environ.get("SPARK_REMOTE") or not warehouse.is_dir():
        return None
    schema, name = table.split(".")
    return warehouse / f"{settings.schema(schema)}.db" / name / "_delta_log"


def state_in(log: Path) -> TableState | None:
    """The state by the newest commit in a log's folder; None where there is no commit."""
    try:
        names = os.listdir(log)
    except FileNotFoundError:
        return None
    commits = (name for name in names if len(name) == len(_COMMIT) and name.endswith(".json"))
    newest = max(commits, default=None)
    return None if newest is None else TableState(int(newest.removesuffix(".json")), _commit_id(log / newest))


def _commit_id(file: Path) -> str:
    """The id that Delta gives each transaction, from the first line of its commit; else what identifies the file."""
    with file.open(encoding="utf-8") as lines:
        first = _parsed(lines.readline())
    if transaction := first.get("commitInfo", {}).get("txnId"):
        return str(transaction)
    found = file.stat()
    return f"{found.st_mtime_ns} {found.st_size}"


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
