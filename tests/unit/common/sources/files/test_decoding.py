import codecs
import json

import pytest
from reading import objects, records

from common.sources.files.parsing import FileRefused

TEXTS = {"csv": "name\né\n", "json_lines": '{"name": "é"}\n', "json_array": '[{"name": "é"}]', "json": '{"name": "é"}'}
formats = pytest.mark.parametrize("format_", TEXTS)
MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@formats
@pytest.mark.parametrize("encoding", MARKED)
def test_auto_goes_by_the_byte_order_mark(format_: str, encoding: str) -> None:
    content = MARKED[encoding] + TEXTS[format_].encode(encoding)

    assert objects(content, format_, encoding="auto") == [{"name": "é"}]


@formats
def test_auto_is_utf_8_without_a_mark(format_: str) -> None:
    assert objects(TEXTS[format_], format_, encoding="auto") == [{"name": "é"}]


@formats
@pytest.mark.parametrize("encoding", [*MARKED, "utf-16", "utf-32", "utf-8-sig", "latin-1", "cp1252", "ascii"])
@pytest.mark.parametrize("marks", [1, 2])
def test_a_mark_is_no_part_of_a_name_whatever_is_declared(format_: str, encoding: str, marks: int) -> None:
    one_byte = encoding in ("latin-1", "cp1252", "ascii", "utf-8-sig")
    mark = codecs.BOM_UTF8 if one_byte else "\ufeff".encode(encoding)[-len("\ufeff".encode(f"{encoding}")) :]
    text = TEXTS[format_].replace("é", "e").encode("ascii" if one_byte else encoding)

    assert objects(mark * marks + text, format_, encoding=encoding) == [{"name": "e"}]


@pytest.mark.parametrize(
    ("content", "encoding", "reason"),
    [
        (
            "a\né\n".encode("cp1252"),
            "utf-8",
            r"byte 2 is not utf-8; .* `encoding` \(cp1252 reads the file, and is usual\)",
        ),
        (b"a\n\x81\n", "utf-8", "byte 2 is not utf-8; declare the feed's `encoding`, or have the file sent again"),
        (b"\xef\xbb\xbfa\n\xff\n", "utf-8", "byte 5 is not utf-8"),
        ("a\né\n".encode(), "ascii", r"byte 2 is not ascii; .*\(utf-8 reads the file\)"),
        ("a,b\nc,d\n".encode("utf-16"), "utf-8", "mark of UTF-16: `encoding: auto` reads it"),
        (
            ("a,b\n" + "c,d\n" * 20).encode("utf-16"),
            "utf-8",
            "binary, not CSV: .* mark of UTF-16; declare `encoding: auto`",
        ),
        (
            ("a,b\n" + "c,d\n" * 20).encode("utf-16-be"),
            "latin-1",
            "UTF-16 without .* mark; declare `encoding: utf-16-be`",
        ),
        (("a,b\n" + "c,d\n" * 20).encode("utf-16-le"), "auto", "UTF-16 without .* mark; declare `encoding: utf-16-le`"),
    ],
)
def test_bytes_of_another_encoding_refuse_the_file_with_the_likely_one(
    content: bytes, encoding: str, reason: str
) -> None:
    with pytest.raises(FileRefused, match=reason):
        records(content, encoding=encoding)


def test_a_declared_encoding_decides_whatever_the_mark_says() -> None:
    [(_, payload, _)] = records(codecs.BOM_UTF8 + "a\né\n".encode("cp1252"), encoding="cp1252")

    assert json.loads(payload or "") == {"a": "é"}


def test_marks_at_the_beginning_of_later_lines_are_left_out() -> None:
    content = "\ufeffid,a\n1,x\n\ufeff2,y\n"

    assert objects(content) == [{"id": "1", "a": "x"}, {"id": "2", "a": "y"}]
    assert objects(content.encode("utf-16"), encoding="auto") == objects(content)


@pytest.mark.parametrize("declared", ["utf-8", "cp1252"])
def test_central_european_bytes_name_their_encoding(declared: str) -> None:
    content = "opis\nŻABKA Łódź – ť\n".encode("cp1250")

    with pytest.raises(FileRefused, match="cp1250, that of Central Europe, reads the file"):
        records(content, encoding=declared)
    assert objects(content, encoding="cp1250") == [{"opis": "ŻABKA Łódź – ť"}]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<Document/>\n', "XML"),
        (b"\n<!DOCTYPE html>\n<html>Log in</html>\n", "an HTML page"),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQEM\n", "encrypted by PGP"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a pointer of Git LFS"),
        (b"\x1f\x9d\x90abc", "binary .packed by compress"),
        (b"%PDF-1.4\n1 obj\n", "binary .PDF"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_its_name(content: bytes, kind: str) -> None:
    with pytest.raises(FileRefused, match=f"the file is {kind}.*, not CSV"):
        records(content)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_wide_encoding_that_is_declared_for_narrow_text_refuses_the_file(encoding: str) -> None:
    with pytest.raises(FileRefused, match="its letters have one byte each; declare `encoding: utf-8`"):
        records("id,amount\n1,20\n" * 9, encoding=encoding)
    assert objects("号,額\n一,二\n".encode(encoding), encoding=encoding) == [{"号": "一", "額": "二"}]


@pytest.mark.parametrize(("written", "declared"), [("utf-16-be", "utf-16"), ("utf-16-le", "utf-16-be")])
def test_utf_16_in_the_other_order_of_bytes_is_named(written: str, declared: str) -> None:
    with pytest.raises(FileRefused, match=f"declare `encoding: {written}`"):
        records("id,amount\n1,20\n".encode(written), encoding=declared)


def test_utf_8_that_is_declared_otherwise_is_named() -> None:
    with pytest.raises(FileRefused, match="utf-8 reads the file"):
        records("a\n“x”\n", encoding="cp1252")
