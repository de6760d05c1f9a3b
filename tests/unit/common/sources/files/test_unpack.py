import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from zipfile import ZIP_DEFLATED, ZipFile

import pyarrow as pa
import pytest
from reading import objects, records

from common.sources.files import unpack
from common.sources.files.parsing import FileRefused

PLAIN = b"id,amount\n1,10\n2,20\n"
TWO = [{"id": "1", "amount": "10"}, {"id": "2", "amount": "20"}]


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue().to_pybytes())


def zipped(*files: tuple[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with ZipFile(sink, "w", ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return sink.getvalue()


def tarred(content: bytes) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def one_zipped(content: bytes) -> bytes:
    return zipped(("a.csv", content))


PACKERS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "Zstandard": zstd, "zip": one_zipped}
kinds = pytest.mark.parametrize(("kind", "pack"), PACKERS.items(), ids=list(PACKERS))
Pack = Callable[[bytes], bytes]


@kinds
def test_a_packed_file_is_recognised_by_content(kind: str, pack: Pack) -> None:
    assert objects(pack(PLAIN)) == TWO


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "Zstandard"])
def test_a_file_may_be_packed_in_several_pieces(kind: str) -> None:
    assert objects(PACKERS[kind](PLAIN[:7]) + PACKERS[kind](PLAIN[7:])) == TWO


@kinds
def test_a_cut_file_is_refused(kind: str, pack: Pack) -> None:
    with pytest.raises(FileRefused, match=f"the {kind} file is .*truncated"):
        records(pack(PLAIN * 50)[:-5])


@kinds
def test_a_damaged_file_is_refused(kind: str, pack: Pack) -> None:
    content = bytearray(pack(bytes(range(256)) * 50))
    # Zstandard's checksum is optional, and pyarrow writes none: only its structure shows a damage.
    at = 4 if kind == "Zstandard" else len(content) // 2
    content[at : at + 4] = bytes(byte ^ 0xFF for byte in content[at : at + 4])

    with pytest.raises(FileRefused, match=f"the {kind} file is (damaged|truncated)"):
        records(bytes(content))


@kinds
def test_a_packed_file_of_nothing_is_refused(kind: str, pack: Pack) -> None:
    with pytest.raises(FileRefused, match=f"the {kind} file holds nothing"):
        records(pack(b""))


@kinds
def test_the_bound_on_unpacked_bytes_holds_for_all(kind: str, pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_UNPACKED_BYTES", len(PLAIN))

    assert objects(pack(PLAIN)) == TWO
    with pytest.raises(FileRefused, match=f"the {kind} file unpacks to more than {len(PLAIN)} bytes: split it"):
        records(pack(PLAIN + b"\n"))


def test_the_bound_holds_for_all_files_of_an_archive_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_UNPACKED_BYTES", len(PLAIN) * 2)
    archive = zipped(("a.csv", PLAIN), ("b.csv", PLAIN))

    assert len(records(archive)) == 4
    with pytest.raises(FileRefused, match="unpacks to more than"):
        records(zipped(("a.csv", PLAIN), ("b.csv", PLAIN), ("c.csv", b"x")))


def test_every_file_of_an_archive_is_read_with_its_own_header_and_the_numbers_go_on() -> None:
    archive = zipped(
        ("days/", b""),
        ("days/1.csv", PLAIN),
        ("__MACOSX/days/._1.csv", b"\0\0"),
        ("days/.DS_Store", b"\0"),
        ("2.csv", b"amount,id\n30,3\n40\n"),
    )

    assert records(archive) == [
        (1, '{"id": "1", "amount": "10"}', None),
        (2, '{"id": "2", "amount": "20"}', None),
        (3, '{"amount": "30", "id": "3"}', None),
        (4, '["40"]', "2.csv in the zip file: line 3: the row has 1 fields, the header 2"),
    ]


def test_lines_of_an_archives_files_are_numbered_on_from_the_last_one() -> None:
    archive = zipped(("a.jsonl", b'\n{"a": 1}\n\n'), ("b.jsonl", b'{"b": 1}\n\n{"b": 2}'))

    assert [ordinal for ordinal, _, _ in records(archive, "json_lines")] == [2, 3, 5]


def encrypted(archive: bytes) -> bytes:
    content = bytearray(archive)
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (encrypted(one_zipped(PLAIN)), "^a.csv in the zip file is encrypted: send it without a password"),
        (zipped(("in.zip", one_zipped(PLAIN))), "^in.zip is packed twice, by zip within zip: unpack it once"),
        (zipped(("a.csv.gz", gzip.compress(PLAIN))), "^a.csv.gz is packed twice, by gzip within zip"),
        (gzip.compress(bz2.compress(PLAIN)), "^the gzip file is packed twice, by bzip2 within gzip"),
        (zipped(("a.csv", PLAIN), ("b.csv", b"")), "^b.csv in the zip file: the file is empty"),
        (zipped(("a.csv", PLAIN), ("b.csv", b"\xff\n")), "^b.csv in the zip file: byte 0 is not utf-8"),
        (zipped(), "^the zip file holds nothing"),
        (zipped((".hidden", PLAIN)), "^the zip file holds nothing"),
        (zipped(("xl/workbook.xml", b"<x/>"), ("[Content_Types].xml", b"<x/>")), "xlsx: save it as CSV"),
        (tarred(PLAIN), "^the file is a tar archive, which is not read: unpack it, or send a zip"),
        (gzip.compress(tarred(PLAIN)), "tar archive, which is not read"),
        (zipped(("a.tar", tarred(PLAIN))), "^a.tar is a tar archive"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "binary .a 7z archive., not CSV"),
    ],
    # Bytes of an archive hold the time of its making: workers must find the same names of tests.
    ids=lambda value: value if isinstance(value, str) else "content",
)
def test_what_is_not_unpacked_is_named(content: bytes, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason):
        records(content)


def test_a_text_that_begins_as_bzip2_does_is_a_text() -> None:
    assert objects(b"BZh9,b\n1,2\n") == [{"BZh9": "1", "b": "2"}]


def test_a_zstandard_file_may_begin_with_a_frame_without_data() -> None:
    skipped = b"\x5a\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"
    content = pa.Codec("zstd").compress(b"id\n1\n", asbytes=True)

    assert objects(skipped + content) == [{"id": "1"}]
