"""What executed notebooks show, and the values to search it for: everything that the contracts call personal."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from common.contracts.registry import all_tables
from common.settings import repository
from common.storage.lake import Lake

SHORTEST = 5
"""Characters of a value that is searched for: shorter ones are part of what says something else."""

HIDDEN = ("name", "email", "phone", "birth_date", "street")
STRANGER = {
    "customer_id": "C-STRANGER",
    "name": "Zyxwina Quellbrunn",
    "email": "zyxwina.quellbrunn at example",
    "phone": "+49 30 7654321",
    "birth_date": "2191-03-09",
    "street": "Quellenweg 1234",
    "city": "Berlin",
    "postcode": "98765",
    "country": "Nowhere",
    "changed_at": "2025-06-01",
}
"""Quarantined for her e-mail address, her birth date and her country."""


def executed(name: str, environment: Mapping[str, str], **parameters: str) -> str:
    """What a notebook shows when it is executed with its defaults but for these parameters."""
    notebook = nbformat.read(repository() / "notebooks" / f"{name}.ipynb", as_version=4)
    [declared] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    declared.source += "".join(f"\n{parameter} = {value!r}" for parameter, value in parameters.items())
    place = {"metadata": {"path": environment["LAKEHOUSE_HOME"]}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute(env=dict(environment))
    return shown(notebook)


def shown(notebook: NotebookNode) -> str:
    """All that an executed notebook shows as text or HTML."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(text for output in outputs for text in texts_of(output))


def texts_of(output: Mapping[str, object]) -> Iterator[str]:
    """Text of every form of an output; pictures are drawn from the same tables, and their bytes are no text."""
    data = output.get("data", {})
    assert isinstance(data, Mapping)
    for kind, content in [*data.items(), *output.items()]:
        if not kind.startswith("image/"):
            yield content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def personal_values(lake: Lake) -> dict[str, frozenset[str]]:
    """By column, the values of all personal columns of all tables that are there, long enough to be searched for."""
    found = {}
    for table in (table for table in all_tables() if lake.exists(table)):
        for column in (column.name for column in table.columns if column.personal):
            rows = lake.table(table).select(column).where(f"{column} IS NOT NULL").distinct().collect()
            values = {str(row[0]).strip() for row in rows}
            found[f"{table.name}.{column}"] = frozenset(value for value in values if len(value) >= SHORTEST)
    return found


def seen(values: Iterable[str], text: str) -> list[str]:
    """Those of the values that a text holds as words of their own, in whatever case."""
    text, folded = text.casefold(), {value: value.casefold() for value in values}
    # Looked for as it is first, which is much quicker.
    there = {value: word for value, word in folded.items() if word in text}
    return sorted(value for value, word in there.items() if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text))
