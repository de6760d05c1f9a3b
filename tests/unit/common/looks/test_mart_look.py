"""What the plots of marts say of themselves."""

from datetime import date

import pytest
from gold_worlds import Transaction, append, at

from common.contracts.ddl import schema_of
from common.contracts.marts import COUNTRY_CHANNEL_MATRIX
from common.contracts.silver import TRANSACTIONS
from common.gold.mart_look import fraud_by_country_and_channel
from common.storage.lake import Lake

pytestmark = pytest.mark.spark


def test_the_months_that_a_fraud_rate_is_of_are_named_by_their_first_day(lake: Lake) -> None:
    lake.ensure(TRANSACTIONS, COUNTRY_CHANNEL_MATRIX)
    append(lake, [Transaction("t", at(0))])  # 5 January 2026: 90 days before is 7 October
    rows = []
    for month in (date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1)):
        values = {"country": "DE", "channel": "online", "month": month, "transactions": 4, "frauds": 1}
        rows.append(tuple(values.get(name) for name in COUNTRY_CHANNEL_MATRIX.column_names))
    lake.append(lake.spark.createDataFrame(rows, schema_of(COUNTRY_CHANNEL_MATRIX)), COUNTRY_CHANNEL_MATRIX)

    drawn = fraud_by_country_and_channel(lake)

    assert drawn is not None
    assert "of the months since 2025-11-01" in drawn.axes[0].get_title()
