"""What executed notebooks show, searched for the names, addresses and birth dates of every customer."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from common.contracts.silver import CUSTOMER, QUARANTINE
from common.settings import repository
from common.silver.review import refused_samples, refused_target
from common.sources.declaration import load_source
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

NOTEBOOKS = ("bronze/files", "silver/reference_data", "silver/review_quarantine")
IDENTIFYING = ("full_name", "email", "phone", "street", "birth_date")
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
"""Refused for her e-mail address, her birth date and her country."""


@pytest.fixture(scope="module")
def home(lake: Lake) -> Iterator[Path]:
    """A workspace in the lake's folder, with a small simulated world and one customer who is refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_HOME", str(lake.settings.home))
        world = ["--customers", "25", "--merchants", "20", "--terminals", "20", "--days", "2"]
        subprocess.run([sys.executable, "-m", "local.cli", "simulate", *world], check=True, capture_output=True)
        landed = lake.settings.home / "landing" / "simulated" / "customers" / "stranger.csv"
        landed.write_text(f"{','.join(STRANGER)}\n{','.join(STRANGER.values())}\n", encoding="utf-8")
        for feed in load_source(repository() / "sources", "simulated").feeds.values():
            Path(feed.folder(lake.settings.landing)).mkdir(exist_ok=True)  # no fraud is reported as early as that
        yield lake.settings.home


@pytest.fixture(scope="module")
def shown(home: Path) -> str:
    """All outputs of the notebooks, executed with their defaults."""
    texts = []
    for name in NOTEBOOKS:
        notebook = nbformat.read(repository() / "notebooks" / f"{name}.ipynb", as_version=4)
        place = {"metadata": {"path": str(home)}}
        NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute(env=dict(os.environ))
        texts += [json.dumps(cell.get("outputs", []), ensure_ascii=False) for cell in notebook.cells]
    return "\n".join(texts)


def test_notebooks_show_nothing_that_identifies_a_customer(lake: Lake, shown: str) -> None:
    customers = lake.table(CUSTOMER.history).select(*IDENTIFYING).distinct().collect()
    values = {str(value) for row in customers for value in row if value} | {STRANGER[name] for name in HIDDEN}

    assert len(values) > 50
    assert sorted(value for value in values if value in shown) == []


def test_the_review_shows_the_refused_record_by_its_shape(lake: Lake, shown: str) -> None:
    assert "xxxxxxx xxxxxxxxxx" in shown
    assert "email=(personal), must look like name@domain.tld" in shown
    assert "country='Nowhere' can't be read as an ISO 3166 country" in shown


def test_samples_are_those_of_the_table_that_is_asked_for(lake: Lake, shown: str) -> None:
    source = load_source(repository() / "sources", "simulated")

    samples = refused_samples(lake, source, refused_target("silver.customers"))

    assert set(samples["target"]) == {CUSTOMER.changes.name}
    stranger = samples[samples["source_ref"].str.endswith("stranger.csv#1")]
    assert set(stranger["check_name"]) >= {"email_format", "birth_date_in_range", "country_convertible"}
    assert not lake.table(QUARANTINE).where("payload LIKE '%Zyxwina%'").isEmpty()
