"""The features once more, straight from their definition: a loop over all pairs of transactions."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from feature_worlds import Report, Transaction

DELAY = timedelta(days=7)


def expected(of: Transaction, world: Sequence[Transaction], reports: Sequence[Report]) -> dict[str, Any]:
    """What every feature of `of` must be, to the last bit."""
    t = of.event_time
    row: dict[str, Any] = {
        "amount_eur": None if of.cents is None else of.cents / 100,
        "is_weekend": t.strftime("%a") in ("Sat", "Sun"),
        "is_night": t.hour in range(7),
    }
    for days in (1, 7, 30):
        w = timedelta(days=days)
        own = [
            x
            for x in world
            if x.customer_id == of.customer_id
            and t - w < x.event_time <= t
            and (x.event_time < t or x.transaction_id <= of.transaction_id)
        ]
        cents = [x.cents for x in own if x.cents is not None]
        there = [x for x in world if x.terminal_id == of.terminal_id and t - DELAY - w < x.event_time <= t - DELAY]
        frauds = [x for x in there if is_known_fraud(x, t, reports)]
        has_customer, has_terminal = of.customer_id is not None, of.terminal_id is not None
        row[f"customer_tx_count_{days}d"] = len(own) if has_customer else None
        row[f"customer_amount_mean_{days}d"] = sum(cents) / (100 * len(cents)) if has_customer and cents else None
        row[f"terminal_tx_count_{days}d"] = len(there) if has_terminal else None
        rate = len(frauds) / len(there) if there else 0.0
        row[f"terminal_fraud_rate_{days}d"] = rate if has_terminal else None
    return row


def is_known_fraud(transaction: Transaction, t: Any, reports: Sequence[Report]) -> bool:
    """What the last report that had come in at t says; of two at the same time, the one of fraud."""
    known = [r for r in reports if r.transaction_id == transaction.transaction_id and r.reported_at <= t]
    return max(known, key=lambda r: (r.reported_at, r.is_fraud)).is_fraud if known else False
