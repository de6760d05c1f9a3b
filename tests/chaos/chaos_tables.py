"""What a killed job left on disk: commits of tables, files that no commit names, streams that are behind."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Snapshot:
    """Commits by table, and the paths of all data files."""

    commits: dict[str, int]
    data: frozenset[str]


def table_folders(home: Path) -> Iterator[tuple[str, Path]]:
    """Name and folder of every Delta table of a workspace."""
    warehouse = home / "warehouse"
    for schema in sorted(warehouse.glob("*.db")):
        for folder in sorted(schema.iterdir()):
            if folder.is_dir():
                yield f"{schema.name.removesuffix('.db')}.{folder.name}", folder


def snapshot(home: Path) -> Snapshot:
    """The tables as they lie there now; tables and files may come and go meanwhile."""
    commits: dict[str, int] = {}
    data: set[str] = set()
    for name, folder in table_folders(home):
        commits[name] = sum(1 for path in _names(folder / "_delta_log") if path.endswith(".json") and path[0] != ".")
        data.update(f"{name}/{file}" for file in _names(folder) if file.endswith((".parquet", ".bin")))
    return Snapshot(commits, frozenset(data))


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def merged_tables(home: Path, since: dict[str, int]) -> frozenset[str]:
    """Tables that got a MERGE in one of the commits since those counts."""
    return frozenset(name for name, folder in table_folders(home) if _has_merge(folder, since.get(name, 0)))


def _has_merge(folder: Path, since: int) -> bool:
    for log in sorted((folder / "_delta_log").glob("*.json"))[since:]:
        for line in log.read_text(encoding="utf-8").splitlines():
            if json.loads(line).get("commitInfo", {}).get("operation") == "MERGE":
                return True
    return False


def found_after_kill(home: Path, before: Snapshot) -> tuple[str, ...]:
    """Where a kill has struck, in words, from what it left: several may hold, or none.

    `within a write`: data files of this attempt that no commit names. `between commits`: a table got a commit from a
    batch whose stream doesn't know of it yet. `within a stream's batch`: a batch was begun and not noted as done.
    """
    now = snapshot(home)
    named = {f"{name}/{file}" for name, folder in table_folders(home) for file in _named_files(folder)}
    words = []
    if now.data - before.data - named:
        words.append("within a write")
    behind = [offsets for offsets in (home / "checkpoints").rglob("offsets") if _is_behind(offsets)]
    if behind:
        words.append("within a stream's batch")
        begun = min(_newest(offsets).stat().st_mtime for offsets in behind)
        logs = (log for _, folder in table_folders(home) for log in (folder / "_delta_log").glob("*.json"))
        if any(log.stat().st_mtime >= begun for log in logs):
            words.append("between commits")
    return tuple(words)


def _named_files(folder: Path) -> Iterator[str]:
    for log in (folder / "_delta_log").glob("*.json"):
        for line in log.read_text(encoding="utf-8").splitlines():
            if (added := json.loads(line).get("add")) is not None:
                yield added["path"]


def _is_behind(offsets: Path) -> bool:
    done = {path.name for path in (offsets.parent / "commits").glob("[0-9]*")}
    return any(path.name not in done for path in offsets.glob("[0-9]*"))


def _newest(offsets: Path) -> Path:
    return max(offsets.glob("[0-9]*"), key=lambda path: int(path.name))
