"""A first declaration from a look at files: what is recognised, and that whatever comes out can be loaded."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DeclarationError
from common.sources.declaration import Source, load_source
from common.sources.readers.files import FileFeed
from local.sources.draft import draft

GERMAN = "Transaktions-Nr;Buchungstag;Betrag (€);Währung;Kunden-Nr.;Händler;Betrug;Zweck\n" + "".join(
    f"T{day};{day:02}.03.2025 10:00;1.{day:03},50;EUR;K{day % 7};H{day % 3};{day % 2};Miete\n" for day in range(1, 31)
)
ENGLISH = "id,paid_at,amount,customer_id,is_fraud\n" + "".join(
    f"P{number},2025-03-01T10:00:{number:02}Z,{number}.50,C{number % 5},{'Y' if number % 9 == 0 else 'N'}\n"
    for number in range(1, 40)
)
CUSTOMERS = "id,name,email,country,updated_at\n1,Ann Li,ann@li.example,DE,2025-01-01\n2,Bo,bo@b.example,FR,2025-01-02\n"


def proposed(folder: Path, files: dict[str, str | bytes]) -> tuple[Source, str]:
    """The source that is proposed for files in a folder, and its text."""
    landing = folder / "landing"
    for name, content in files.items():
        path = landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    text = draft("acme", landing)
    sources = folder / "sources"
    sources.mkdir(exist_ok=True)
    (sources / "acme.yml").write_text(text, encoding="utf-8")
    return load_source(sources, "acme"), text


def only_feed(source: Source) -> FileFeed:
    (feed,) = source.feeds.values()
    return feed


def test_a_german_export_is_recognised_with_its_spelling(tmp_path: Path) -> None:
    source, text = proposed(tmp_path, {"a.csv": GERMAN.encode("cp1252")})

    feed = only_feed(source)
    assert (feed.format, feed.delimiter, feed.encoding) == ("csv", ";", "cp1252")
    assert (feed.decimal, feed.thousands, feed.date_order) == (",", ".", "day_first")
    assert feed.into["transactions"].map == {
        "transaction_id": "`Transaktions-Nr`",
        "event_time": "Buchungstag",
        "customer_id": "`Kunden-Nr.`",
        "merchant_id": "`Händler`",
        "amount": "`Betrag (€)`",
        "currency": "`Währung`",
    }
    assert '#   "Zweck", such as "xxxxx"' in text
    # Its times aren't what `try_to_timestamp` reads, so that the labels are left to a person.
    assert "# fraud_reports:" in text
    assert "fraud_reports" not in feed.into


def test_fraud_that_is_marked_in_the_payment_becomes_reports_of_seven_days_later(tmp_path: Path) -> None:
    source, _ = proposed(tmp_path, {"a.csv": ENGLISH})

    into = only_feed(source).into
    assert into["transactions"].map["event_time"] == "paid_at"
    assert into["fraud_reports"].where == "lower(is_fraud) IN ('1', 'y', 'yes', 't', 'true')"
    assert into["fraud_reports"].map["reported_at"] == "try_to_timestamp(paid_at) + INTERVAL 7 DAYS"


def test_each_folder_is_a_feed_of_its_own(tmp_path: Path) -> None:
    source, text = proposed(
        tmp_path, {"Payments 2025/a.csv": ENGLISH, "customers/a.csv": CUSTOMERS, "notes/a.csv": "text\nhello\n"}
    )

    assert {name: (feed.path, set(feed.into)) for name, feed in source.feeds.items()} == {
        "payments_2025": ("{landing}/Payments 2025", {"transactions", "fraud_reports"}),
        "customers": ("{landing}/customers", {"customers"}),
    }
    assert source.feeds["customers"].into["customers"].map["changed_at"] == "updated_at"
    assert '# notes, "{landing}/notes": left out' in text


def test_of_two_feeds_for_a_table_the_one_that_fits_better_is_taken(tmp_path: Path) -> None:
    source, text = proposed(tmp_path, {"a/a.csv": "date,amount\n2025-03-01,1.50\n", "b/b.csv": ENGLISH})

    assert set(source.feeds) == {"b"}
    assert "another feed fits transactions better" in text


@pytest.mark.parametrize(
    ("name", "content", "format_", "options"),
    [
        ("a.jsonl", '{"id": "1", "ts": "2025-03-01T10:00:00Z", "amount": 1.5}\n' * 2, "json_lines", {}),
        ("a.json", '[{"id": "1", "ts": "2025-03-01T10:00:00Z", "amount": 1.5}]', "json_array", {}),
        ("a.json", '{\n "id": "1",\n "ts": "2025-03-01T10:00:00Z",\n "amount": 1.5\n}\n' * 3, "json", {}),
        (
            "a.json",
            '{"data": {"items": [{"id": "1", "ts": "2025-03-01T10:00:00Z", "amount": 1.5}]}}',
            "json",
            {"records": "data.items"},
        ),
        ("a.tsv", "id\tts\tamount\n1\t2025-03-01\t1.5\n", "csv", {"delimiter": "\t"}),
        ("a.csv", "id,ts,amount\n1,2025-03-01,1.5\n".encode("utf-16"), "csv", {"encoding": "auto"}),
    ],
)
def test_the_format_is_found_by_content(
    tmp_path: Path, name: str, content: str | bytes, format_: str, options: dict[str, object]
) -> None:
    source, _ = proposed(tmp_path, {name: content})

    feed = only_feed(source)
    assert feed.format == format_
    assert {option: getattr(feed, option) for option in options} == options
    assert feed.into["transactions"].map["amount"] == "amount"


def test_files_without_a_header_get_names_to_be_replaced(tmp_path: Path) -> None:
    rows = "".join(f"{number},2025-03-{number:02} 10:00,{number}.50\n" for number in range(1, 20))
    source, text = proposed(tmp_path, {"a.csv": rows})

    feed = only_feed(source)
    assert (feed.header, feed.columns) == (False, ("field_1", "field_2", "field_3"))
    assert feed.into["transactions"].map["amount"] == "field_3"
    assert "amount: field_3  # guessed by its values" in text


def test_payments_without_an_id_are_known_by_their_place(tmp_path: Path) -> None:
    source, _ = proposed(tmp_path, {"a.csv": "date,amount\n2025-03-01,1.50\n2025-03-01,1.50\n"})

    assert only_feed(source).into["transactions"].map["transaction_id"] == "sha2(source_ref(), 256)"


def test_values_are_masked_and_nobodys_data_stand_as_a_name(tmp_path: Path) -> None:
    _, text = proposed(tmp_path, {"a.csv": "date,amount,secret,ann@li.example\n2025-03-01,1.50,Ann Li 42,x\n"})

    assert "xxx xx 99" in text
    assert "Ann Li" not in text
    assert "ann@li.example" not in text


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"a.csv": "colour,size\nred,9\n"}, 'no table takes its fields: .*"colour", "size"'),
        ({"a.csv": b"%PDF-1.7\0\0\0\0"}, "the file is binary"),
        ({}, "there are no files in"),
    ],
)
def test_where_nothing_can_be_declared_it_says_why(tmp_path: Path, files: dict[str, str | bytes], why: str) -> None:
    (tmp_path / "landing").mkdir()
    with pytest.raises(DeclarationError, match=why):
        proposed(tmp_path, files)


NAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.sampled_from(
        ["amount", "Betrag", "date", "id", "is_fraud", "email", "yes", "null", "order", "a.b", "#", "it's", "`"]
    ),
)
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    st.sampled_from(["1.50", "1,50", "1.234,5", "2025-03-01", "03/04/2025", "EUR", "Y", "a@b.example", "-5", "DE"]),
)


@given(
    st.lists(NAMES, min_size=1, max_size=6),
    st.lists(st.lists(VALUES, max_size=6), max_size=5),
    st.sampled_from(",;\t|"),
)
def test_whatever_the_files_hold_the_declaration_can_be_loaded_or_it_says_why(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], rows: list[list[str]], delimiter: str
) -> None:
    folder = tmp_path_factory.mktemp("draft")
    lines = [["amount", "date", *names], *(["1.50", "2025-03-01", *row] for row in rows)]
    assert_loads_or_says_why(folder, "\n".join(delimiter.join(line) for line in lines).encode())


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=4))
def test_whatever_json_holds_the_declaration_can_be_loaded_or_it_says_why(
    tmp_path_factory: pytest.TempPathFactory, records: Sequence[dict[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("draft")
    paid = [record | {"amount": "1.50", "date": "2025-03-01"} for record in records]
    assert_loads_or_says_why(folder, "\n".join(map(json.dumps, paid)).encode())


def assert_loads_or_says_why(folder: Path, content: bytes) -> None:
    try:
        source, text = proposed(folder, {"a": content})
    except DeclarationError as error:
        assert "no declaration can be proposed: " in str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert set(yaml.safe_load(text)["feeds"]) == set(source.feeds) == {"records"}
