"""A notebook of a task as its file has it: its content, and the parameters that it declares."""

import ast
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from common.errors import DeclarationError
from local.workspace import shown_path


def declared_parameters(notebook: Path) -> frozenset[str]:
    """The names that the notebook's `parameters` cell assigns.

    Raises:
        DeclarationError: there is no such file, it is no notebook, or it has no cell tagged `parameters`.

    """
    cells = read_notebook(notebook).get("cells", [])
    tagged = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", [])]
    if not tagged:
        raise DeclarationError(
            f"{shown_path(notebook)}: has no cell tagged 'parameters', so none can be given to it: tag the cell "
            "that assigns the defaults (an empty one if it takes none)"
        )
    try:
        tree = ast.parse("".join(tagged[0]["source"]))
    except SyntaxError as error:
        raise DeclarationError(f"{shown_path(notebook)}: its 'parameters' cell isn't Python: {error.msg}") from error
    return frozenset(name for statement in tree.body for name in _assigned(statement))


def _assigned(statement: ast.stmt) -> list[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def imported_modules(notebook: Path) -> frozenset[str]:
    """The modules that the notebook's cells import by name; cells that aren't Python are skipped."""
    found: set[str] = set()
    for cell in read_notebook(notebook).get("cells", []):
        if cell.get("cell_type") != "code":
            continue
        with suppress(SyntaxError):  # a cell may hold what only IPython understands
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module)
                elif isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
    return frozenset(found)


def read_notebook(notebook: Path) -> dict[str, Any]:
    """The content of a notebook's file.

    Raises:
        DeclarationError: there is no such file, or it is no notebook.

    """
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DeclarationError(f"{shown_path(notebook)}: no such notebook") from error
    except (OSError, ValueError) as error:
        raise DeclarationError(f"{shown_path(notebook)}: can't be read as a notebook: {error}") from error
    if not isinstance(content, dict):
        raise DeclarationError(f"{shown_path(notebook)}: can't be read as a notebook")
    return content
