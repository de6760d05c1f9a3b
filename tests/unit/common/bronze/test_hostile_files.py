"""Whole files that nobody can read, through real ingestion beside good ones; and hostile bytes through the parser."""

import gzip
import io
import json
import os
from pathlib import Path
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.bronze.ingest import ingest
from common.bronze.refusals import refused_files
from common.sources.chunks import CHUNK_CHARACTERS
from common.sources.declaration import Source
from common.sources.files import unpack
from common.sources.files.parsing import FileFormat, FileRefused, parse_file
from common.storage.lake import Lake

Rows = list[tuple[int, str | None, str | None]]


def records(content: bytes, format_: str, **layout: str) -> Rows:
    chunks = parse_file(content, FileFormat(format_, **layout))
    return [row for chunk in chunks for row in zip(*(part.to_pylist() for part in chunk), strict=True)]


def parquet(**columns: pa.Array) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def a_zip(*, encrypted: bool = False) -> bytes:
    sink = io.BytesIO()
    with ZipFile(sink, "w") as archive:
        archive.writestr("a.jsonl", '{"id": 1}\n' * 50)
    content = bytearray(sink.getvalue())
    # Each of the two headers of a file in the archive has a bit for it.
    content[6] |= encrypted
    content[content.index(b"PK\x01\x02") + 8] |= encrypted
    return bytes(content)


LINE = b'{"id": "P%d"}\n'
GOOD = b"".join(LINE % number for number in range(200))
FIVE_MEGABYTES = json.dumps({"id": "BIG", "note": "x" * 5_000_000}).encode()


def a_source(name: str, format_: str) -> dict[str, object]:
    into = {"transactions": {"map": {"transaction_id": "id", "event_time": "ts", "amount": "amount"}}}
    return {"reader": "files", "format": format_, "path": f"{{landing}}/{name}", "into": into}


SOURCE = Source.model_validate(
    {"name": "hostile", "description": "Files of every kind.", "feeds": {"lines": a_source("lines", "json_lines")}}
)

HOSTILE = {
    "empty.jsonl": (b"", "the file is empty"),
    "blank.jsonl": (b" \n\n", "the file holds no record"),
    "nothing in it.jsonl.gz": (gzip.compress(b""), "the gzip file holds nothing"),
    "cut.jsonl.gz": (gzip.compress(GOOD)[:-20], "the gzip file is truncated"),
    "no#trailer.jsonl.gz": (gzip.compress(GOOD)[:-3], "the gzip file is truncated"),
    "corrupt.jsonl.gz": (gzip.compress(GOOD)[:-8] + bytes(8), "the gzip file is damaged"),
    "not gzip.jsonl.gz": (b"\x1f\x8bnot gzip", "the gzip file is damaged"),
    "archive.jsonl": (a_zip(encrypted=True), "a.jsonl in the zip file is encrypted"),
    "table.jsonl": (parquet(id=pa.array(["P1"])), "the file is binary (Parquet), not JSON lines"),
    "utf16.jsonl": (GOOD.decode().encode("utf-16"), "the file is binary, not JSON lines"),
    "table.csv": (b"id,amount\n1,2\n3,4\n", "no line of the file begins with {"),
    "Fehler – 502.jsonl": (b"<html><body>Bad gateway</body></html>\n", "the file is an HTML page, not JSON lines"),
}


@pytest.mark.spark
def test_files_that_nobody_can_read_are_named_and_the_others_go_on(lake: Lake, landing: Path) -> None:
    folder = landing / "lines"
    folder.mkdir()
    for name, (content, _) in HOSTILE.items():
        (folder / name).write_bytes(content)
    (folder / "good.jsonl").write_bytes(GOOD)
    (folder / "big.jsonl").write_bytes(b'{"id": "before"}\n' + FIVE_MEGABYTES + b'\n{"id": "after"}\n')

    added = ingest(lake, SOURCE).by_feed

    assert added == {"lines": len(HOSTILE) + 200 + 3}
    refused = refused_files(lake, SOURCE)
    assert len(refused) == len(HOSTILE)
    for name, (_, reason) in HOSTILE.items():
        errors = [
            error for path, error in zip(refused["path"], refused["read_error"], strict=True) if _is_of(path, name)
        ]
        assert len(errors) == 1, name
        assert errors[0].startswith(f"file refused: {reason}"), name
    big = lake.table("bronze.lines").where("source_ref LIKE '%/big.jsonl#%'").orderBy("source_ref")
    assert [row["payload"] for row in big.collect()][1] == FIVE_MEGABYTES.decode()

    # A file that was mended comes under a new name, and is read then; nothing else is read again.
    (folder / "cut (again).jsonl.gz").write_bytes(gzip.compress(GOOD))
    assert ingest(lake, SOURCE).by_feed == {"lines": 200}
    assert ingest(lake, SOURCE).by_feed == {"lines": 0}


