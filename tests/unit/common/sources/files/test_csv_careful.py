"""Rows that break their dialect: they are refused alone, and all others are read as in a file without them."""

import csv
import io
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reading import objects, records, refusals

from common.sources.files import csv_careful
from common.sources.files.parsing import FileRefused

NAMES = ["id", "day", "name", "amount"]


def written(rows: list[list[str]], quoting: int = csv.QUOTE_MINIMAL) -> str:
    sink = io.StringIO(newline="")
    csv.writer(sink, quoting=quoting, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    return sink.getvalue()


def a_file(count: int, **lines: str) -> str:
    """A file of simple rows; `line_3="..."` puts another text into the place of line 3."""
    rows = [",".join(NAMES), *(f"{n},2025-03-01,C{n},{n}.50" for n in range(2, count + 2))]
    for name, text in lines.items():
        rows[int(name.removeprefix("line_")) - 1] = text
    return "".join(row + "\n" for row in rows)


def test_a_stray_quote_costs_its_row_and_names_the_line() -> None:
    broken = '3,2025-03-01,"the "best" shop",3.50'
    rows = records(a_file(4, line_3=broken))

    assert rows[1] == (
        2,
        json.dumps([broken]),
        "line 3: there is text behind a closing quote; within quotes, a quote must be doubled",
    )
    assert [json.loads(payload or "")["id"] for _, payload, error in rows if error is None] == ["2", "4", "5"]
    assert [ordinal for ordinal, _, _ in rows] == [1, 2, 3, 4]


def test_the_line_is_counted_in_the_file() -> None:
    content = "sep=,\n\nabove\n" + a_file(4, line_3='3,2025-03-01,"C3,3.50')

    [(_, error)] = refusals(content, skip_rows=3)

    assert error == "line 6: a quote is opened and never closed"


@pytest.mark.parametrize("closing", ['9,2025-03-01,C9",9.50', '9,2025-03-01,"C9",9.50', None])
def test_a_quote_that_swallows_rows_costs_only_its_own(closing: str | None) -> None:
    broken = '3,2025-03-01,"C3,3.50'
    content = a_file(9, line_3=broken, **({"line_9": closing} if closing else {}))

    found = refusals(content)

    assert [raw for raw, _ in found] == [broken]
    assert found[0][1].startswith("line 3: a quote is opened") or "text behind a closing quote" in found[0][1]
    assert [row["id"] for row in objects(content)] == ["2", "4", "5", "6", "7", "8", "9", "10"]


def test_swallowed_rows_are_noticed_below_a_delimiter_behind_the_last_header() -> None:
    content = a_file(9, line_1=",".join(NAMES) + ",", line_3='3,2025-03-01,"C3,3.50', line_9='9,2025-03-01,C9",9.50')

    assert [raw for raw, _ in refusals(content)] == ['3,2025-03-01,"C3,3.50']
    assert len(objects(content)) == 8


def test_a_text_of_many_lines_with_delimiters_is_no_swallowed_row() -> None:
    text = "Dear Sir,\nI paid, at noon, twice, sadly\n1,2,3,4\n5,6,7,8\nyours, C."
    content = written([NAMES, ["1", "d", text, "1.00"], ["2", "d", "x", "2.00"]])

    assert [row["name"] for row in objects(content)] == [text, "x"]
    listed = "bought:\nan apple, a pear, a plum, a fig\na cup, a pan, a pot, a lid\nand, so, on, yours"
    content = written([NAMES, ["1", "2025-03-01", "9", "x"], ["2", "2025-03-02", "9", listed]])
    assert [row["amount"] for row in objects(content)] == ["x", listed]


def test_the_rest_of_a_broken_row_of_two_lines_is_no_record() -> None:
    content = a_file(4, line_3='3,2025-03-01,"a "b" c\nd,e,f,g"')

    assert [error for _, error in refusals(content)] == [
        "line 3: there is text behind a closing quote; within quotes, a quote must be doubled",
        "line 4: a quote is closed that was not opened: it may be the rest of the row before it",
    ]
    assert [row["id"] for row in objects(content)] == ["2", "4", "5"]


def test_an_inch_sign_is_a_letter_like_others() -> None:
    content = a_file(5, line_3='3,2025-03-01,"x "y"",3.50', line_4='4,2025-03-01,5" disk,4.50')

    assert [row["name"] for row in objects(content)] == ["C2", '5" disk', "C5", "C6"]


def test_a_file_most_of_whose_rows_cannot_be_read_is_refused_whole() -> None:
    broken = {f"line_{n}": f'{n},d,"a "b" c",1' for n in (2, 3, 4)}

    with pytest.raises(FileRefused, match=r"3 of 5 rows .*: line 2: there is text .*`quote: none`"):
        records(a_file(5, **broken))
    assert len(objects(a_file(6, **broken))) == 3
    assert len(objects(a_file(5, **broken), quote="none")) == 5


def test_quotes_with_a_backslash_before_them_name_the_option() -> None:
    with pytest.raises(FileRefused, match=r'`escape: "\\\\"` reads quotes'):
        records("a,b\n" + '1,"x \\"y\\" z"\n' * 3)


def test_a_feed_may_want_the_whole_file_or_nothing() -> None:
    for line in ('3,2025-03-01,"C3,3.50', "3,2025-03-01"):
        with pytest.raises(FileRefused, match=r"^line 3: .*; `on_bad_row: refuse_row` would refuse this row alone"):
            records(a_file(9, line_3=line), on_bad_row="refuse_file")
    assert len(records(a_file(9), on_bad_row="refuse_file")) == 9


def test_work_is_bounded_where_every_row_leaves_a_quote_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_careful, "READINGS_OF_A_LINE", 1)
    content = "a,b,c\n" + '5",x,"abc\n' * 3000

    with pytest.raises(FileRefused, match="as in many rows before; try `quote: none`"):
        records(content)
    assert len(objects(content, quote="none")) == 3000


