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
    newest = next(iter(commits_in(log)), None)
    return None if newest is None else TableState(newest, _commit_id(log, newest))


def has_commit(log: Path, state: TableState) -> bool:
    """Whether this very commit is still in a log's folder; old ones are removed from there."""
    try:
        return _commit_id(log, state.version) == state.commit
    except FileNotFoundError:
        return False


def commits_in(log: Path) -> list[int]:
    """The versions whose commits are in a log's folder, newest first."""
    try:
        names = os.listdir(log)
    except FileNotFoundError:
        return []
    commits = (name for name in names if len(name) == len(_COMMIT) and name.endswith(".json"))
    return sorted((int(name.removesuffix(".json")) for name in commits), reverse=True)


def commit_info(log: Path, version: int) -> dict[str, Any]:
    """What Delta notes of a commit, from its first line; empty where that is something else."""
    with _file(log, version).open(encoding="utf-8") as lines:
        try:
            first = json.loads(lines.readline())
        except ValueError:
            return {}
    found = first.get("commitInfo") if isinstance(first, dict) else None
    return found if isinstance(found, dict) else {}


def _commit_id(log: Path, version: int) -> str:
    """The id that Delta gives each transaction; else what identifies the file."""
    if transaction := commit_info(log, version).get("txnId"):
        return str(transaction)
    found = _file(log, version).stat()
    return f"{found.st_mtime_ns} {found.st_size}"


def _file(log: Path, version: int) -> Path:
    return log / f"{version:020}.json"
