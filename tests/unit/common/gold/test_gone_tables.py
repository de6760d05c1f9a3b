"""A table of the star or a mart that is gone is not begun in the middle of its stream."""

from collections.abc import Callable
from pathlib import Path

import pytest

from common.contracts.marts import ALERT_OUTCOMES, DAILY_FRAUD_SUMMARY, MERCHANT_RISK
from common.contracts.star import DIMENSIONS, FACT_FRAUD_REPORT
from common.contracts.table import Table
from common.errors import CheckpointError
from common.gold.marts import MARTS, build_marts
from common.gold.star_schema import STAR, build_star_schema
from common.storage.lake import Lake

pytestmark = pytest.mark.spark


@pytest.mark.parametrize(
    ("build", "tables", "gone", "stream"),
    [
        (build_star_schema, STAR, DIMENSIONS["customer"], "star_schema"),
        (build_star_schema, STAR, FACT_FRAUD_REPORT, "star_schema"),
        (build_marts, MARTS, MERCHANT_RISK, "marts"),
        (build_marts, MARTS, ALERT_OUTCOMES, "marts"),
        (build_marts, MARTS, DAILY_FRAUD_SUMMARY, "marts"),
    ],
)
def test_it_is_named_with_the_way_out(
    lake: Lake, build: Callable[[Lake], object], tables: tuple[Table, ...], gone: Table, stream: str
) -> None:
    lake.ensure(*tables)
    commits = Path(lake.settings.checkpoint("gold", stream), "commits")
    commits.mkdir(parents=True, exist_ok=True)
    (commits / "0").write_text("v1\n{}")
    lake.spark.sql(f"DROP TABLE {lake.full_name(gone)}")

    with pytest.raises(CheckpointError, match=f"{gone.name} is gone.*lakehouse reset gold/{stream}"):
        build(lake)

    assert not lake.exists(gone)
