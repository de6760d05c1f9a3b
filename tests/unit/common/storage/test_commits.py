"""What a table's commits have done: the same by its log's files as by DESCRIBE HISTORY."""

from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from common.storage.changes import Changes, changes_since
from common.storage.commits import Commit, commits
from common.storage.lake import Lake
from lake_tables import pairs, pairs_table

TABLE = pairs_table("commits")


@pytest.fixture(scope="module")
def written(lake: Lake) -> Lake:
    """A lake with a table that was appended to, merged into and deleted from."""
    lake.ensure(TABLE)
    name = lake.full_name(TABLE)
    lake.append(pairs(lake.spark, range(3), "first"), TABLE)
    upsert = pairs(lake.spark, range(2, 5), "second").withColumn("operation", F.lit("upsert"))
    lake.apply_changes(upsert, TABLE)
    lake.spark.sql(f"DELETE FROM {name} WHERE {TABLE.key[0]} = 0")
    lake.spark.sql(f"OPTIMIZE {name}")
    return lake


@pytest.fixture(params=["files", "query"])
def reading(written: Lake, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The same table, whose log is read either way."""
    if request.param == "query":
        return written
    detail = written.spark.sql(f"DESCRIBE DETAIL {written.full_name(TABLE)}").first()
    assert detail is not None
    monkeypatch.delenv("SPARK_REMOTE")
    return Lake(
        written.spark, replace(written.settings, home=Path(detail["location"].removeprefix("file:")).parents[2])
    )


@pytest.mark.spark
def test_commits_say_what_was_done_newest_first(reading: Lake) -> None:
    found = commits(reading, TABLE)

    assert [commit.operation for commit in found][-4:] == ["DELETE", "MERGE", "WRITE", "CREATE TABLE"]
    assert [commit.version for commit in found] == sorted((commit.version for commit in found), reverse=True)
    by_operation = {commit.operation: commit.rows for commit in found}
    assert by_operation["WRITE"] == (3, 0, 0)
    assert by_operation["MERGE"] == (2, 1, 0)
    assert by_operation["DELETE"] == (0, 0, 1)
    assert next(commit.version for commit in found if commit.may_insert) == 2


@pytest.mark.spark
def test_changes_are_those_after_a_version(reading: Lake) -> None:
    newest = reading.version(TABLE)

    assert changes_since(reading, {TABLE.name: 1}) == {TABLE.name: Changes(2, 1, 1)}
    assert changes_since(reading, {TABLE.name: newest}) == {TABLE.name: Changes()}
    assert commits(reading, TABLE, after=newest) == []


def test_only_what_certainly_adds_no_row_adds_none() -> None:
    assert not Commit(1, "MERGE", {"numTargetRowsInserted": "0", "numTargetRowsUpdated": "3"}).may_insert
    assert Commit(1, "MERGE", {}).may_insert
    assert Commit(1, "RESTORE", {}).may_insert
    assert not Commit(1, "OPTIMIZE", {}).may_insert


def test_only_what_certainly_keeps_all_rows_keeps_them() -> None:
    kept = {"numTargetRowsUpdated": "0", "numTargetRowsDeleted": "0"}
    assert all(Commit(1, operation, {}).keeps_rows for operation in ("WRITE", "STREAMING UPDATE", "OPTIMIZE"))
    assert Commit(1, "MERGE", kept).keeps_rows
    assert Commit(1, "DELETE", {"numDeletedRows": "0"}).keeps_rows
    assert not Commit(1, "MERGE", kept | {"numTargetRowsUpdated": "3"}).keeps_rows
    assert not Commit(1, "DELETE", {"numDeletedRows": "1"}).keeps_rows
    assert not any(Commit(1, operation, {}).keeps_rows for operation in ("DELETE", "UPDATE", "MERGE", "RESTORE"))
