"""A table that is older than its contract's change feed gets it, once."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from common.contracts.table import Column, Table
from common.storage.lake import Lake
from common.storage.vacuum import vacuum_at_once

pytestmark = pytest.mark.spark

PLAIN = Table("gold.followed", "Things.", "one thing", (Column("id", "bigint", "Key."),), key=("id",))
FOLLOWED = replace(PLAIN, change_feed=True)


def test_an_older_table_gets_its_change_feed_and_then_no_further_version(lake: Lake) -> None:
    lake.ensure(PLAIN)
    lake.ensure_change_feed(PLAIN)
    before = lake.state(PLAIN.name)

    lake.ensure_change_feed(FOLLOWED)
    lake.append(lake.spark.range(3), FOLLOWED)
    lake.ensure_change_feed(FOLLOWED)

    after = lake.state(PLAIN.name)
    assert before is not None
    assert after is not None
    assert after.version == before.version + 2
    changes = lake.spark.sql(f"SELECT id FROM table_changes('{lake.full_name(PLAIN)}', {after.version})")
    assert sorted(row.id for row in changes.collect()) == [0, 1, 2]


def test_what_the_feed_kept_of_deleted_rows_goes_with_a_vacuum_at_once(lake: Lake) -> None:
    table = replace(FOLLOWED, name="gold.forgotten")
    lake.ensure(table)
    lake.append(lake.spark.range(3), table)
    lake.spark.sql(f"DELETE FROM {lake.full_name(table)} WHERE id = 0").collect()
    location = lake.spark.sql(f"DESCRIBE DETAIL {lake.full_name(table)}").collect()[0]["location"]
    folder = Path(location.removeprefix("file:"))
    assert [
        id_ for file in folder.rglob("_change_data/*.parquet") for id_ in pq.read_table(file)["id"].to_pylist()
    ] == [0]

    vacuum_at_once(lake, table)

    assert list(folder.rglob("_change_data/*.parquet")) == []
    assert sorted(row.id for row in lake.table(table).collect()) == [1, 2]
