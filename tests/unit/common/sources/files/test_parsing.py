import csv
import gzip
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.sources.files.parsing import CHUNK_ROWS, FileFormat, FileRefused, parse_file

Record = tuple[int, str | None, str | None]


def records(content: bytes, format_: str, **layout: Any) -> list[Record]:
    chunks = parse_file(content, FileFormat(format_, **layout))
    return [row for chunk in chunks for row in zip(*(part.to_pylist() for part in chunk), strict=True)]


def objects(content: bytes, format_: str, **layout: Any) -> list[object]:
    return [json.loads(payload or "null") for _, payload, error in records(content, format_, **layout) if error is None]


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_json_lines_are_kept_to_the_letter_and_numbered_by_line() -> None:
    content = b'\xef\xbb\xbf{"a": 12.50}\r\n\n  {"b": 1e400 }  \nnot json\n'

    assert records(content, "json_lines") == [
        (1, '{"a": 12.50}', None),
        (3, '{"b": 1e400 }', None),
        (4, "not json", None),
    ]


def test_a_line_of_another_encoding_is_marked_and_harms_no_other() -> None:
    rows = records(b'{"a":1}\n{"b":"\xff"}\n{"c":2}', "json_lines")

    assert [error for _, _, error in rows] == [None, "byte 6 of the line is not utf-8", None]
    assert rows[1][1] == '{"b":"\\xff"}'


def test_json_array_elements_keep_their_digits() -> None:
    assert records(b' [ {"a": 12.50} ,\n{"b": [1, 2]} ] \n', "json_array") == [
        (1, '{"a": 12.50}', None),
        (2, '{"b": [1, 2]}', None),
    ]
    assert records(b"[]", "json_array") == []


def test_csv_follows_its_own_header_quotes_and_separator() -> None:
    content = b'id;note;x\n1;"two\nlines; and ""quotes""";\n2;plain;3\n'

    assert objects(content, "csv", delimiter=";") == [
        {"id": "1", "note": 'two\nlines; and "quotes"', "x": ""},
        {"id": "2", "note": "plain", "x": "3"},
    ]
    assert objects("navn\nØre\n".encode("latin-1"), "csv", encoding="latin-1") == [{"navn": "Øre"}]


def test_a_csv_row_with_other_fields_than_the_header_is_marked() -> None:
    assert records(b"a,b\n1,2\n3\n4,5,6\n", "csv")[1:] == [
        (2, '["3"]', "line 3: the row has 1 fields, the header 2"),
        (3, '["4", "5", "6"]', "line 4: the row has 3 fields, the header 2"),
    ]


def test_parquet_values_become_text_with_all_their_digits() -> None:
    at = datetime(2018, 4, 1, 0, 0, 31, tzinfo=UTC)
    table = pa.table(
        {
            "id": pa.array([9007199254740993, None], pa.int64()),
            "amount": pa.array([Decimal("12.50"), None], pa.decimal128(18, 2)),
            "price": pa.array([57.16, None]),
            "at_ns": pa.array([1522540831000000001, None], pa.timestamp("ns")),
            "at_utc": pa.array([at, None], pa.timestamp("us", tz="UTC")),
            "day": pa.array([date(2018, 4, 1), None]),
            "flag": pa.array([True, None]),
            "text": pa.array(['quo"te \\ back\nline', None]),
            "tags": pa.array([["a", "b"], None]),
        }
    )

    first, second = objects(parquet(table), "parquet")

    assert first == {
        "id": "9007199254740993",
        "amount": "12.50",
        "price": "57.16",
        "at_ns": "2018-04-01T00:00:31.000000001",
        "at_utc": "2018-04-01T00:00:31.000000Z",
        "day": "2018-04-01",
        "flag": "true",
        "text": 'quo"te \\ back\nline',
        "tags": ["a", "b"],
    }
    assert set(second.values()) == {None}  # type: ignore[attr-defined]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_the_payload_column_of_parquet_is_the_record_as_received(type_: pa.DataType) -> None:
    texts = ['{"amount": 12.50,"n":1e400}', None, "no json", "", '"quo\\"ted\\n"']
    content = parquet(pa.table({"id": range(5), "raw": pa.array(texts, type_), "raw.text": ["x"] * 5}))

    assert records(content, "parquet", payload_column="raw") == [
        (number, text, "the payload column is null" if text is None else None)
        for number, text in enumerate(texts, start=1)
    ]
    assert [payload for _, payload, _ in records(content, "parquet", payload_column="raw.text")] == ["x"] * 5


