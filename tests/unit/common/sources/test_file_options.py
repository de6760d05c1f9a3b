"""Options of a feed of files: each is checked by itself, with its format, and with those that it must agree with."""

from pathlib import Path

import pytest
from test_declaration import ACME, load

from common.errors import DeclarationError
from common.sources.files.parsing import FileFormat


def declared(folder: Path, format_: str, *options: str) -> FileFormat:
    lines = "\n".join(f"    {option}" for option in (f"format: {format_}", *options))
    return load(folder, ACME.replace('    format: csv\n    delimiter: ";"', lines)).feeds["payments"].layout


def test_every_option_of_csv_reaches_the_reader(tmp_path: Path) -> None:
    options = (
        *(r'delimiter: "\t"', "quote: none", r"escape: '\'", "header: false", "columns: [ID, TS, AMT, FRAUD]"),
        *("skip_rows: 2", "skip_footer: 1", "ragged: pad", "on_bad_row: refuse_file", "encoding: auto"),
    )

    assert declared(tmp_path, "csv", *options) == FileFormat(
        "csv",
        delimiter="\t",
        quote="none",
        escape="\\",
        columns=("ID", "TS", "AMT", "FRAUD"),
        skip_rows=2,
        skip_footer=1,
        ragged="pad",
        on_bad_row="refuse_file",
        encoding="auto",
    )


def test_a_feed_without_options_is_read_as_before_and_the_reader_knows_what_is_mapped(tmp_path: Path) -> None:
    layout = declared(tmp_path, "csv")

    assert layout == FileFormat("csv")
    assert layout.mapped == ("ID", "TS", "AMT", "FRAUD")
    assert declared(tmp_path, "json", "records: data.items") == FileFormat("json", records="data.items")


@pytest.mark.parametrize(
    ("format_", "options", "expected"),
    [
        (
            "csv",
            ["delimiter: ';;'"],
            r"""delimiter: it must be one character; a tab is written "\t", in double quotes""",
        ),
        ("csv", ["delimiter: ''"], "delimiter: String should have at least 1 character"),
        ("csv", [r'delimiter: "\n"'], "delimiter: it ends a line"),
        ("csv", ["delimiter: '\"'"], "quote: '\"' is the delimiter too; one of the two must be another"),
        ("csv", ["quote: off"], "quote: Input should be a valid string"),
        (
            "csv",
            ["quote: nothing"],
            "quote: it must be one character, or none where nothing is quoted (given: 'nothing')",
        ),
        ("csv", ["escape: ','"], "escape: ',' is the delimiter too"),
        ("csv", ["delimiter: ';'", "escape: ';'"], "escape: ';' is the delimiter too"),
        ("csv", ["header: false"], "columns: without a header the fields have no names; add `columns: ["),
        ("csv", ["columns: [a, b]"], "columns: they name the fields of files without a header; add `header: false`"),
        ("csv", ["header: false", "columns: [a, b, a]"], "columns: 'a' is there twice"),
        ("csv", ["header: false", "columns: [a, ' b']"], "columns: ' b' has blanks around it; write 'b'"),
        ("csv", ["header: false", "columns: [a, '']"], "columns.1: String should have at least 1 character"),
        ("csv", ["skip_rows: -1"], "skip_rows: Input should be greater than or equal to 0 (given: -1)"),
        ("csv", ["skip_footer: few"], "skip_footer: Input should be a valid integer"),
        ("csv", ["ragged: cut"], "ragged: Input should be 'pad' or 'refuse' (given: 'cut')"),
        ("csv", ["on_bad_row: skip"], "on_bad_row: Input should be 'refuse_row' or 'refuse_file' (given: 'skip')"),
        ("csv", ["records: data"], "records: an option of `format: json`, not of `format: csv`; leave it out"),
        ("json", ["records: data..items"], "records: it must be names with a dot between them, such as data.items"),
        ("json_array", ["records: data"], "records: an option of `format: json`, not of `format: json_array`"),
        ("json", ["delimiter: ';'"], "delimiter: an option of `format: csv`, not of `format: json`; leave it out"),
        ("json_lines", ["skip_rows: 1"], "skip_rows: an option of `format: csv`, not of `format: json_lines`"),
        ("json_lines", ["header: false"], "header: an option of `format: csv`"),
        ("parquet", ["columns: [a]"], "columns: an option of `format: csv`"),
        ("parquet", ["encoding: cp1252"], "encoding: an option of `format: csv or json_lines or json_array or json`"),
        ("csv", ["skip_rows: true"], "skip_rows: Input should be a valid integer (given: True)"),
        ("csv", ["header: false", "columns: a, b"], "columns: it must be a list, such as [a, b] (given: 'a, b')"),
        ("csv", ["header: false", "columns: [a, no]"], "columns.1: Input should be a valid string; YAML takes this"),
        ("json", ["records: $.data"], "records: it must be names with a dot between them, such as data.items"),
        ("json", ["records: 'data[*]'"], "records: it must be names with a dot between them, such as data.items"),
        ("csv", ["encoding: undefined"], "encoding: 'undefined' is no text encoding"),
        ("csv", ["encoding: latin-99"], "encoding: 'latin-99' is no text encoding that Python knows; utf-8 is"),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_the_way_out(
    tmp_path: Path, format_: str, options: list[str], expected: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        declared(tmp_path, format_, *options)

    assert f"sources/acme.yml: feeds.payments.{expected}" in str(caught.value)


def test_a_map_reads_only_columns_that_are_declared(tmp_path: Path) -> None:
    with pytest.raises(
        DeclarationError, match=r"feeds.payments: into.transactions: the map reads the field 'AMT', which is none of"
    ):
        declared(tmp_path, "csv", "header: false", "columns: [ID, TS]")
