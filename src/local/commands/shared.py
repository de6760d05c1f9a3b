"""What verbs share: consoles, the engine for one command, starting another program, `name=value` arguments."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import NoReturn

import typer
from rich.console import Console

from common.settings import repository
from local.engine.server import attached
from local.run.notebook_process import kernel_environment
from local.workspace import Workspace

out = Console()
err = Console(stderr=True)


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def examples(*lines: str) -> str:
    """The end of a help text."""
    return "Examples:\n\n" + "\n\n".join(f"  {line}" for line in lines)


def tell(text: str) -> None:
    """Prints what is going on to standard error, so that printed rows stay clean."""
    err.print(text, style="dim", soft_wrap=True)


@contextmanager
def engine(workspace: Workspace) -> Iterator[str]:
    """The address of a Spark Connect server for one command: SPARK_REMOTE, or the workspace's own."""
    if remote := os.environ.get("SPARK_REMOTE"):
        yield remote
        return
    with attached(workspace, tell) as server:
        yield server.remote


def become(workspace: Workspace, module: str, *arguments: str) -> NoReturn:
    """Turns this process into another program, which keeps its number, and so its registration with the engine."""
    environment = kernel_environment({"LAKEHOUSE_HOME": str(workspace.home)})
    os.chdir(repository())
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """`name=value` arguments as a mapping.

    Raises:
        typer.BadParameter: one has no `=`.

    """
    found = {}
    for text in values or []:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise typer.BadParameter(f"'{text}' must be written as name=value", param_hint=option)
        found[name.strip()] = value
    return found
