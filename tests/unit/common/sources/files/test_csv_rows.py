"""Dialects of CSV, against Python's own writer and reader, and as Spark writes them."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import objects, records

from common.sources.files.csv_rows import rows_of
from common.sources.files.parsing import FileFormat

Table = list[list[str]]

tables = st.lists(st.lists(st.text("ab \"'\\,;|\t\né", max_size=8), min_size=2, max_size=2), min_size=1, max_size=6)
one_line = st.lists(st.lists(st.text("ab \"'\\,;|\té", max_size=8), min_size=2, max_size=2), min_size=1, max_size=6)


def written(rows: Table, **dialect: Any) -> str:
    sink = io.StringIO(newline="")
    csv.writer(sink, **dialect).writerows([["x", "y"], *rows])
    return sink.getvalue()


def values(content: str, **layout: Any) -> Table:
    return [list(row.values()) for row in objects(content, **layout)]


@given(tables, st.sampled_from(",;|\t"), st.sampled_from("\"'"), st.sampled_from(["\n", "\r\n"]))
def test_every_delimiter_and_quote_comes_back(rows: Table, delimiter: str, quote: str, end: str) -> None:
    content = written(rows, delimiter=delimiter, quotechar=quote, quoting=csv.QUOTE_ALL, lineterminator=end)

    assert values(content, delimiter=delimiter, quote=quote) == rows


@given(tables, st.sampled_from(",;"))
def test_escaped_quotes_come_back(rows: Table, delimiter: str) -> None:
    dialect = {"delimiter": delimiter, "escapechar": "\\", "doublequote": False, "quoting": csv.QUOTE_ALL}

    assert values(written(rows, **dialect), delimiter=delimiter, escape="\\") == rows


@given(tables.filter(lambda rows: all(any(row) for row in rows)))
def test_without_quotes_escaped_delimiters_and_line_ends_come_back(rows: Table) -> None:
    content = written(rows, escapechar="\\", quotechar=None, quoting=csv.QUOTE_NONE, lineterminator="\n")

    assert values(content, escape="\\", quote="none") == rows


@given(one_line)
def test_without_quotes_a_quote_is_a_letter(rows: Table) -> None:
    content = "x\ty\n" + "".join("\t".join(cell.replace("\t", " ") for cell in row) + "\n" for row in rows)

    expected = [[cell.replace("\t", " ") for cell in row] for row in rows]
    assert values(content, delimiter="\t", quote="none") == expected


def spark_written(rows: Table) -> str:
    """As Spark's CSV writer does with its defaults: escapes within quotes only, quotes where they are needed."""

    def cell(value: str) -> str:
        if not value or set(value) & set(',\n\r"'):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return value

    return "x,y\n" + "".join(",".join(map(cell, row)) + "\n" for row in rows)


@given(tables)
def test_what_spark_writes_comes_back(rows: Table) -> None:
    assert values(spark_written(rows), escape="\\") == rows


def test_an_escape_before_any_other_letter_stays() -> None:
    content = 'x,y\n"C:\\temp, new",\\\\server\\share\n"a ""b"" \\"c\\"",\\N\n'

    assert values(content, escape="\\") == [["C:\\temp, new", "\\\\server\\share"], ['a "b" "c"', "\\N"]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('2,"a \\"b\\" "c', "there is text behind a closing quote; within quotes, a quote must be doubled"),
        ('2,"a \\"', "a quote is opened and never closed"),
    ],
)
def test_an_escaped_row_that_breaks_the_dialect_is_refused_alone(line: str, reason: str) -> None:
    rows = records(f'x,y\n1,"\\"a\\""\n{line}\n3,b\n', escape="\\")

    assert [error for _, _, error in rows] == [None, f"line 3: {reason}", None]


@given(st.text('a,;"\n\r ', max_size=40))
def test_without_an_escape_in_the_text_both_readers_agree(text: str) -> None:
    def read(layout: FileFormat) -> list[list[str]] | str:
        rows = rows_of(io.StringIO(text, newline=""), layout, ",")
        try:
            return [[*row, str(rows.line_num)] for row in rows]
        except csv.Error as error:
            return str(error)

    assert read(FileFormat("csv", escape="\\")) == read(FileFormat("csv"))


def test_what_mysql_writes_into_an_outfile_comes_back() -> None:
    content = "1\tfoo\\\tbar\t\\N\n2\tline\\\nnext\\\\\t3\n"
    options = {"delimiter": "\t", "quote": "none", "escape": "\\", "columns": ("id", "note", "amount")}

    assert objects(content, **options) == [
        {"id": "1", "note": "foo\tbar", "amount": "\\N"},
        {"id": "2", "note": "line\nnext\\", "amount": "3"},
    ]
