"""`lakehouse source check` and `lakehouse source new`: what they print and write, and their exit codes."""

from pathlib import Path

import pytest
from command_line import lakehouse

from common.settings import settings_from
from common.sources.declaration import load_source
from local.commands import source
from local.sources.check import FeedLook, look_at_feed

PAYMENTS = """\
name: acme
description: Payments.
feeds:
  payments:
    reader: files
    format: csv
    path: "{landing}/payments"
    into:
      transactions:
        map: {transaction_id: id, event_time: ts, customer_id: customer, amount: amount}
      fraud_reports:
        where: fraud = 'Y'
        map: {transaction_id: id, is_fraud: "'true'", reported_at: ts}
"""
CUSTOMERS = """\
  customers:
    reader: files
    format: csv
    path: "{landing}/customers"
    into:
      customers:
        map: {customer_id: id, full_name: name, changed_at: since}
"""
ROWS = """\
id,ts,customer,amount,fraud,note
P1,2025-03-01,C1,1.50,N,Ann Li
P2,2025-03-01,C1,abc,Y,x
P3,2025-03-02,C2,2.5,N,y
"""


def seen(checkout: Path) -> FeedLook:
    source = load_source(checkout / "sources", "acme")
    return look_at_feed(source, "payments", settings_from(landing=str(checkout / "landing")))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sources/ and landing/ of the test's own, and a home that must stay as it is."""
    for name in ("sources", "landing"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(source, "repository", lambda: tmp_path)
    return tmp_path


def land(checkout: Path, path: str, content: str) -> None:
    file = checkout / "landing" / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    read = capsys.readouterr()
    return " ".join((read.out + read.err).split())


@pytest.mark.spark
def test_check_shows_what_the_maps_make_of_the_records(
    spark: object, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "sources" / "acme.yml").write_text(PAYMENTS + CUSTOMERS)
    land(checkout, "payments/a.csv", ROWS)
    land(checkout, "payments/b.csv", "id;ts\nP9;2025-03-01\n")
    land(checkout, "payments/c.csv", "")
    land(checkout, "customers/a.csv", "id,name,since\nC1,Ann Li,2025-01-01\n")

    assert lakehouse("source", "check", "acme", "--landing", str(checkout / "landing")) == 0
    text = shown(capsys)
    assert "3 files in" in text
    assert "a.csv 3 0 whole" in text
    assert "c.csv 0 0 refused: the file is empty" in text
    assert "transactions 4 records are for it" not in text, "the refused file is one of them"
    assert "transactions 5 records are for it, 2 pass every check" in text
    assert "amount amount 2 1.50" in text
    assert "amount_convertible 1 amount='abc' can't be read as decimal(18,2)" in text
    assert "readable 1 file refused: the file is empty" in text
    assert "fraud_reports 2 records are for it, 1 pass every check" in text
    assert "not used: note, id;ts" in text
    # Of a field that no map reads, and of a personal column, the values are masked.
    assert "xxx xx" in text
    assert "Ann Li" not in text


def test_check_names_fields_that_no_record_has_and_needs_no_spark_to_say_that_nothing_can_be_read(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "sources" / "acme.yml").write_text(PAYMENTS)
    monkeypatch.setenv("SPARK_REMOTE", "sc://nowhere:1")

    assert lakehouse("source", "check", "acme", "--landing", str(checkout / "landing")) == 1
    text = shown(capsys)
    assert "0 files in" in text
    assert "no record can be read of: payments" in text
    assert not (checkout / "home").exists()


def test_warnings_are_of_delimiters_and_of_fields_that_no_record_has(checkout: Path) -> None:
    (checkout / "sources" / "acme.yml").write_text(PAYMENTS)
    land(checkout, "payments/a.csv", ROWS.replace(",", ";"))

    look = look_at_feed(
        load_source(checkout / "sources", "acme"), "payments", settings_from(landing=str(checkout / "landing"))
    )

    assert look.readable == 3
    assert "The likely delimiter is" in look.warnings[0]
    assert look.warnings[1] == "no record has 'id', 'ts', 'customer', 'amount', 'fraud', which the map reads"


def test_of_a_large_file_only_the_beginning_is_read(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from common.sources.files import first_records

    (checkout / "sources" / "acme.yml").write_text(PAYMENTS)
    land(checkout, "payments/a.csv", ROWS.splitlines()[0] + "\n" + 'P1,2025-03-01,C1,1.50,N,"a\nb"\n' * 5000)
    # The 33rd row is cut behind its first line.
    monkeypatch.setattr(first_records, "HEAD_BYTES", 1020)

    look = look_at_feed(
        load_source(checkout / "sources", "acme"), "payments", settings_from(landing=str(checkout / "landing"))
    )

    assert look.readable == 32
    assert look.files[0].is_cut
    assert {record.error for record in look.files[0].records} == {None}


def test_every_file_is_looked_at_not_only_the_first(checkout: Path) -> None:
    (checkout / "sources" / "acme.yml").write_text(PAYMENTS)
    land(checkout, "payments/a.csv", ROWS.splitlines()[0] + "\n" + "P1,2025-03-01,C1,1.50,N,x\n" * 2000)
    land(checkout, "payments/b.csv", ROWS + "P4,2025-03-01\n")

    look = look_at_feed(
        load_source(checkout / "sources", "acme"), "payments", settings_from(landing=str(checkout / "landing"))
    )

    assert [len(file.records) for file in look.files] == [500, 4]
    assert [file.is_cut for file in look.files] == [True, False]
    assert sum(record.error is not None for record in look.files[1].records) == 1


@pytest.mark.parametrize(("name", "message"), [("other", "known sources: acme"), ("broken", "can fail on a record")])
def test_a_wrong_declaration_is_exit_code_1(
    checkout: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "sources" / "acme.yml").write_text(PAYMENTS)
    if name == "broken":
        (checkout / "sources" / "broken.yml").write_text(PAYMENTS.replace("amount: amount", "amount: amount / 100"))

    assert lakehouse("source", "check", name) == 1
    assert message in shown(capsys)


def test_new_writes_a_declaration_once_and_says_how_to_go_on(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    land(checkout, "payments/a.csv", ROWS.replace("abc", "7.25"))
    path, folder = checkout / "sources" / "shop.yml", str(checkout / "landing")

    assert lakehouse("source", "new", "shop", folder) == 0
    text = shown(capsys)
    assert f"lakehouse source check shop --landing {folder}" in text
    assert f"lakehouse run lakehouse --param source=shop --param landing={folder}" in text
    into = load_source(checkout / "sources", "shop").feeds["payments"].into
    assert set(into) == {"transactions", "fraud_reports"}
    assert into["transactions"].map["customer_id"] == "customer"

    written = path.read_text()
    path.write_text(f"{written}# mine\n")
    assert lakehouse("source", "new", "shop", folder) == 1
    assert "is there already" in shown(capsys)
    assert path.read_text() == f"{written}# mine\n"


@pytest.mark.parametrize(
    ("name", "folder", "message"),
    [("Shop", "landing", "is no name of a source"), ("../up", "landing", "is no name"), ("shop", "gone", "no folder")],
)
def test_new_says_what_is_wrong_and_writes_nothing(
    checkout: Path, name: str, folder: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    land(checkout, "payments/a.csv", ROWS)

    assert lakehouse("source", "new", name, str(checkout / folder)) == 1
    assert message in shown(capsys)
    assert list((checkout / "sources").iterdir()) == []