letters = st.text(st.sampled_from("ab1.é \"',;\n"), max_size=8)
rows_of_four = st.lists(st.lists(letters, min_size=4, max_size=4), max_size=6)
broken_rows = st.sampled_from(
    ['"a"b,c,d,e', 'a,"b "c" d",e,f', 'a,b,"c', '"', 'a,b,c,"d', '"a""b"c,"', 'x,"y" ,z,w', "too,few", "a,b,c,d,e"]
)


@given(rows_of_four, broken_rows, rows_of_four, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_every_good_row_is_read_unchanged_whatever_one_broken_row_is(
    before: list[list[str]], broken: str, after: list[list[str]], quoting: int
) -> None:
    # A quote that is opened takes the following lines, if they go on with one that closes it: then nobody can tell.
    good = [NAMES, *before], after
    assume(all(any(row) for part in good for row in part))
    content = written(good[0], quoting) + broken + "\n" + written(after, quoting)
    assume(len(before) + len(after) >= 2 and not _closed_later(broken, written(after, quoting)))

    found = [list(row.values()) for row in objects(content)]

    assert found == [*before, *after]


def _closed_later(broken: str, after: str) -> bool:
    """Whether Python's reader too takes the broken row, with lines after it, for a row."""
    try:
        return len(next(csv.reader(io.StringIO(f"{broken}\n{after}", newline=""), strict=True))) >= 1 and '"' in broken
    except csv.Error:
        return False


@given(st.lists(st.lists(letters, min_size=3, max_size=3), max_size=8), st.sampled_from([0, 1]), st.sampled_from(",;"))
def test_payloads_and_ordinals_of_clean_files_are_those_of_pythons_reader(
    rows: list[list[str]], quoting: int, delimiter: str
) -> None:
    sink = io.StringIO(newline="")
    csv.writer(sink, delimiter=delimiter, quoting=quoting).writerows([["a", "b", "c"], *rows])  # type: ignore[arg-type]
    read = list(csv.reader(io.StringIO(sink.getvalue(), newline=""), delimiter=delimiter, strict=True))[1:]

    expected = [
        (number, json.dumps(dict(zip("abc", row, strict=True)), ensure_ascii=False), None)
        for number, row in enumerate(filter(None, read), start=1)
    ]
    assert records(sink.getvalue(), delimiter=delimiter) == expected


def test_a_line_of_blanks_is_no_row() -> None:
    assert objects("id,amount\n  \n1,10\n\t \n2,20\n") == [{"id": "1", "amount": "10"}, {"id": "2", "amount": "20"}]
    assert objects("id\n  \n1\n") == [{"id": "  "}, {"id": "1"}]


def test_a_row_with_escaped_quotes_names_the_option_that_reads_it() -> None:
    content = 'id,note\n1,"a ""b"" c"\n2,"a \\"b\\" c"\n3,x\n'

    [(_, reason)] = refusals(content)
    assert reason.startswith("line 3: ")
    assert reason.endswith('`escape: "\\\\"` reads quotes that have a backslash before them')
    assert objects(content, escape="\\")[1] == {"id": "2", "note": 'a "b" c'}
