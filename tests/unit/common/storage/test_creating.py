"""Tables made by `ensure`, as other processes of the same session see them."""

import pytest
from pyspark.sql.connect.plan import LogicalPlan

from common.contracts.table import Column, Table
from common.storage.lake import Lake

THINGS = Table("gold.things", "Things.", "one thing", (Column("id", "bigint", "Key."),), key=("id",))


def test_a_made_table_is_there_for_a_process_that_numbers_its_plans_alike(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server keeps a session's last plans by their numbers, and each process counts its own from nought."""
    first = LogicalPlan._nextPlanId

    lake.ensure(THINGS)

    for number in range(first, LogicalPlan._nextPlanId):
        monkeypatch.setattr(LogicalPlan, "_nextPlanId", number)
        assert lake.table(THINGS).columns == ["id"], number
