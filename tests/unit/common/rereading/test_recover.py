"""A wrong first declaration, mended in the way that messages offer: files of a bank whose delimiter was forgotten.

The tests are one story over one lake, in their order.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import functions as F

from common.bronze.ingest import Ingested, ingest
from common.checks.conservation import check_conservation
from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.ops import UNMAPPED_FIELDS
from common.contracts.silver import QUARANTINE, TRANSACTIONS
from common.errors import DeclarationError, ParameterError
from common.gold.transaction_features import build_features
from common.platform import DATABRICKS, LAPTOP
from common.rereading.withdraw import with_withdrawn, withdraw
from common.silver.refine import Outcome, refine
from common.sources.declaration import Source
from common.storage.lake import Lake
from lake_tables import require

pytestmark = pytest.mark.spark

CASE = Path(__file__).parents[5] / "shared" / "cases" / "recover"
FIRST_READING, MENDED_READING = "csv", "csv, delimiter ';', encoding cp1252"
COMMAND = "`lakehouse run lakehouse --param reread=bank`"
HEADER = "Buchungstag;Konto;Betrag;Waehrung;Nr\n"
TABLES = (TRANSACTIONS, QUARANTINE, UNMAPPED_FIELDS, TRANSACTION_FEATURES)


def a_source(**options: str) -> Source:
    """The bank of the case; its two declarations differ in the options alone."""
    columns = {"transaction_id": "Nr", "event_time": "Buchungstag", "customer_id": "Konto", "amount": "Betrag"}
    into = {"transactions": {"map": columns | {"currency": "Waehrung"}}}
    feed = {"reader": "files", "format": "csv", "path": "{landing}/bank", "into": into} | options
    return Source.model_validate({"name": "caserecover", "description": "A bank.", "feeds": {"bank": feed}})


WRONG, MENDED = a_source(), a_source(delimiter=";", encoding="cp1252")


@pytest.fixture(scope="module", autouse=True)
def landed(landing: Path) -> Path:
    """Files of two months, the second one in cp1252; and one that is gone when the declaration was mended."""
    folder = landing / "bank"
    folder.mkdir()
    (folder / "2025-03.csv").write_text(HEADER + "".join(f"2025-03-0{n};DE1;1{n}.00;EUR;T{n}\n" for n in (1, 2, 3)))
    (folder / "2025-04.csv").write_bytes((HEADER + "2025-04-04;DE1;12.50;EUR;T4-café\n").encode("cp1252"))
    (folder / "2024-12.csv").write_text(HEADER + "2024-12-24;DE1;99.00;EUR;T0\n")
    return folder


def all_tasks(lake: Lake, source: Source, reread: str = "") -> tuple[Ingested, Outcome]:
    """What the tasks of a run do, from files to features."""
    withdrawn = withdraw(lake, source, reread)
    ingested = with_withdrawn(ingest(lake, source), withdrawn)
    outcome = refine(lake, source, "transactions")
    build_features(lake)
    return ingested, outcome


def records(lake: Lake) -> set[tuple[str, str]]:
    """The bronze records: file with ordinal, and reading."""
    rows = lake.table("bronze.bank").select(F.substring_index("source_ref", "/", -1), "read_as").collect()
    return {(row[0], row[1]) for row in rows}


def ids(lake: Lake, table: str) -> list[Any]:
    return sorted(row[0] for row in lake.table(table).select("transaction_id").collect())


@pytest.mark.skipif(not CASE.is_dir(), reason=f"the case is not in {CASE}")
def test_the_declarations_are_those_of_the_case() -> None:
    for source, name in ((WRONG, "1_wrong_delimiter"), (MENDED, "2_delimiter_and_encoding")):
        case = Source.model_validate(yaml.safe_load((CASE / f"{name}.yml").read_text()))
        assert case.feeds == source.feeds


def test_the_first_run_names_the_refused_file_the_header_and_the_delimiter(lake: Lake) -> None:
    ingested = ingest(lake, WRONG)

    assert ingested.rows_in == 5
    seen = ingested.facts["warnings"]["bronze.bank"]
    assert seen.startswith("2024-12.csv: the records have one field")
    assert 'declare `delimiter: ";"`' in seen
    assert ingested.note.startswith("1 file refused: 2025-04.csv: byte ")
    with pytest.raises(DeclarationError) as raised:
        refine(lake, WRONG, "transactions")
    message = str(raised.value)
    assert (
        "no column 'Nr' in the records of bronze.bank; they have: Buchungstag;Konto;Betrag;Waehrung;Nr; this" in message
    )
    assert 'the delimiter is likely ";", and `delimiter: ";"` declares it' in message
    assert "reread" not in message


def test_a_mended_declaration_replaces_nothing_and_names_the_command(lake: Lake, landed: Path) -> None:
    (landed / "2024-12.csv").unlink()
    before = records(lake)

    ingested = ingest(lake, MENDED)

    assert (
        records(lake)
        == before
        == {(f"2025-03.csv#{n}", "csv") for n in (1, 2, 3)}
        | {
            ("2025-04.csv#0", "csv"),
            ("2024-12.csv#1", "csv"),
        }
    )
    assert ingested.facts["warnings"] == {
        "bronze.bank": "it holds 5 records of 3 files, read as csv, while the feed is declared as csv, delimiter "
        f"';', encoding cp1252 now. To read the files again, and replace what they gave in all tables: {COMMAND} and "
        "this run's other parameters"
    }
    assert ingested.note == "see the warning of bronze.bank"
    with pytest.raises(DeclarationError, match=r"they were read as csv, and the feed is declared.*reread=bank`"):
        refine(lake, MENDED, "transactions")
    deployed = replace(lake.settings, platform=replace(LAPTOP, run_job_with=DATABRICKS.run_job_with))
    words = ingest(Lake(lake.spark, deployed), MENDED).facts["warnings"]["bronze.bank"]
    assert words.endswith("run the job lakehouse with reread=bank and this run's other parameters")


def test_new_files_are_read_by_the_mended_declaration(lake: Lake, landed: Path) -> None:
    (landed / "2025-05.csv").write_text(HEADER.replace("Nr", "Nr;Filiale") + "2025-05-05;DE1;15.00;EUR;T5;Ost\n")

    ingested, outcome = all_tasks(lake, MENDED)

    assert (ingested.rows_in, outcome.rows_out, outcome.quarantined) == (1, 1, 5)
    assert ("2025-05.csv#1", MENDED_READING) in records(lake)
    assert ids(lake, TRANSACTION_FEATURES.name) == ids(lake, TRANSACTIONS.name) == ["T5"]
    assert "Filiale" in {row["field"] for row in lake.table(UNMAPPED_FIELDS).collect()}
    require(check_conservation(lake))


def test_one_word_reads_the_files_again_in_the_same_run(lake: Lake) -> None:
    ingested, outcome = all_tasks(lake, MENDED, reread="bank")

    assert ingested.note == "bank: 4 records of 2 files withdrawn; 1 record kept, as the files are gone"
    assert ingested.facts == {}
    assert records(lake) == {(f"2025-03.csv#{n}", MENDED_READING) for n in (1, 2, 3)} | {
        ("2025-04.csv#1", MENDED_READING),
        ("2025-05.csv#1", MENDED_READING),
        ("2024-12.csv#1", FIRST_READING),
    }
    assert (outcome.rows_in, outcome.rows_out, outcome.quarantined) == (6, 5, 1)
    expected = ["T1", "T2", "T3", "T4-café", "T5"]
    assert ids(lake, TRANSACTION_FEATURES.name) == ids(lake, TRANSACTIONS.name) == expected
    require(check_conservation(lake))


def test_nothing_of_the_first_reading_is_left(lake: Lake) -> None:
    quarantined = {row["source_ref"].rsplit("/", 1)[-1] for row in lake.table(QUARANTINE).collect()}
    fields = {row["field"] for row in lake.table(UNMAPPED_FIELDS).collect()}

    assert quarantined == {"2024-12.csv#1"}
    assert "Filiale" in fields


def test_a_second_time_has_nothing_to_read_again(lake: Lake) -> None:
    before = {table.name: lake.version(table) for table in TABLES} | {"bronze": lake.version("bronze.bank")}

    ingested, outcome = all_tasks(lake, MENDED, reread="all")

    assert ingested.note == (
        f"bank: nothing to read again, all files that are there were read as {MENDED_READING}; 1 record kept, as the "
        "files are gone"
    )
    assert (ingested.rows_in, outcome.rows_in, ingested.facts) == (0, 0, {})
    assert {table.name: lake.version(table) for table in TABLES} | {"bronze": lake.version("bronze.bank")} == before
    require(check_conservation(lake))


def test_a_feed_that_is_not_declared_is_an_error(lake: Lake) -> None:
    with pytest.raises(
        ParameterError, match=r"reread='bank, shop': sources/caserecover.yml has no feed 'shop'; it has"
    ):
        withdraw(lake, MENDED, "bank, shop")
    assert withdraw(lake, MENDED, "") == []


def test_a_refusal_does_not_outlive_a_bronze_that_was_made_again(lake: Lake) -> None:
    lake.spark.sql(f"DROP TABLE {lake.full_name('bronze.bank')}")
    shutil.rmtree(lake.settings.checkpoint("bronze"))
    shutil.rmtree(lake.settings.checkpoint("silver"))

    ingest(lake, MENDED)
    refine(lake, MENDED, "transactions")

    assert "2024-12.csv#1" not in str(lake.table(QUARANTINE).collect())
    require(check_conservation(lake))
