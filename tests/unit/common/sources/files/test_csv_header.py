import pytest
from reading import objects, records

from common.sources.files.parsing import FileRefused

ROWS = "id,amount\n1,10\n2,20\n"
TWO = [{"id": "1", "amount": "10"}, {"id": "2", "amount": "20"}]


def test_lines_above_the_header_are_skipped_when_they_are_declared() -> None:
    assert objects('"Account",DE00\n\n"Balance, ""today""",1\n' + ROWS, skip_rows=3) == TWO


def test_lines_above_the_header_that_are_not_declared_refuse_the_file_and_name_the_option() -> None:
    with pytest.raises(FileRefused, match=r"4 of 4 rows .* 4 have 2 fields, the header 1; .* `skip_rows: 2`"):
        records("Account DE00\n\n" + ROWS + "3,30\n")


def test_a_header_with_fewer_names_than_rows_have_fields_says_what_can_be_declared() -> None:
    with pytest.raises(FileRefused, match="`skip_rows: 1`, `header: false` and `columns` with 3 names"):
        records("id,amount\n1,10,x\n2,20,y\n")
    with pytest.raises(FileRefused, match="`ragged: pad` leaves out empty fields at the end"):
        records("id,amount\n1,10,\n2,20,\n")


def test_many_lines_above_the_header_and_few_rows_name_the_option_too() -> None:
    above = "Account,DE00\n\n" + "".join(f"Key {n},value\n" for n in range(9))
    content = above + "id,day,amount,currency\n1,2025-03-01,10,EUR\n"

    with pytest.raises(FileRefused, match=r"2 of 11 rows .* 2 have 4 fields, the header 2; .* `skip_rows: 11`"):
        records(content)
    assert len(objects(content, skip_rows=11)) == 1
    assert len([error for _, _, error in records(content + "x,y\n") if error]) == 2


def test_lines_of_several_widths_above_the_header_name_the_option_too() -> None:
    content = "Statement\nAccount,DE00\nBalance,1\nKey,x\nid,day,amount\n1,2025-03-01,10\n2,2025-03-02,20\n"

    with pytest.raises(FileRefused, match=r"6 of 6 rows .* 3 have 3 fields, the header 1; .* `skip_rows: 4`"):
        records(content)


def test_a_header_full_of_another_delimiter_names_it() -> None:
    with pytest.raises(
        FileRefused, match='2 have 2 fields, the header 1; the header holds 2 ";": declare `delimiter: ";"`'
    ):
        records("id;amount;name\n1;10,50;a\n2;20,00;b\n")


@pytest.mark.parametrize("above", ["\n", "\n \n\r\n", ",\n", " , \n\n", "\ufeff\n"])
def test_blank_lines_above_the_header_are_skipped(above: str) -> None:
    assert objects(above + ROWS) == TWO


@pytest.mark.parametrize("line", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "\nsep=;\n\n", "\ufeffsep=;\n"])
@pytest.mark.parametrize("declared", [{}, {"delimiter": ";"}])
def test_a_line_that_names_the_delimiter_is_skipped_and_followed(line: str, declared: dict[str, str]) -> None:
    assert objects(line + ROWS.replace(",", ";"), **declared) == TWO


def test_a_line_that_names_another_delimiter_than_the_feed_refuses_the_file() -> None:
    with pytest.raises(FileRefused, match="says that ';' is the delimiter, the feed `delimiter: ','`; leave"):
        records("sep=;\n" + ROWS.replace(",", ";"), delimiter=",")


def test_a_line_that_names_the_delimiter_counts_among_the_rows_to_skip() -> None:
    assert objects("sep=;\nAccount;1\n" + ROWS.replace(",", ";"), skip_rows=2) == TWO


def test_a_footer_is_left_out_though_it_could_not_be_read() -> None:
    assert objects(ROWS + 'total,"30\n\nend of report\n\n', skip_footer=2) == TWO
    with pytest.raises(FileRefused, match="no header"):
        records(ROWS, skip_footer=3)


def test_without_a_header_the_declared_columns_name_the_fields() -> None:
    rows = records("1,10\n2,20\n", columns=("id", "amount"))

    assert rows == [(1, '{"id": "1", "amount": "10"}', None), (2, '{"id": "2", "amount": "20"}', None)]
    assert objects(ROWS, columns=("id", "amount"), skip_rows=1) == TWO


