"""Which days the story of an alert tells of, and what a customer usually pays. In pandas; needs no Spark."""

import pandas as pd

DAYS_BEFORE, DAYS_AFTER = 42, 7
"""Days around an alert that its story tells of."""

BAND_DAYS, BAND_SHARE, BAND_PAYMENTS = 30, 0.8, 5
"""The usual amount: where this share of a customer's payments of so many days before lies; of so many at least."""


def usual_eur(payments: pd.DataFrame, at: pd.Timestamp) -> tuple[float, float] | None:
    """Between which amounts most payments of the days before a moment lie; None for too few.

    Args:
        payments: with event_time, amount_eur (null where it is unknown) and is_fraud; known frauds are left out.
        at: the moment, as the times are.
    """
    is_before = (payments["event_time"] < at) & (payments["event_time"] >= at - pd.Timedelta(days=BAND_DAYS))
    amounts = payments.loc[is_before & ~payments["is_fraud"], "amount_eur"].dropna()
    if len(amounts) < BAND_PAYMENTS:
        return None
    tail = (1 - BAND_SHARE) / 2
    return float(amounts.quantile(tail)), float(amounts.quantile(1 - tail))
