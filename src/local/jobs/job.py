"""A Databricks job, read from YAML into a graph of notebook tasks, with every mistake in it found first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import DeclarationError
from local.jobs import keys
from local.jobs.bundle import Bundle
from local.jobs.yaml_file import near
from local.workspace import shown_path


@dataclass(frozen=True)
class Task:
    """A notebook to run, after what, and how often to try."""

    key: str
    notebook: Path
    base_parameters: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    run_if: str = "ALL_SUCCESS"
    max_retries: int = 0
    min_retry_interval_seconds: float = 0
    retry_on_timeout: bool = False
    timeout_seconds: int = 0


@dataclass(frozen=True)
class Job:
    """Tasks in an order in which each comes after those that it depends on."""

    key: str
    name: str
    file: Path
    tasks: tuple[Task, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    max_concurrent_runs: int = 1
    timeout_seconds: int = 0

    def task(self, key: str) -> Task:
        """The task of that key.

        Raises:
            DeclarationError: there is none.

        """
        for task in self.tasks:
            if task.key == key:
                return task
        raise DeclarationError(f"job {self.key} has no task '{key}'; {near(key, [t.key for t in self.tasks])}")

    def from_task(self, key: str) -> frozenset[str]:
        """The keys of a task and of all that depend on it, directly or through others."""
        found = {self.task(key).key}
        for task in self.tasks:  # in order: the tasks that a task depends on come before it
            if found.intersection(task.depends_on):
                found.add(task.key)
        return frozenset(found)

    def height(self, key: str) -> int:
        """How many tasks follow each other from this one to the end, itself included."""
        after = [task.key for task in self.tasks if key in task.depends_on]
        return 1 + max(map(self.height, after), default=0)


def load_job(bundle: Bundle, key: str) -> Job:
    """The job of that key, with its `${...}` references replaced.

    Raises:
        DeclarationError: there is no such job, or its file breaks a rule: an unknown key, a value of the wrong kind,
            a duplicate task_key, a depends_on that names nothing, a cycle.

    """
    if key not in bundle.jobs:
        raise DeclarationError(f"no job '{key}' in {shown_path(bundle.file)}; {near(key, bundle.jobs, 'jobs')}")
    file, content = bundle.jobs[key]
    node = _Node(bundle.resolve(content, file), file, f"resources.jobs.{key}")
    node.check_keys(keys.JOB_KEYS, keys.JOB_KEYS_OF_DATABRICKS)
    tasks = [_task(item) for item in node.items("tasks")]
    if not tasks:
        raise node.error("tasks", "there is none; a job needs at least one")
    _check_graph(tasks, node)
    return Job(
        key=key,
        name=node.text("name", key),
        file=file,
        tasks=tuple(_in_order(tasks, node)),
        parameters=_job_parameters(node),
        max_concurrent_runs=node.number("max_concurrent_runs", 1, minimum=1),
        timeout_seconds=node.number("timeout_seconds", 0),
    )


class _Node:
    """A mapping of a job file with its place there, which every message names."""

    def __init__(self, content: Any, file: Path, place: str) -> None:
        self.file, self.place = file, place
        if not isinstance(content, dict):
            raise self.error("", "must be a mapping of keys to values")
        self.content: dict[str, Any] = content

    def error(self, key: str, message: str) -> DeclarationError:
        place = ".".join(filter(None, (self.place, key)))
        return DeclarationError(f"{shown_path(self.file)}: {place}: {message}")

    def check_keys(self, honoured: frozenset[str], of_databricks: frozenset[str] = frozenset()) -> None:
        for key in self.content:
            if key in honoured or key in of_databricks:
                continue
            if key in keys.OTHER_TASK_KINDS:
                raise self.error(key, "the local runner runs notebook tasks only: use notebook_task")
            raise self.error(str(key), f"unknown key; {near(str(key), honoured | of_databricks)}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.content.get(key, default)
        if value is None:
            raise self.error(key, "is missing")
        if isinstance(value, dict | list):
            raise self.error(key, "must be text")
        return _as_text(value)

    def number(self, key: str, default: int, minimum: int = 0) -> int:
        value = self.content.get(key, default)
        if isinstance(value, str) and value.strip().lstrip("-").isdigit():
            value = int(value)  # a variable of a bundle is text
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise self.error(key, f"{value!r} must be a whole number of {minimum} or more")
        return value

    def flag(self, key: str) -> bool:
        value = self.content.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"{value!r} must be true or false")
        return value

    def items(self, key: str) -> list["_Node"]:
        value = self.content.get(key) or []
        if not isinstance(value, list):
            raise self.error(key, "must be a list")
        return [_Node(item, self.file, f"{self.place}.{key}[{index}]") for index, item in enumerate(value)]

    def texts(self, key: str) -> dict[str, str]:
        node = _Node(self.content.get(key) or {}, self.file, f"{self.place}.{key}")
        return {name: node.text(name, "") for name in node.content}


def _as_text(value: Any) -> str:
    """Parameters arrive as text on Databricks; booleans as YAML writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _job_parameters(node: _Node) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in node.items("parameters"):
        item.check_keys(keys.PARAMETER_KEYS)
        name = item.text("name")
        if name in found:
            raise item.error("name", f"the parameter '{name}' is given twice")
        found[name] = item.text("default")
    return found


