"""What the plots of marts say of themselves."""

from datetime import date

import pytest

from common.contracts.ddl import schema_of
from common.contracts.marts import COUNTRY_CHANNEL_MATRIX
from common.contracts.silver import TRANSACTIONS
from common.contracts.table import Table
from common.looks.marts import fraud_by_country_and_channel
from common.storage.lake import Lake

pytestmark = pytest.mark.spark


def append(lake: Lake, table: Table, rows: list[dict[str, object]]) -> None:
    data = [tuple(row.get(name) for name in table.column_names) for row in rows]
    lake.append(lake.spark.createDataFrame(data, schema_of(table)), table)


def test_the_months_that_a_fraud_rate_is_of_are_named_by_their_first_day(lake: Lake) -> None:
    lake.ensure(TRANSACTIONS, COUNTRY_CHANNEL_MATRIX)
    newest = {"transaction_id": "t", "event_date": date(2026, 1, 5)}  # 90 days before is 7 October
    append(lake, TRANSACTIONS, [newest])
    rows: list[dict[str, object]] = []
    for month in (date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1)):
        values = {"country": "DE", "channel": "online", "month": month, "transactions": 4, "frauds": 1}
        rows.append(values)
    append(lake, COUNTRY_CHANNEL_MATRIX, rows)

    drawn = fraud_by_country_and_channel(lake)

    assert drawn is not None
    assert "of the months since 2025-11-01" in drawn.axes[0].get_title()
