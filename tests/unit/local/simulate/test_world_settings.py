from dataclasses import fields, replace
from typing import Any

import pytest

from common.errors import LakehouseError
from local.simulate import World, WorldSettingsError


def test_every_setting_can_be_offered_as_an_option() -> None:
    for each in fields(World):
        assert each.type in (int, float, str)
        assert len(each.metadata["help"]) > 10
        assert isinstance(getattr(World(), each.name), each.type)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"duplicate_rate": -0.1}, "duplicate_rate=-0.1: must be from 0 to 1"),
        ({"late_rate": 1.5}, "late_rate=1.5: must be from 0 to 1"),
        ({"late_rate": float("nan")}, "late_rate=nan: must be from 0 to 1"),
        ({"transactions_per_customer_day": float("inf")}, "must be 0 or more"),
        ({"difficulty": 1.5}, "difficulty=1.5: must be from 0 to 1"),
        ({"drift": -0.1}, "drift=-0.1: must be from 0 to 1"),
        ({"drift_days": 0}, "drift_days=0: must be 1 or more"),
        ({"customers": 0}, "customers=0: must be 1 or more"),
        ({"customers": 10.5}, "customers=10.5: must be a whole number"),
        ({"seed": True}, "seed=True: must be a whole number"),
        ({"late_rate": "0.1"}, "late_rate='0.1': must be a number"),
        ({"start_day": "01/06/2025"}, "start_day='01/06/2025': must be a day written as YYYY-MM-DD"),
        ({"merchants": 300, "terminals": 299}, "terminals=299: must be at least merchants=300"),
        ({"online_share": 0.7, "atm_share": 0.4}, "the shares of channels sum to 1.1, above 1"),
        ({"late_rate": 0.6, "resend_rate": 0.6}, "the shares of dirt sum to"),
        ({"report_within_week_share": 0.9, "report_never_share": 0.2}, "together must be 1 or less"),
        ({"accounts_per_customer": 0.5}, "accounts_per_customer=0.5: must be 1 to 2"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_value_and_rule(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(WorldSettingsError) as refused:
        replace(World(), **settings)
    assert message in str(refused.value)
    assert isinstance(refused.value, LakehouseError)
