"""The unknown member of each dimension is there once, whoever adds it."""

import pytest
from pyspark.sql import DataFrame

from common.contracts.star import DIM_DATE, DIMENSIONS
from common.contracts.table import Table
from common.gold.dimensions import add_unknown_members
from common.storage.lake import Lake, Once

pytestmark = pytest.mark.spark


class Overtaken(Lake):
    """A lake for which another process adds the members, just before this one does its `step`."""

    def __init__(self, lake: Lake, step: str) -> None:
        super().__init__(lake.spark, lake.settings)
        self.step = step

    def version(self, table: Table | str) -> int:
        if self.step == "read the version":
            add_unknown_members(Lake(self.spark, self.settings))
        return super().version(table)

    def append(self, rows: DataFrame, table: Table, once: Once | None = None) -> None:
        if self.step == "append":
            add_unknown_members(Lake(self.spark, self.settings))
        super().append(rows, table, once)


@pytest.mark.parametrize("step", ["read the version", "append"])
def test_of_two_processes_one_adds_them_wherever_they_meet(lake: Lake, step: str) -> None:
    tables = (*DIMENSIONS.values(), DIM_DATE)
    lake.ensure(*tables)
    add_unknown_members(lake)
    lake.spark.sql(f"DELETE FROM {lake.full_name(DIM_DATE)}")

    add_unknown_members(Overtaken(lake, step))

    keys = [[row[0] for row in lake.table(table).select(table.key[0]).collect()] for table in tables]
    assert keys == [[-1]] * len(tables)
