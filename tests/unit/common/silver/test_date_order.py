import pytest

from common.contracts.silver import TRANSACTIONS
from common.silver.date_order import MANY, ambiguous_dates, order_warning
from common.sources.target_map import TargetMap
from common.sources.value_format import USUAL, ValueFormat

MAP = TargetMap(map={"transaction_id": "id", "event_time": "paid_at", "amount": "amount"})


@pytest.mark.parametrize(
    ("texts", "number"),
    [
        (["03/04/2025 10:00", "05.06.2025", None, "2025-06-07", "text"], 2),
        (["03/04/2025", "13/04/2025"], 0),
        (["03/04/2025", "04/13/2025 10:00:00"], 0),
        (["03/03/2025"], 0),
        ([" 3/4/2025"], 1),
        (["03/04.2025", "03-04-2025", "1234/5678", "1.2.3"], 0),
    ],
)
def test_dates_that_can_be_read_in_both_orders_are_counted(texts: list[str | None], number: int) -> None:
    assert ambiguous_dates(texts) == number


def test_many_of_them_are_a_warning_that_names_the_option() -> None:
    records = [{"paid_at": f"{day:02}/02/2025 10:00"} for day in range(3, 13)] * 3

    warning = order_warning(records, MAP, TRANSACTIONS, USUAL)

    assert "event_time: 30 dates of the field 'paid_at'" in warning
    assert "`date_order`: day_first or month_first" in warning


@pytest.mark.parametrize("order", ["day_first", "month_first"])
def test_a_feed_that_declares_its_order_is_clear(order: str) -> None:
    records = [{"paid_at": "03/04/2025 10:00"}] * MANY

    assert not order_warning(records, MAP, TRANSACTIONS, ValueFormat.model_validate({"date_order": order}))
    assert order_warning(records, MAP, TRANSACTIONS, USUAL)
    assert not order_warning(records[1:], MAP, TRANSACTIONS, USUAL)
