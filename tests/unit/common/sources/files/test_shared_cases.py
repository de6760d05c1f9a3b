"""Files that went wrong once: ../shared/cases/csv, whose README.md says what is right."""

import dataclasses

import pytest
from reading import objects, records

from common.settings import repository
from common.sources.declaration import load_source
from common.sources.files.parsing import FileFormat, FileRefused

CASES = repository() / "../shared/cases/csv"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"the cases are not there: {CASES}")


def layout(**options: object) -> dict[str, object]:
    feed: FileFormat = load_source(CASES, "casecsv").feeds["payments"].layout
    shown = {field.name: getattr(feed, field.name) for field in dataclasses.fields(feed) if field.name != "format"}
    return {**shown, **options}


def content(name: str) -> bytes:
    [path] = (CASES / "landing/payments").glob(f"{name}_*.csv")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "options"),
    [("c05", {}), ("c09", {}), ("c10", {"skip_rows": 3}), ("c07", {"quote": "none"})],
)
def test_three_rows_are_read(name: str, options: dict[str, object]) -> None:
    rows = objects(content(name), **layout(**options))

    assert [row["id"] for row in rows] == [f"{name}-{number}" for number in (1, 2, 3)]
    assert set(rows[0]) == {"id", "ts", "customer", "amount", "currency", "note"}


def test_a_stray_quote_refuses_its_row_with_its_line() -> None:
    rows = records(content("c07"), **layout())

    assert [(ordinal, (error or "")[:7]) for ordinal, _, error in rows] == [(1, ""), (2, "line 3:"), (3, "")]


def test_lines_above_the_header_name_the_option() -> None:
    with pytest.raises(FileRefused, match="`skip_rows: 3`"):
        records(content("c10"), **layout())


def test_a_header_that_names_a_field_twice_is_read() -> None:
    [row] = objects(content("c13"), **layout())

    assert (row["note"], row["note_2"]) == ("x", "y")


def test_a_header_alone_is_no_record() -> None:
    assert records(content("c15"), **layout()) == []
