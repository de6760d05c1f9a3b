"""Around which time the history is loaded that the running state holds."""

import numpy as np

from common.features.state.feature_state import KEPT_DAYS
from common.features.state.running import MANY, middle_of
from common.features.timeline import DAY_MICROS, Ints

NEWEST = 20_000 * DAY_MICROS
OLD = NEWEST - 1500 * DAY_MICROS


def times(*micros: int) -> Ints:
    return np.array(micros, "int64")


def test_a_few_far_older_records_do_not_move_it() -> None:
    assert middle_of(times(OLD, NEWEST), NEWEST) == NEWEST
    assert middle_of(times(*[OLD] * (MANY - 1)), NEWEST) == NEWEST
    recent = NEWEST - (KEPT_DAYS - 1) * DAY_MICROS
    assert middle_of(times(recent), NEWEST) == recent


def test_it_is_where_many_are_that_come_later_and_where_an_empty_table_begins() -> None:
    assert middle_of(times(*[OLD] * MANY, NEWEST), NEWEST) == OLD
    assert middle_of(times(OLD), None) == OLD
    assert middle_of(times(NEWEST + DAY_MICROS), NEWEST) == NEWEST + DAY_MICROS