def _task(node: _Node) -> Task:
    key = node.text("task_key")
    node.place = f"{node.place.rsplit('[', 1)[0]}.{key}"
    node.check_keys(keys.TASK_KEYS, keys.TASK_KEYS_OF_DATABRICKS)
    run_if = node.text("run_if", "ALL_SUCCESS")
    if run_if not in keys.RUN_IF:
        raise node.error("run_if", f"'{run_if}' is none of {', '.join(keys.RUN_IF)}")
    notebook = _Node(node.content.get("notebook_task"), node.file, f"{node.place}.notebook_task")
    notebook.check_keys(keys.NOTEBOOK_TASK_KEYS, keys.NOTEBOOK_TASK_KEYS_OF_DATABRICKS)
    if notebook.text("source", "WORKSPACE") not in ("WORKSPACE", ""):
        raise notebook.error("source", "must be WORKSPACE: a notebook is a file beside the job's")
    depends_on = node.items("depends_on")
    for dependency in depends_on:
        dependency.check_keys(keys.DEPENDENCY_KEYS)
    return Task(
        key=key,
        notebook=(node.file.parent / notebook.text("notebook_path")).resolve(),
        base_parameters=notebook.texts("base_parameters"),
        depends_on=tuple(dependency.text("task_key") for dependency in depends_on),
        run_if=run_if,
        max_retries=node.number("max_retries", 0, minimum=-1),
        min_retry_interval_seconds=node.number("min_retry_interval_millis", 0) / 1000,
        retry_on_timeout=node.flag("retry_on_timeout"),
        timeout_seconds=node.number("timeout_seconds", 0),
    )


def _check_graph(tasks: list[Task], node: _Node) -> None:
    known = [task.key for task in tasks]
    for key in known:
        if known.count(key) > 1:
            raise node.error("tasks", f"the task_key '{key}' is given to {known.count(key)} tasks")
    for task in tasks:
        for dependency in task.depends_on:
            if dependency not in known:
                raise node.error(f"tasks.{task.key}.depends_on", f"no task '{dependency}'; {near(dependency, known)}")


def _in_order(tasks: list[Task], node: _Node) -> list[Task]:
    """Tasks after their dependencies, else as written.

    Raises:
        DeclarationError: some depend on each other in a circle.

    """
    ordered: list[Task] = []
    waiting = list(tasks)
    while waiting:
        done = {task.key for task in ordered}
        ready = next((task for task in waiting if done.issuperset(task.depends_on)), None)
        if ready is None:
            raise node.error("tasks", f"they wait for each other in a circle: {_circle(waiting)}")
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def _circle(waiting: list[Task]) -> str:
    by_key = {task.key: task for task in waiting}
    path = [waiting[0].key]
    while path.count(path[-1]) < 2:
        path.append(next(key for key in by_key[path[-1]].depends_on if key in by_key))
    return " -> ".join(path[path.index(path[-1]) :])
