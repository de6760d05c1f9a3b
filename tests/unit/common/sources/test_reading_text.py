from dataclasses import dataclass, field

import pytest

from common.sources.files.parsing import FileFormat
from common.sources.reading import reading_of


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (FileFormat("csv"), "csv"),
        (FileFormat("parquet"), "parquet"),
        (FileFormat("csv", delimiter=";", encoding="cp1252"), "csv, delimiter ';', encoding cp1252"),
        (FileFormat("csv", delimiter="\t"), r"csv, delimiter '\t'"),
        (FileFormat("csv", encoding="UTF8"), "csv"),
        (FileFormat("json_lines", encoding="latin-1"), "json_lines, encoding iso8859-1"),
        (FileFormat("csv", encoding="L1"), "csv, encoding iso8859-1"),
    ],
)
def test_a_reading_is_its_format_and_the_options_that_are_no_defaults(layout: FileFormat, expected: str) -> None:
    assert reading_of(layout) == expected


def test_an_option_that_is_new_is_part_of_the_reading() -> None:
    @dataclass(frozen=True)
    class Wider(FileFormat):
        skip_rows: int = 0
        columns: tuple[str, ...] = ()
        names: list[str] = field(default_factory=list)
        strict: bool = True
        mapped: tuple[str, ...] = field(default=(), compare=False)

    assert reading_of(Wider("csv", mapped=("a",))) == "csv"
    wide = Wider("csv", skip_rows=3, columns=("a", "b"), names=["x"], strict=False)
    assert reading_of(wide) == "csv, skip rows 3, columns [a, b], names ['x'], strict false"