def test_a_payload_that_is_not_utf8_is_marked_and_harms_no_other() -> None:
    values = pa.array([b'{"a":1}', b'{"a":"\xff"}', None]).view(pa.string())

    assert records(parquet(pa.table({"raw": values})), "parquet", payload_column="raw") == [
        (1, '{"a":1}', None),
        (2, '{"a":"\\xff"}', "the text is not UTF-8"),
        (3, None, "the payload column is null"),
    ]


def test_a_payload_column_that_is_not_there_or_no_text_refuses_the_file() -> None:
    content = parquet(pa.table({"id": [1], "bytes": [b"{}"], "body": [{"raw": "{}"}]}))

    with pytest.raises(FileRefused, match=r"no column 'raw', which payload_column names; it has: id, bytes, body"):
        records(content, "parquet", payload_column="raw")
    for name, type_ in (("id", "int64"), ("bytes", "binary"), ("body", "struct")):
        with pytest.raises(FileRefused, match=f"the column '{name}', which payload_column names, holds {type_}"):
            records(content, "parquet", payload_column=name)


@pytest.mark.parametrize("format_", ["json_lines", "csv"])
def test_gzip_is_recognised_by_content(format_: str) -> None:
    plain = {"json_lines": b'{"a":"1"}\n', "csv": b"a\n1\n"}[format_]

    assert objects(gzip.compress(plain[:3]) + gzip.compress(plain[3:]), format_) == [{"a": "1"}]


@pytest.mark.parametrize(
    ("content", "format_", "reason"),
    [
        (b"", "csv", "the file is empty"),
        (gzip.compress(b"a\n1\n" * 1000, mtime=0)[:-9], "csv", "truncated"),
        (gzip.compress(b"a\n1\n", mtime=0)[:10] + b"garbage", "csv", "damaged"),
        (b'a,"b\n1,x\n', "csv", "line 1 of the CSV file, its header: a quote is opened and never closed"),
        (b"\n\n", "csv", "no header"),
        (b"\n", "json_lines", "the file holds no record"),
        (b" ", "json_lines", "the file holds no record"),
        (b"\xef\xbb\xbf", "json_lines", "the file holds no record"),
        (gzip.compress(b" \r\n\t", mtime=0), "json_lines", "the file holds no record"),
        (b"a\n\xff\n", "csv", "byte 2 is not utf-8"),
        (b'{"a":1}', "json_array", "does not begin with"),
        (b'[{"a":1}', "json_array", "no comma or ]"),
        (b'[{"a":}]', "json_array", "element 1"),
        (b"[] []", "json_array", "more text behind"),
        (b"PAR1 and more", "json_lines", "binary"),
        (b"PAR1 and more", "parquet", "not a readable Parquet file"),
        (b"a,b\n", "parquet", "not a readable Parquet file"),
    ],
)
def test_an_unreadable_file_is_refused_whole_with_the_reason(content: bytes, format_: str, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason.replace("[", r"\[")):
        records(content, format_)


def test_a_parquet_file_damaged_in_the_middle_gives_no_rows() -> None:
    content = bytearray(parquet(pa.table({"text": [f"value {n}" for n in range(CHUNK_ROWS * 3)]})))
    content[len(content) // 2 : len(content) // 2 + 4000] = b"\0" * 4000
    chunks = parse_file(bytes(content), FileFormat("parquet"))

    with pytest.raises(FileRefused):
        next(chunks)


texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\0"), max_size=12)


@given(st.lists(st.fixed_dictionaries({"a": texts, "b": texts}), min_size=1, max_size=8))
def test_csv_written_by_pythons_writer_comes_back(rows: list[dict[str, str]]) -> None:
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, ["a", "b"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)

    assert objects(sink.getvalue().encode(), "csv") == rows


@given(st.lists(st.dictionaries(texts, st.one_of(st.none(), st.booleans(), st.integers(), texts)), max_size=6))
def test_every_json_array_is_read_as_json_reads_it(rows: list[dict[str, object]]) -> None:
    assert objects(json.dumps(rows, indent=1).encode(), "json_array") == rows
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    assert not rows or objects(lines, "json_lines") == rows
