"""A bronze table of a release that did not note how files were read."""

from dataclasses import replace
from pathlib import Path

import pytest

from common.bronze import feed_queries as queries
from common.bronze import ingest as bronze
from common.bronze.ingest import ingest
from common.bronze.readings import Readings
from common.checks.conservation import check_conservation
from common.contracts.bronze import bronze_table
from common.contracts.silver import QUARANTINE, TRANSACTIONS
from common.contracts.table import Table
from common.errors import DeclarationError
from common.rereading.withdraw import withdraw
from common.silver import refine as silver
from common.silver.refine import refine
from common.sources.declaration import Source
from common.sources.feed import FeedAt
from common.storage.lake import Lake
from lake_tables import require

pytestmark = pytest.mark.spark

HEADER = "id;ts;amount\n"


def a_source(delimiter: str) -> Source:
    into = {"transactions": {"map": {"transaction_id": "id", "event_time": "ts", "amount": "amount"}}}
    feed = {"reader": "files", "format": "csv", "path": "{landing}/bank", "into": into, "delimiter": delimiter}
    return Source.model_validate({"name": "old", "description": "An old one.", "feeds": {"bank": feed}})


def earlier_table(feed: str) -> Table:
    table = bronze_table(feed)
    return replace(table, columns=tuple(column for column in table.columns if column.name != "read_as"))


def ids(lake: Lake) -> list[str]:
    return sorted(row["transaction_id"] for row in lake.table(TRANSACTIONS).collect())


def test_what_was_read_before_goes_on_and_can_be_read_again(
    lake: Lake, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = landing / "bank"
    folder.mkdir()
    (folder / "a.csv").write_text(HEADER + "T1;2025-03-01;1.00\nT2;2025-03-01;2.00\n")
    plain = queries.bronze_rows
    with monkeypatch.context() as earlier:
        for module in (bronze, queries, silver):
            earlier.setattr(module, "bronze_table", earlier_table)
        earlier.setattr(queries, "bronze_rows", lambda *given: plain(*given).drop("read_as"))
        earlier.setattr(bronze, "note_declared", lambda *_: Readings(frozenset()))
        ingest(lake, a_source(","))
        with pytest.raises(DeclarationError, match='the delimiter is likely ";"'):
            refine(lake, a_source(","), "transactions")
        assert "read_as" not in lake.table("bronze.bank").columns

    # Nothing says how it was read: no warning; but the silver task sees it.
    assert ingest(lake, a_source(";")).facts == {}
    with pytest.raises(DeclarationError, match=r"were read with another delimiter than is declared.*reread=bank`"):
        refine(lake, a_source(";"), "transactions")
    (folder / "b.csv").write_text(HEADER + "T3;2025-03-01;3.00\n")
    ingest(lake, a_source(";"))
    refine(lake, a_source(";"), "transactions")
    assert ids(lake) == ["T3"]
    require(check_conservation(lake))

    (done,) = withdraw(lake, a_source(";"), "bank")
    ingest(lake, a_source(";"))
    refine(lake, a_source(";"), "transactions")

    assert (done.files, done.records, done.kept) == (1, 2, 0)
    assert ids(lake) == ["T1", "T2", "T3"]
    assert lake.table(QUARANTINE).isEmpty()
    assert lake.table("bronze.bank").where("read_as IS NULL").isEmpty()
    require(check_conservation(lake))


def test_readings_that_are_lost_are_read_off_the_table(lake: Lake) -> None:
    FeedAt("old", "bank", lake.settings).note("readings").unlink()

    seen = ingest(lake, a_source("|")).facts["warnings"]["bronze.bank"]

    assert seen.startswith("it holds 3 records of 2 files, read as csv, delimiter ';', while the feed is declared as")
    # Declared as it was, it is as it was.
    assert ingest(lake, a_source(";")).facts == {}
