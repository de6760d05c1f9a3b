"""How far streams have read, from the files of their checkpoints."""

from pathlib import Path

from checkpoints import TABLE, a_stream, an_offset

from common.settings import Settings
from common.storage.readers import Place, places


def test_a_stream_is_where_its_newest_committed_batch_ended(tmp_path: Path) -> None:
    a_stream(tmp_path, "silver/one", {0: an_offset(3), 1: an_offset(5), 2: an_offset(9)}, committed=2)

    assert places(Settings(tmp_path)) == [Place("silver/one", TABLE, 5)]


def test_a_stream_without_a_whole_batch_has_read_nothing(tmp_path: Path) -> None:
    a_stream(tmp_path, "silver/begun", {0: an_offset(3)}, committed=0)
    a_stream(tmp_path, "silver/in_the_first_version", {0: an_offset(3, is_starting=True)}, committed=1)
    a_stream(tmp_path, "silver/never_begun", {}, committed=0)

    assert places(Settings(tmp_path)) == [
        Place("silver/begun", TABLE, 0),
        Place("silver/in_the_first_version", TABLE, 0),
    ]


def test_a_stream_of_files_reads_no_table_and_one_of_two_tables_reads_both(tmp_path: Path) -> None:
    a_stream(tmp_path, "bronze/shop/payments", {0: 'v1\n{}\n{"logOffset":0}'}, committed=1)
    other = an_offset(7).splitlines()[-1].replace("0001", "0002")
    a_stream(tmp_path, "gold/marts", {0: f"{an_offset(2)}\n{other}\n-"}, committed=1)

    assert places(Settings(tmp_path)) == [
        Place("gold/marts", TABLE, 2),
        Place("gold/marts", TABLE.replace("0001", "0002"), 7),
    ]
