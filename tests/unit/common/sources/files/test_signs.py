import dataclasses
import json
from typing import Any

import pytest
from reading import records

from common.sources.files.signs import warnings_of
from common.sources.readers.files import FileFeed

INTO = {"transactions": {"map": {"transaction_id": "id", "event_time": "ts", "amount": "amount"}}}


def a_feed(format_: str = "csv", **options: Any) -> FileFeed:
    feed = {"reader": "files", "format": format_, "path": "{landing}/x", "into": INTO, **options}
    return FileFeed.model_validate(feed)


def look(content: str | bytes, format_: str = "csv", **options: Any) -> list[str]:
    feed = a_feed(format_, **options)
    shown = {field.name: getattr(feed.layout, field.name) for field in dataclasses.fields(feed.layout)}
    return warnings_of([payload for _, payload, _ in records(content, shown.pop("format"), **shown)], feed.layout)


@pytest.mark.parametrize(
    ("content", "format_", "options"),
    [
        ("id,ts,amount,note\nT1,2025-03-01,12.50,x; y\nT2,2025-03-02,13.00,é – “ü”\n", "csv", {}),
        ("id;V1;V2;V3\n1;2;3;4\n", "csv", {"delimiter": ";"}),
        ("street\n1 High Street; London\nBath\n", "csv", {}),
        ("1,2,3\n3,4,5\n", "csv", {"header": False, "columns": ["id", "ts", "amount"]}),
        ('{"id": "1", "items": [{"a": 1}]}', "json_lines", {}),
        ('{"id": "1;2;3"}\n{"a;b": "c;d"}', "json_lines", {}),
        ("id,ts,amount\n", "csv", {}),
        ("id,name\n1,é\n", "csv", {"encoding": "auto"}),
    ],
)
def test_files_that_are_as_declared_give_no_warning(content: str, format_: str, options: dict[str, Any]) -> None:
    assert look(content, format_, **options) == []


@pytest.mark.parametrize(("delimiter", "written"), [(";", '";"'), ("\t", r'"\t"'), ("|", '"|"')])
def test_one_column_with_many_delimiters_names_the_likely_one(delimiter: str, written: str) -> None:
    [warning] = look(
        "Nr;Konto;Buchungstag;Betrag\nT1;DE1;2025-03-01;12\nT2;DE1;2025-03-02;13\n".replace(";", delimiter)
    )

    assert f"in its name are 3 {written}, as in 2 of 2 records" in warning
    assert "Nr, Konto, Buchungstag, Betrag" in warning
    assert warning.endswith(f"declare `delimiter: {written}`")


def test_names_that_are_somebodys_data_are_not_shown() -> None:
    warnings = look("2025-03-01;12.50;ann@example.com;T1\n2025-03-02;13.00;bob@example.com;T2\n")

    assert "4 that begin with 2, 1, a, T" in warnings[0]
    assert not any("ann" in warning or "12.50" in warning for warning in warnings)


def test_a_header_that_looks_like_data_names_the_options() -> None:
    [warning] = look("1,2025-03-01 10:00:00,12.50,ann@example.com,T1\n2,2025-03-02,13.00,bob@example.com,T2\n")

    assert warning.startswith("4 of 5 names in the header look like data")
    assert "begin with 1, 2, a." in warning
    assert "`header: false` and `columns: [...]` with 5 names" in warning
    assert "ann" not in warning


def test_a_name_that_is_its_own_value_looks_like_data() -> None:
    [warning] = look("T1,EUR,online\nT2,EUR,online\nT3,EUR,atm\n")

    assert warning.startswith("2 of 3 names in the header look like data")


def test_utf_8_read_in_an_encoding_of_one_byte_is_noticed() -> None:
    for encoding in ("cp1252", "latin-1", "iso-8859-1"):
        [warning] = look("id,name\n1,Müller\n2,x\n".encode(), encoding=encoding)

        assert warning.startswith("1 of 2 records hold two or three letters, as in Ã¤")
        assert warning.endswith("declare `encoding: utf-8`")
        assert "ller" not in warning
    assert look("id,name\n1,Müller\n2,Løv – “x”\n".encode("cp1252"), encoding="cp1252") == []


def test_text_that_was_damaged_before_is_said_to_be() -> None:
    [twice] = look("id,name\n1,Müller\n".encode().decode("cp1252").encode())
    [lost] = look("id,name\n1,M\ufffdller\n2,x\n")

    assert "read as cp1252 and written again before the file came here" in twice
    assert lost.startswith("1 of 2 records hold the replacement character U+FFFD")


def test_cp1252_read_as_something_else_is_noticed() -> None:
    [controls] = look("id,name\n1,“x”\n".encode("cp1252"), encoding="latin-1")
    [unread] = look('{"name": "Müller"}\n{"name": "x"}\n'.encode("cp1252"), "json_lines")

    assert "control characters" in controls
    assert unread.startswith("1 of 2 records have bytes that are not utf-8")
    assert all(warning.endswith("declare `encoding: cp1252`") for warning in (controls, unread))


@pytest.mark.parametrize("format_", ["json", "json_lines"])
def test_one_object_around_all_records_names_their_path(format_: str) -> None:
    [warning] = look(json.dumps({"meta": 1, "data": {"items": [{"id": "1"}, {"id": "2"}]}}), format_)

    assert warning.endswith("declare `format: json` and `records: data.items`")


def test_what_is_no_record_is_no_reason_for_a_failure() -> None:
    assert warnings_of([None, "not json", "[1]", "{}", '{"a": ' + "[" * 100_000], a_feed("csv").layout) == []


def test_rows_with_delimiters_below_a_title_without_them_name_the_delimiter() -> None:
    rows = "".join(f"{n};2025-03-0{n};{n}0\n" for n in range(1, 5))

    [warning] = look("Statement\nid;ts;amount\n" + rows)
    assert 'with 2 ";" in 5 of 5' in warning
    assert 'declare `delimiter: ";"`, and `skip_rows`' in warning
    assert look("street\n1; High; Street\n2; Low; Street\n") == []


def test_a_header_that_is_repeated_is_told_as_that() -> None:
    content = "id,ts,amount\n1,2025-03-01,10\n"

    [warning] = look(content * 2)
    assert "1 records repeat the header" in warning
    assert "compares `id` with its own name" in warning
    [warning] = look(content, header=False, columns=["id", "ts", "amount"])
    assert "1 records hold the names in `columns`" in warning
    assert "`skip_rows: 1`" in warning
    assert look(content, header=False, columns=["id", "ts", "amount"], skip_rows=1) == []


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("'T{}'", "between single quotes"),
        (' "T{}"', "in quotes that have a blank before them"),
        ('="00{}"', 'such as ="007"'),
    ],
)
def test_quotes_that_stay_in_values_are_told(value: str, what: str) -> None:
    rows = "".join(f"x,{value.format(n)}\n" for n in range(4))

    [warning] = look("id,note\n" + rows)
    assert f"4 of 4 records hold values {what}" in warning
    assert look("id,note\nx,O'Neil\ny,'n'\nz,it's\n") == []


def test_pages_of_records_one_a_line_name_the_array_with_the_mapped_fields() -> None:
    page = '{"accounts": [{"name": "x"}], "data": [{"id": "1", "ts": "2025-03-01"}]}\n'

    [warning] = look(page * 3, "json_lines")
    assert "3 of 3 records hold no field that is mapped" in warning
    assert "`records: data`" in warning
    assert look(page + '{"id": "2", "amount": "1"}\n', "json_lines") == []