NAMES = (
    "2024-01-01T10:00:00.jsonl",
    ":colon.jsonl",
    "ends with a colon:",
    "sub:folder/10:00.jsonl",
    "100% x%20y.jsonl",
    "new\nline.jsonl",
    "back\\slash.jsonl",
    "[a] {b} q? s*.jsonl",
    "Zahlungen é 中.jsonl",
    " blanks .jsonl",
)


@pytest.mark.spark
def test_files_are_read_whatever_their_names_are_or_refused_by_name(lake: Lake, landing: Path) -> None:
    feeds = {"named": a_source("named", "json_lines")}
    source = Source.model_validate({"name": "hostile", "description": "Names of every kind.", "feeds": feeds})
    for number, name in enumerate(NAMES):
        (landing / "named" / name).parent.mkdir(parents=True, exist_ok=True)
        (landing / "named" / name).write_bytes(LINE % number)
    unreadable = os.fsencode(landing / "named") + b"/caf\xe9.jsonl"
    Path(os.fsdecode(unreadable)).write_bytes(LINE % 99)

    added = ingest(lake, source)

    rows = lake.table("bronze.named").select("source_ref", "read_error").collect()
    found = {row["source_ref"].removeprefix(f"{landing}/named/"): row["read_error"] for row in rows}
    assert found == {f"{name}#1": None for name in NAMES} | {
        r"caf\xe9.jsonl#0": "file refused: its name is not UTF-8; rename it"
    }
    assert added.note == r"1 file refused: caf\xe9.jsonl: its name is not UTF-8; rename it"
    assert ingest(lake, source).by_feed == {"named": 0}


def _is_of(path: str, name: str) -> bool:
    return Path(path).name == name


@pytest.mark.parametrize(
    ("content", "format_", "reason"),
    [
        (b'id,name\n1,"never closed\n2,"x\n', "csv", "2 of 2 rows of the CSV file can't be read: line 2: .* quote"),
        (parquet(a=pa.array(["x"] * 9)), "json_array", "Parquet"),
        (b'[{"a": ' + b"[" * 5000, "json_array", "ends within an element"),
        (b'[{"a": 1}, {"b": "\x01}]', "json_array", "element 2 of the JSON array is not JSON"),
        (parquet(a=pa.array(["x"] * 99))[:-30], "parquet", "not a readable Parquet file"),
        (parquet(), "parquet", "the Parquet file has no columns"),
    ],
)
def test_a_file_is_refused_with_what_is_wrong(content: bytes, format_: str, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason):
        records(content, format_)


def test_a_column_that_is_there_twice_is_refused() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(["1"]), pa.array(["2"])], names=["id", "id"]), sink)

    with pytest.raises(FileRefused, match="names the column 'id' twice"):
        records(sink.getvalue(), "parquet")


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_UNPACKED_BYTES", 100_000)
    fitting = gzip.compress(b'{"a":1}\n' * 12_500)

    assert len(records(fitting, "json_lines")) == 12_500
    for bomb in (gzip.compress(b'{"a":1}\n' * 12_501), fitting + gzip.compress(b"{}")):
        with pytest.raises(FileRefused, match="unpacks to more than 100,000 bytes"):
            records(bomb, "json_lines")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "UTF8"])
@pytest.mark.parametrize("format_", ["json_lines", "json_array", "csv"])
def test_a_declared_encoding_is_read_line_by_line(format_: str, encoding: str) -> None:
    text = {"json_lines": '{"a": "é"}\n{"a": "b"}', "json_array": '[{"a": "é"}, {"a": "b"}]', "csv": "a\né\nb"}[format_]

    assert records(text.encode(encoding), format_, encoding=encoding) == [
        (1, '{"a": "é"}', None),
        (2, '{"a": "b"}', None),
    ]


