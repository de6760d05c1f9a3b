"""What executed notebooks show, searched for everything that the contracts call personal."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from common.contracts.registry import all_tables
from common.contracts.silver import CUSTOMER, QUARANTINE, TRANSACTIONS
from common.settings import repository
from common.silver.review import quarantine_target, quarantined_samples
from common.sources.declaration import load_source
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

NOTEBOOKS = (
    "bronze/feeds",
    "silver/reference_data",
    "silver/transactions",
    "silver/review_quarantine",
    "silver/replay_quarantine",
    "gold/star_schema",
    "ops/check_quality",
)
"""Those that read tables with personal columns and show rows, in the order of the job; `ops/forget_customer` comes
after them. Marts and scores hold none."""

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


@dataclass(frozen=True)
class Shown:
    """What the notebooks showed, by notebook, and the personal values that the tables had meanwhile, by column."""

    texts: Mapping[str, str]
    personal: Mapping[str, frozenset[str]]
    forgotten: str
    """The customer whom `ops/forget_customer` erased."""


@pytest.fixture(scope="module")
def home(lake: Lake) -> Iterator[Path]:
    """A workspace in the lake's folder, with a small simulated world and one customer who is quarantined."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_HOME", str(lake.settings.home))
        world = ["--customers", "25", "--merchants", "20", "--terminals", "20", "--days", "2"]
        subprocess.run([sys.executable, "-m", "local.cli", "simulate", *world], check=True, capture_output=True)
        landed = lake.settings.home / "landing" / "simulated" / "customers" / "stranger.csv"
        landed.write_text(f"{','.join(STRANGER)}\n{','.join(STRANGER.values())}\n", encoding="utf-8")
        simulated = load_source(repository() / "sources", "simulated")
        for name, feed in simulated.feeds.items():
            Path(feed.place(simulated.at(name, lake.settings))).mkdir(
                exist_ok=True
            )  # no fraud is reported as early as that
        yield lake.settings.home


@pytest.fixture(scope="module")
def shown(lake: Lake, home: Path) -> Shown:
    """The notebooks, executed with their defaults; then one customer forgotten by the notebook for that."""
    prefix = lake.settings.schema_prefix
    texts = {name: executed(name, home, schema_prefix=prefix) for name in NOTEBOOKS}
    personal = personal_values(lake)
    customers = lake.table(CUSTOMER.history).join(lake.table(TRANSACTIONS), "customer_id")
    forgotten = customers.agg({"customer_id": "min"}).collect()[0][0]
    texts["ops/forget_customer"] = executed("ops/forget_customer", home, schema_prefix=prefix, customer_id=forgotten)
    return Shown(texts, personal, forgotten)


def executed(name: str, home: Path, **parameters: str) -> str:
    """What a notebook shows as text or HTML when it is executed with these parameters."""
    notebook = nbformat.read(repository() / "notebooks" / f"{name}.ipynb", as_version=4)
    [declared] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    declared.source += "".join(f"\n{parameter} = {value!r}" for parameter, value in parameters.items())
    place = {"metadata": {"path": str(home)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute(env=dict(os.environ))
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


def test_notebooks_show_nothing_that_identifies_a_customer(shown: Shown) -> None:
    values = {**shown.personal, "the stranger": frozenset(STRANGER[name] for name in HIDDEN)}

    assert {name for name, text in shown.texts.items() if len(text) < 100} == set()
    found = [(name, column, seen(values[column], text)) for name, text in shown.texts.items() for column in values]
    assert [one for one in found if one[2]] == []


def test_the_review_shows_the_refused_record_by_its_shape(shown: Shown) -> None:
    review = shown.texts["silver/review_quarantine"]
    assert "xxxxxxx xxxxxxxxxx" in review
    assert "email=(personal), must look like name@domain.tld" in review
    assert "country='Nowhere' can't be read as an ISO 3166 country" in review


def test_the_search_would_find_what_it_searches_for(shown: Shown) -> None:
    customers = {name for name in shown.personal if name.startswith(f"{CUSTOMER.history.name}.")}

    assert len(customers) == sum(column.personal for column in CUSTOMER.history.columns)
    assert {f"{QUARANTINE.name}.payload", "bronze.customers.payload"} < shown.personal.keys()
    assert all(len(shown.personal[column]) >= SHORTEST for column in customers)
    for values in shown.personal.values():
        assert all(seen({value}, f"<td>{value.upper()}</td>") == [value] for value in values)
    assert seen({"Anton", "12345"}, "Antonia 123456") == []


def test_a_customer_who_is_forgotten_is_in_no_table_and_in_the_counts(lake: Lake, shown: Shown) -> None:
    for table in (CUSTOMER.changes, CUSTOMER.history, TRANSACTIONS):
        assert lake.table(table).where(f"customer_id = '{shown.forgotten}'").isEmpty()
    assert " records erased" in shown.texts["ops/forget_customer"]


def test_samples_are_those_of_the_table_that_is_asked_for(lake: Lake, shown: Shown) -> None:
    source = load_source(repository() / "sources", "simulated")

    samples = quarantined_samples(lake, source, quarantine_target("silver.customers"))

    assert set(samples["target"]) == {CUSTOMER.changes.name}
    stranger = samples[samples["source_ref"].str.endswith("stranger.csv#1")]
    assert set(stranger["check_name"]) >= {"email_format", "birth_date_in_range", "country_convertible"}
    assert not lake.table(QUARANTINE).where("payload LIKE '%Zyxwina%'").isEmpty()
