"""What an executed notebook reports that it did."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from common.errors import DeclarationError
from common.result import RESULT_TYPE
from local.jobs.notebook import read_notebook


def published_result(notebook: Path) -> dict[str, Any]:
    """What an executed notebook published: all outputs of `RESULT_TYPE` in one, the last value of a key winning.

    Facts are merged by their own keys. A notebook that was stopped before its end gives what it had by then.
    """
    try:
        return result_in(read_notebook(notebook).get("cells", []))
    except DeclarationError:
        return {}


def result_in(cells: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What executed cells published, likewise."""
    merged: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    for cell in cells:
        for output in cell.get("outputs", []):
            content = output.get("data", {}).get(RESULT_TYPE)
            if isinstance(content, dict):
                facts |= content.get("facts") or {}
                merged |= content
    return merged | {"facts": facts} if merged else {}