def test_marks_of_byte_order_and_line_ends_of_other_systems_do_no_harm() -> None:
    assert records(b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\r\n', "json_lines") == [
        (1, '{"a": 1}', None),
        (2, '{"a": 2}', None),
    ]
    assert records(b"\xef\xbb\xbfa\r\n1\r\n", "csv", encoding="UTF8") == [(1, '{"a": "1"}', None)]
    assert records(b"a\r1\r2\r", "csv") == [(1, '{"a": "1"}', None), (2, '{"a": "2"}', None)]


def test_a_stray_nul_harms_its_own_record_only() -> None:
    assert records(b'{"a": "\0"}\n{"a": 2}\n', "json_lines") == [(1, '{"a": "\0"}', None), (2, '{"a": 2}', None)]


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_an_element_nested_too_deeply_is_a_record_of_its_own(depth: int) -> None:
    deep = '{"a": "]}\\"", "b": ' + "[" * depth + "]" * depth + "}"

    found = records(f'[{{"a": 1}}, {deep}, {{"a": 3}}]'.encode(), "json_array")

    assert [payload for _, payload, _ in found] == ['{"a": 1}', deep, '{"a": 3}']


def test_a_number_of_5000_digits_is_no_concern_of_the_parser() -> None:
    assert records(b'[{"a": ' + b"9" * 5000 + b"}]", "json_array") == [(1, '{"a": ' + "9" * 5000 + "}", None)]


def test_a_csv_field_of_a_megabyte_is_taken() -> None:
    [(_, payload, error)] = records(b'a\n"' + b"x" * 1_000_000 + b'"\n', "csv")

    assert (json.loads(payload or ""), error) == ({"a": "x" * 1_000_000}, None)


def test_large_records_come_in_many_chunks() -> None:
    line = b'{"a": "' + b"x" * (CHUNK_CHARACTERS // 3) + b'"}\n'

    assert [len(ordinals) for ordinals, _, _ in parse_file(line * 4, FileFormat("json_lines"))] == [3, 1]


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    [(_, payload, error)] = records(b'{"a": "+2AA-"}', "json_lines", encoding="utf-7")

    assert payload == '{"a": "\\ud800"}'
    assert error is not None
    assert "surrogate" in error


def test_parquet_text_that_is_no_utf8_marks_its_row() -> None:
    buffers = [None, pa.array([0, 2, 4], pa.int32()).buffers()[1], pa.py_buffer(b"a\xffok")]
    content = parquet(a=pa.Array.from_buffers(pa.string(), 2, buffers), b=pa.array(["1", "2"]))

    assert records(content, "parquet") == [
        (1, '{"a":"a\\\\xff","b":"1"}', "column 'a': the text is not UTF-8"),
        (2, '{"a":"ok","b":"2"}', None),
    ]


def test_a_parquet_value_without_a_text_marks_its_row() -> None:
    moments = pa.array([[10**15], [0]], pa.list_(pa.timestamp("s")))

    (_, _, error), (_, payload, no_error) = records(parquet(a=moments), "parquet")

    assert error is not None
    assert error.startswith("column 'a': a value has no text")
    assert (json.loads(payload or ""), no_error) == ({"a": ["1970-01-01 00:00:00"]}, None)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([7], pa.int64()), "7"),
        (pa.array([7.0]), "7"),
        (pa.array([12.3], pa.float32()), "12.3"),
        (pa.array([1e20]), "1e+20"),
        (pa.array([float("nan")]), "nan"),
        (pa.array([b"T1"], pa.binary()), "T1"),
        (pa.array([b"\xff\0"], pa.binary(2)), "ff00"),
        (pa.array(["T1"]).dictionary_encode(), "T1"),
        (pa.array(["T1"], pa.large_string()), "T1"),
        (pa.array(["T1"], pa.string_view()), "T1"),
        (pa.array([0], pa.duration("s")), "0"),
        (pa.array([1743300000000000], pa.timestamp("us", "Europe/Berlin")), "2025-03-30T04:00:00.000000+0200"),
        (pa.array([-62135596800], pa.timestamp("s")), "0001-01-01T00:00:00.000"),
        (pa.array([253402300799], pa.timestamp("s")), "9999-12-31T23:59:59.000"),
        (pa.array([None], pa.null()), None),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_a_parquet_column_of_any_type_becomes_text(column: pa.Array, text: str | None) -> None:
    [(_, payload, error)] = records(parquet(a=column), "parquet")

    assert (json.loads(payload or ""), error) == ({"a": text}, None)
