"""The values to search for in what notebooks show: everything that the contracts call personal."""

import re
from collections.abc import Iterable

from common.contracts.registry import all_tables
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
