from pathlib import Path

import pytest

from common.errors import DeclarationError
from common.settings import Settings, repository
from common.sources.declaration import Source, load_source

ACME = """
name: acme
description: Card payments of a shop.
feeds:
  payments:
    reader: files
    format: csv
    delimiter: ";"
    path: "{landing}/acme"
    into:
      transactions:
        map:
          transaction_id: ID
          event_time: TS
          amount: AMT
      fraud_reports:
        where: FRAUD = 'Y'
        map:
          transaction_id: ID
          is_fraud: "'true'"
          reported_at: TS
"""


def load(folder: Path, text: str = ACME, name: str = "acme") -> Source:
    sources = folder / "sources"
    sources.mkdir(exist_ok=True)
    (sources / f"{name}.yml").write_text(text)
    return load_source(sources, name)


def test_a_declaration_says_which_fields_its_targets_read(tmp_path: Path) -> None:
    source = load(tmp_path)

    assert (
        source.feeds["payments"].place(source.at("payments", Settings(tmp_path, landing_folder="/land")))
        == "/land/acme"
    )
    assert set(source.feeds["payments"].into["fraud_reports"].fields) == {"ID", "TS", "FRAUD"}
    assert source.feeds_of("customers") == {}


@pytest.mark.parametrize(
    "name", ["simulated", "simulated_http", "handbook", "paysim", "creditcard_ulb", "ieee_cis", "sparkov", "tabformer"]
)
def test_shipped_sources_are_valid(name: str) -> None:
    assert load_source(repository() / "sources", name).name == name


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("amount: AMT", "amount: AMT / 100", "feeds.payments.into.transactions.map.amount: 'AMT / 100' can fail"),
        (
            "amount: AMT",
            "amount: Betrag (€)",
            "transactions.map.amount: 'Betrag (€)' is no name that SQL takes as it is",
        ),
        ("amount: AMT", "amount: Betrag-EUR", 'a field of that name is written "`Betrag-EUR`"'),
        (
            "amount: AMT",
            "amount: payer.amount",
            "transactions.map.amount: CSV has no nested fields; a field of that name",
        ),
        ("amount: AMT", "amount: `Betrag`", "a value that begins with a backtick stands in quotes"),
        (
            "amount: AMT",
            "amount: 2024",
            'map.amount: YAML reads 2024 as no text; a field of that name is written "`2024`"',
        ),
        (
            "amount: AMT",
            "amount: #Betrag",
            "map.amount: there is no expression; one that begins with # stands",
        ),
        (
            "amount: AMT",
            "amount: on",
            "map.amount: YAML reads a word such as on, no or true as true, not as text; a field",
        ),
        ("amount: AMT", "amount: 2025-01-31", "map.amount: YAML reads 2025-01-31 as no text; a field of that name"),
        ("amount: AMT", "amount: [AMT]", "map.amount: YAML reads brackets as a list or a mapping"),
        ("amount: AMT", "amount: @AMT", "a value that begins with @ stands in quotes"),
        ("amount: AMT", "amount: *", "a value that begins with * stands in quotes"),
        (
            "amount: AMT",
            "amount: a: b",
            "line 15: mapping values are not allowed here; a value that holds a colon and a blank stands in",
        ),
        ("amount: AMT", "amount: AMT\n          amount: FEE", "line 16: the key 'amount' is there twice"),
        ("amount: AMT", "amount: AMT\n          on: x", "map.True: Input should be a valid string; YAML takes this"),
        ("          amount", "\t  amount", "indent by blanks, not by tabs"),
        ("amount: AMT", "amount: items[0].price", 'a field of that name is written "`items[0].price`"'),
        ("amount: AMT", "amount: '\"Betrag\"'", 'is a text, not a field; a field of that name is written "`Betrag`"'),
        (
            "transaction_id: ID",
            "transaction_id: \"'x'\"",
            "gives all records one id; for records that have none, write row_number()",
        ),
        ("transaction_id: ID", "transaction_id: 1e3", "'1e3' gives all records one id"),
        ("where: FRAUD = 'Y'", "where: Is Fraud = 1", "A name with blanks or signs in it stands in backticks"),
        ("where: FRAUD = 'Y'", "where: Code (CR) = 'Y'", "If 'Code (CR)' is a field's name, write `Code (CR)`"),
        ('delimiter: ";"', 'sep: ";"', "payments.sep: there is no such option; did you mean delimiter?"),
        ('delimiter: ";"', "skiprows: 3", "payments.skiprows: there is no such option; did you mean skip_rows?"),
        ("where: FRAUD", "wher: FRAUD", "wher: there is no such option; did you mean where?"),
        (
            "description: Card payments of a shop.",
            "description: 2025-01-31",
            "description: Input should be a valid string; Y",
        ),
        ("description", "2025-01-31: x\ndescription", "2025-01-31: Keys should be strings; YAML takes this"),
        ("where: FRAUD = 'Y'", "where: FRAUD-X", "fraud_reports.where: 'FRAUD-X' is no name"),
        ("amount: AMT", "amuont: AMT", "transactions.map.amuont: silver.transactions takes no such column"),
        ("          amount: AMT\n", "", "transactions.map: amount must be mapped"),
        ("amount: AMT", "event_date: AMT", "takes no such column"),
        ("reader: files", "reader: ftp", "feeds.payments.reader: it must be one of 'files', 'kafka'"),
        ("format: csv", "format: xml", "feeds.payments.format"),
        ('delimiter: ";"', 'delimiter: ";;"', "feeds.payments.delimiter"),
        ('delimiter: ";"', "encoding: latin-99", "'latin-99' is no text encoding"),
        ("format: csv", "format: csv\n    colour: red", "feeds.payments.colour"),
        ("fraud_reports:", "frauds:", "frauds: no such target; it must be one of transactions"),
        ("where: FRAUD = 'Y'", "where: FRAUD", "must be true or false"),
        ("name: acme", "name: other", "must be the file's name"),
        ("feeds:", "feeds: [", "not YAML"),
        ("description: Card payments of a shop.\n", "", "description: Field required"),
    ],
)
def test_mistakes_are_named_by_file_path_and_rule(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        load(tmp_path, ACME.replace(old, new, 1))

    assert str(caught.value).startswith("sources/acme.yml: ")
    assert expected in str(caught.value)
    assert "Source" not in str(caught.value)
    assert "datetime" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a", "hello", "name: acme\ndescription: x\nfeeds:\n  payments:\n"])
def test_what_is_no_mapping_is_named_in_plain_words(tmp_path: Path, text: str) -> None:
    with pytest.raises(DeclarationError, match="it must be names with values, such as `format: csv`"):
        load(tmp_path, text)


def test_a_declaration_in_another_encoding_is_named(tmp_path: Path) -> None:
    load(tmp_path)
    (tmp_path / "sources" / "acme.yml").write_bytes("name: acme\ndescription: Zürich\n".encode("cp1252"))

    with pytest.raises(DeclarationError, match=r"^sources/acme\.yml: byte 25 is not UTF-8; save the file as UTF-8$"):
        load_source(tmp_path / "sources", "acme")


def test_a_target_may_come_from_two_feeds(tmp_path: Path) -> None:
    block = ACME[ACME.index("  payments:") :].replace("  payments:", "  more:", 1)

    assert list(load(tmp_path, ACME + block).feeds_of("transactions")) == ["payments", "more"]


def of_buckets(first: str, second: str) -> str:
    """Two feeds of S3: one of the first connection, one of the second."""
    feed = ACME[ACME.index("  payments:") :].replace("{landing}/acme", "s3://landing/acme")
    stores = "\n".join(
        f"  {name}: {{kind: aws, region: eu-west-1, endpoint: '{endpoint}'}}"
        for name, endpoint in (("one", first), ("two", second))
    )
    feeds = "".join(
        feed.replace("payments:", f"{name}:", 1).replace("reader:", f"connection: {name}\n    reader:", 1)
        for name in ("one", "two")
    )
    return f"name: acme\ndescription: x\nconnections:\n{stores}\nfeeds:\n{feeds}"


def test_a_bucket_of_two_servers_is_refused(tmp_path: Path) -> None:
    load(tmp_path, of_buckets("http://a:9000", "http://a:9000"))
    with pytest.raises(
        DeclarationError, match=r"feeds\.two: the bucket landing is one of another server in feeds\.one"
    ):
        load(tmp_path, of_buckets("http://a:9000", "http://b:9000"))
    load(tmp_path, of_buckets("http://a:9000", "http://b:9000").replace("s3://landing", "s3://other", 1))


def test_a_server_s_address_may_be_spelt_in_more_ways_than_one(tmp_path: Path) -> None:
    load(tmp_path, of_buckets("https://a", "https://A:443/"))


def test_a_bucket_below_the_landing_folder_is_one_of_its_server_too(tmp_path: Path) -> None:
    feed = ACME[ACME.index("  payments:") :].replace("payments:", "below:", 1)
    source = load(tmp_path, of_buckets("http://a:9000", "http://a:9000") + feed)
    source.check_servers("/data/landing")
    source.check_servers("s3://other/landing")
    with pytest.raises(DeclarationError, match=r"feeds\.below: the bucket landing is one of another server"):
        source.check_servers("s3://landing/files")


def test_an_unknown_source_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    load(tmp_path)

    with pytest.raises(DeclarationError, match=r"source='acne': there is no sources/acne.yml; known sources: acme"):
        load_source(tmp_path / "sources", "acne")