def test_other_fields_than_the_declared_columns_refuse_the_file() -> None:
    with pytest.raises(FileRefused, match="2 have 3 fields, the feed's `columns` 2; name 3 in `columns`"):
        records("1,10,x\n2,20,y\n", columns=("id", "amount"))


def test_a_name_that_is_there_twice_is_numbered() -> None:
    assert objects("a,note,note,note_2, note \n1,2,3,4,5\n") == [
        {"a": "1", "note": "2", "note_3": "3", "note_2": "4", "note_4": "5"}
    ]


def test_a_doubled_name_that_is_mapped_refuses_the_file_and_the_way_on_reads_it() -> None:
    content = "a,due (€),due (€),no\n1,2,3,4\n"
    with pytest.raises(FileRefused) as caught:
        records(content, mapped=("a", "due (€)"))

    assert str(caught.value).endswith(
        "`skip_rows: 1`, `header: false` and `columns: [a, 'due (€)', 'due (€)_2', 'no']`"
    )
    names = ("a", "due (€)", "due (€)_2", "no")
    assert objects(content, mapped=("a", "due (€)"), skip_rows=1, columns=names) == [
        dict(zip(names, "1234", strict=True))
    ]
    assert len(objects(content, mapped=("a", "due (€)_2"))) == 1


@pytest.mark.parametrize("rows", ["1,10\n2,20\n", "1,10,\n2,20,\n", "1,10\n2,20,\n"])
def test_a_column_at_the_end_without_name_and_values_is_none(rows: str) -> None:
    assert objects("id,amount,\n" + rows) == TWO


def test_a_column_at_the_end_without_a_name_keeps_its_values() -> None:
    assert objects("id,amount,,\n1,10,x,\n2,20,,\n") == [{"id": "1", "amount": "10", "": "x", "_2": ""}, TWO[1]]


@pytest.mark.parametrize("content", ["id,amount\n", "id,amount", "id,amount\n\n\n", "\nid,amount\r\n"])
def test_a_header_and_no_row_are_no_record(content: str) -> None:
    assert records(content) == []


def test_missing_fields_are_empty_and_empty_ones_left_out_where_rows_are_padded() -> None:
    rows = records("a,b,c\n1\n1,2\n1,2,3,,\n1,2,3,4\n", ragged="pad")

    assert [payload for _, payload, error in rows if error is None] == [
        '{"a": "1", "b": "", "c": ""}',
        '{"a": "1", "b": "2", "c": ""}',
        '{"a": "1", "b": "2", "c": "3"}',
    ]
    assert rows[3] == (4, '["1", "2", "3", "4"]', "line 5: the row has 4 fields, the header 3")


@pytest.mark.parametrize(("delimiter", "written"), [(";", '";"'), ("\t", r'"\\t"'), ("|", r'"\|"')])
def test_a_quoted_header_with_another_delimiter_names_it(delimiter: str, written: str) -> None:
    content = delimiter.join(['"id"', '"amount, net"']) + "\n" + delimiter.join(['"1"', '"10"']) + "\n"

    with pytest.raises(FileRefused, match=f"line 1 .*, its header: .* declare `delimiter: {written}`$"):
        records(content)
    assert objects(content, delimiter=delimiter) == [{"id": "1", "amount, net": "10"}]


def test_json_that_is_declared_as_csv_names_the_format() -> None:
    with pytest.raises(FileRefused, match="the file is JSON, not CSV; `format: json` reads the file"):
        records('{"id": 1, "amount": 2}\n{"id": 2, "amount": 2}\n')
    assert objects("[id],{amount}\n1,2\n") == [{"[id]": "1", "{amount}": "2"}]


def test_where_all_lines_are_skipped_the_options_are_named() -> None:
    with pytest.raises(FileRefused, match="no header beside the lines that `skip_rows: 9` leaves out"):
        records(ROWS, skip_rows=9)


def test_characters_without_width_are_no_part_of_a_name() -> None:
    assert objects("\u200bid , amount\ufeff\n1,2\n") == [{"id": "1", "amount": "2"}]


def test_a_name_that_is_there_often_is_numbered_past_names_that_are_taken() -> None:
    assert list(objects("a,a,a_2,a,a\n1,2,3,4,5\n")[0]) == ["a", "a_3", "a_2", "a_4", "a_5"]
