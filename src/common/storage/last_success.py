"""Whether a step has anything to do: all that it depends on is compared with what it was when it last succeeded.

That is the code, the notebook's parameters, the declaration of the source, the files that have landed, the versions of
the tables that the step reads and of those that it writes, how far its streams have read, and what else it names. A
step that begins to work forgets its last success, so that a killed step has none.
"""

import glob
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from common.result import Result
from common.settings import Settings, repository
from common.storage.files import write_whole
from common.storage.lake import Lake
from common.storage.progress import newest_batch

FOLDER = "steps"
"""Folder of the last successes, beside the checkpoints."""


@dataclass(frozen=True)
class Step:
    """The work of one notebook: what it depends on, and what it makes.

    `reads` are tables of which every new version is news. `writes` are tables whose versions are this step's own: one
    that isn't, as an erasure, a replay or a RESTORE makes it, is news. Of `shares`, which several steps write, it
    matters only that they are there. `streams` are the names of its checkpoints, `folders` those that files land in,
    `declaration` is what the source's file says. `looks_at` gives, in a form for JSON, what else the step depends on,
    and `leaves` what else it makes; None where that is unknown.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    declaration: str = ""
    looks_at: Callable[[Settings], Any] = lambda _: ""
    leaves: Callable[[Settings], Any] = lambda _: ""


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
        "reads": table_states(lake, step.reads),
        "looks_at": step.looks_at(lake.settings),
    }
    return Began(step, before)


def still_valid(lake: Lake, began: Began) -> Success | None:
    """The step's last success, where all is as it was then; else None."""
    file = _file(lake.settings, began.step)
    try:
        last = json.loads(file.read_text(encoding="utf-8"))
        if last["before"] != began.before or last["after"] != _after(lake, began.step):
            return None
        return Success(Result(**last["result"]), datetime.fromisoformat(last["at"]))
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or it is no note of this code
        return None


def forget(lake: Lake, step: Step) -> None:
    """Forgets the last success: the step works now, and may be killed."""
    _file(lake.settings, step).unlink(missing_ok=True)


def succeed(lake: Lake, began: Began, result: Result) -> None:
    """Notes the success of a step that is done, unless something that it depends on is unknown.

    Where the note can't be written there is none: the work is done all the same.
    """
    before = dict(began.before)
    # A table that the step has created, and nobody has filled, is read as what it was before: nothing.
    created = table_states(lake, [table for table, state in before["reads"].items() if state is None])
    before["reads"] = before["reads"] | {table: state for table, state in created.items() if state and state[0] == 0}
    after = _after(lake, began.step)
    if None in (*before["folders"].values(), before["looks_at"], after["leaves"]):
        return
    content = {"before": before, "after": after, "result": result.as_json(), "at": datetime.now(UTC).isoformat()}
    with suppress(OSError):
        write_whole(_file(lake.settings, began.step), json.dumps(content, indent=1, default=str))


def _file(settings: Settings, step: Step) -> Path:
    return Path(settings.checkpoint(FOLDER, f"{step.name}.json"))


def _after(lake: Lake, step: Step) -> dict[str, Any]:
    """What the step has made, as it is now, in the form that JSON gives back."""
    return {
        "writes": table_states(lake, step.writes),
        "shares": {table: state is not None for table, state in table_states(lake, step.shares).items()},
        "streams": {stream: _progress(lake.settings, stream) for stream in step.streams},
        "leaves": step.leaves(lake.settings),
    }


def table_states(lake: Lake, tables: Iterable[str]) -> dict[str, list[Any] | None]:
    """Version and commit of each table by name, None where it isn't there; in the form that JSON gives back."""
    states = {table: lake.state(table) for table in tables}
    return {table: None if state is None else [state.version, state.commit] for table, state in states.items()}


def _progress(settings: Settings, stream: str) -> list[Any]:
    """Which query a checkpoint is of, and its newest micro-batches begun and committed."""
    folder = Path(settings.checkpoint(stream))
    metadata = folder / "metadata"
    query = metadata.read_text(encoding="utf-8").strip() if metadata.is_file() else ""
    return [query, *(newest_batch(folder / name) for name in ("offsets", "commits"))]


def _files(folder: str) -> str | None:
    """A digest of the files below a folder: paths, sizes and times of change. Hidden ones are read by nobody.

    None where they can't be listed, or where an empty file is dated ahead: the feed leaves it for a later run.
    """
    if "://" in folder:
        return None
    digest = hashlib.sha256()
    seen: set[str] = set()
    for root in sorted(glob.glob(folder)):
        # As Spark lists files: links to folders are followed.
        for path, names, files in os.walk(root, followlinks=True):
            real = os.path.realpath(path)
            names[:] = [] if real in seen else sorted(name for name in names if not name.startswith("."))
            seen.add(real)
            for name in sorted(name for name in files if not name.startswith(".")):
                try:
                    found = os.stat(os.path.join(path, name))
                except FileNotFoundError:  # renamed since it was listed, or a link to nowhere
                    digest.update(f"{path}/{name} is gone\n".encode())
                    continue
                if not found.st_size and found.st_mtime > time.time():
                    return None
                digest.update(f"{path}/{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@cache
def code_digest() -> str:
    """A digest of this package, the notebooks, and the versions of what they import."""
    digest = hashlib.sha256()
    root = repository()
    for pattern in ("src/common/**/*.py", "src/common/**/*.csv", "notebooks/**/*.ipynb", "requirements.txt"):
        for file in sorted(root.glob(pattern)):
            digest.update(f"{file.relative_to(root)} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


# Here, not at its first use: processes that are forked later run the modules of this moment, not the files of theirs.
code_digest()
