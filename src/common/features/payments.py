"""The features of a payment that are seen in itself."""

from collections.abc import Mapping

import numpy as np

from common.features.timeline import DAY_MICROS, Flags, Ints

_HOUR_MICROS = DAY_MICROS // 24
_FIRST_WEEKDAY = 3
"""1970 began on a Thursday; Monday is 0."""


def payment_features(micros: Ints, days: Ints, cents: Ints, has_amount: Flags) -> Mapping[str, np.ma.MaskedArray]:
    """The features by name; a masked value is unknown.

    Args:
        micros: event times in microseconds since 1970, UTC.
        days: event dates in days since 1970.
        cents: amounts in euro cents, where `has_amount` is true.
        has_amount: whether the amount is known.

    """
    return {
        "amount_eur": np.ma.MaskedArray(cents.astype("float64") / 100, mask=~has_amount),
        "is_weekend": np.ma.MaskedArray((days + _FIRST_WEEKDAY) % 7 >= 5),
        "is_night": np.ma.MaskedArray(micros // _HOUR_MICROS % 24 <= 6),
    }
