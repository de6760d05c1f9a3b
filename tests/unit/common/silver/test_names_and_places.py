"""What a feed with strange field names and file names leaves in the tables, and in messages and looks."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from common.bronze.ingest import ingest
from common.contracts.ops import UNMAPPED_FIELDS
from common.contracts.silver import QUARANTINE, TRANSACTIONS
from common.errors import DeclarationError
from common.silver.refine import refine
from common.silver.review import quarantined_by_source
from common.sources.declaration import Source
from common.storage.field_names import UNUSUAL
from common.storage.lake import Lake
from common.storage.unmapped import FIELDS_KEPT

pytestmark = pytest.mark.spark

RECORDS, NAMES = 300, 12


def a_source(amount: str = "amount") -> Source:
    columns = {"transaction_id": "id", "event_time": "ts", "customer_id": "'C1'", "terminal_id": "'T1'"}
    into = {"transactions": {"map": columns | {"amount": amount, "currency": "'EUR'"}}}
    feed = {"reader": "files", "format": "json_lines", "path": "{landing}/payments", "into": into}
    return Source.model_validate({"name": "odd", "description": "Odd names.", "feeds": {"payments": feed}})


def a_payment(number: int, amount: str, **others: str) -> str:
    return json.dumps({"id": f"P{number}", "ts": "2025-06-01T10:00:00Z", "amount": amount} | others)


def land(landing: Path, name: str, *lines: str) -> None:
    (landing / "payments").mkdir(exist_ok=True)
    (landing / "payments" / name).write_text("\n".join(lines))


@pytest.fixture(scope="module")
def refined(lake: Lake, landing: Path) -> Lake:
    """Payments with thousands of names, half of which look like names, and files with # in theirs."""
    odd = [{f"{'k' if n % 2 else '7'}{UUID(int=(i << 64) + n)}": "x" for n in range(NAMES)} for i in range(RECORDS)]
    odd[0] |= {"Anna Berg": "1980"}
    land(landing, "random.jsonl", *(a_payment(i, "1", **names) for i, names in enumerate(odd)))
    for name in ("b#2.jsonl", "b#1.jsonl", "b.jsonl"):
        land(landing, name, a_payment(9_000, name[2]), a_payment(9_001, "none"))
    ingest(lake, a_source())
    refine(lake, a_source(), "transactions")
    return lake


def test_of_random_names_a_bounded_number_is_kept(refined: Lake) -> None:
    kept = {row["field"] for row in refined.table(UNMAPPED_FIELDS).collect()}

    assert len(kept) == FIELDS_KEPT
    assert UNUSUAL in kept
    assert {name[0] for name in kept - {UNUSUAL}} == {"k"}


def test_every_record_is_counted_once_whatever_names_it_brings(refined: Lake) -> None:
    [batch] = refined.table("ops.batches").collect()

    assert (batch["records_read"], batch["accepted"], batch["quarantined"]) == (RECORDS + 6, RECORDS + 1, 5)


def test_files_that_differ_behind_a_hash_are_several(refined: Lake) -> None:
    [row] = quarantined_by_source(refined, TRANSACTIONS.name).to_dict("records")

    assert (row["records"], row["files"]) == (5, 3)
    assert not refined.table(QUARANTINE).isEmpty()


def test_of_a_key_in_several_files_the_first_by_path_wins(refined: Lake) -> None:
    [first] = refined.table(TRANSACTIONS).where("transaction_id = 'P9000'").collect()

    assert first["amount"] == 1


def test_a_misspelt_field_is_named_without_what_does_not_look_like_a_name(refined: Lake) -> None:
    with pytest.raises(DeclarationError, match=r"no column 'AMT'.*they have:") as raised:
        refine(refined, a_source("AMT"), "transactions")

    assert "Anna" not in str(raised.value)
    assert "that may be a person's data, not names (they begin with 7, A, k)" in str(raised.value)
    assert "amount" in str(raised.value)
