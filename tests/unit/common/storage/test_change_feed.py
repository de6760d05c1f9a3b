"""A table that is older than its contract's change feed gets it, once."""

from dataclasses import replace

import pytest

from common.contracts.table import Column, Table
from common.storage.lake import Lake

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
