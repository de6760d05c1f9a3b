"""Whether a step has anything to do: all that it depends on is compared with what it was when it last succeeded.

That is the code, the notebook's parameters, the declaration of the source, the files that have landed, the versions of
the tables that the step reads and of those that it alone writes, how far its streams have read, and what else it names.
A step that begins to work forgets its last success, so that a killed step has none.
"""

import glob
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from common.result import Result
from common.settings import Settings, repository
from common.storage.files import write_whole
from common.storage.lake import Lake

FOLDER = "steps"
"""Folder of the last successes, beside the checkpoints."""


@dataclass(frozen=True)
class Step:
    """The work of one notebook: what it depends on, and what it makes.

    `reads` are tables of which every new version is news. `writes` are tables that no other step writes: a version that
    is not this step's own, as an erasure or a RESTORE makes one, is news. Of `shares`, which several steps write, it
    matters only that they are there. `streams` are the names of its checkpoints, `folders` those that files land in,
    `declaration` is what the source's file says. `outside` gives, in a form for JSON, what else it depends on; None
    where that is unknown.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    declaration: str = ""
    outside: Callable[[Settings], Any] = lambda _: ""


@dataclass(frozen=True)
class Began:
    """A step that has begun, and what it depends on, as it was then."""

    step: Step
    before: Mapping[str, Any]


@dataclass(frozen=True)
class Success:
    """A step's last success: what it came to, and when (UTC)."""

    result: Result
    at: datetime


def begin(lake: Lake, step: Step, parameters: Mapping[str, Any]) -> Began:
    """What the step depends on, as it is before the step works."""
    before = {
        "code": code_digest(),
        "parameters": {name: str(value) for name, value in sorted(parameters.items())},
        "declaration": step.declaration,
        "folders": {folder: _files(folder) for folder in step.folders},
        "reads": _states(lake, step.reads),
    }
    return Began(step, before)


def still_valid(lake: Lake, began: Began) -> Success | None:
    """The step's last success, where all is as it was then; else None."""
    file = _file(lake.settings, began.step)
    try:
        last = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if last.get("before") != began.before or last.get("after") != _after(lake, began.step):
        return None
    return Success(Result(**last["result"]), datetime.fromisoformat(last["at"]))


def forget(lake: Lake, step: Step) -> None:
    """Forgets the last success: the step works now, and may be killed."""
    _file(lake.settings, step).unlink(missing_ok=True)


def succeed(lake: Lake, began: Began, result: Result) -> None:
    """Notes the success of a step that is done, unless something that it depends on is unknown."""
    before = dict(began.before)
    # A table that the step has created, and nobody has filled, is read as what it was before: nothing.
    created = _states(lake, [table for table, state in before["reads"].items() if state is None])
    before["reads"] = before["reads"] | {table: state for table, state in created.items() if state and state[0] == 0}
    after = _after(lake, began.step)
    if None in (*before["folders"].values(), after["outside"]):
        return
    content = {"before": before, "after": after, "result": result.as_json(), "at": datetime.now(UTC).isoformat()}
    write_whole(_file(lake.settings, began.step), json.dumps(content, indent=1, default=str))


def _file(settings: Settings, step: Step) -> Path:
    return Path(settings.checkpoint(FOLDER, f"{step.name}.json"))


def _after(lake: Lake, step: Step) -> dict[str, Any]:
    """What the step has made, as it is now, in the form that JSON gives back."""
    return {
        "writes": _states(lake, step.writes),
        "shares": {table: state is not None for table, state in _states(lake, step.shares).items()},
        "streams": {stream: _progress(lake.settings, stream) for stream in step.streams},
        "outside": step.outside(lake.settings),
    }


def _states(lake: Lake, tables: Iterable[str]) -> dict[str, list[Any] | None]:
    states = {table: lake.state(table) for table in tables}
    return {table: None if state is None else [state.version, state.commit] for table, state in states.items()}


def _progress(settings: Settings, stream: str) -> list[str]:
    """Which query a checkpoint is of, and its newest micro-batches begun and committed."""
    folder = Path(settings.checkpoint(stream))
    metadata = folder / "metadata"
    query = metadata.read_text(encoding="utf-8").strip() if metadata.is_file() else ""
    return [query, *(_newest(folder / name) for name in ("offsets", "commits"))]


def _newest(folder: Path) -> str:
    numbers = [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]
    return str(max(numbers, default=""))


def _files(folder: str) -> str | None:
    """A digest of the files below a folder: paths, sizes and times of change. None where they can't be listed."""
    if "://" in folder:
        return None
    digest = hashlib.sha256()
    for root in sorted(glob.glob(folder)):
        for path, names, files in os.walk(root):
            names.sort()
            for name in sorted(files):
                found = os.stat(os.path.join(path, name))
                digest.update(f"{path}/{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@cache
def code_digest() -> str:
    """A digest of this package and the notebooks."""
    digest = hashlib.sha256()
    root = repository()
    for pattern in ("src/common/**/*.py", "src/common/**/*.csv", "notebooks/**/*.ipynb"):
        for file in sorted(root.glob(pattern)):
            digest.update(f"{file.relative_to(root)} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()
