"""The features once more, straight from their definition: a loop over all pairs of transactions."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from feature_worlds import Report, Transaction

DELAY = timedelta(days=7)
MONTH = timedelta(days=30)
UNUSUAL = 2.5


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
    row |= habit(of, world, reports) if of.customer_id is not None else dict.fromkeys(OF_HABIT)
    return row | (streak(of, world, reports) if of.terminal_id is not None else dict.fromkeys(OF_STREAK))


OF_HABIT = (
    "customer_hours_since_last",
    "customer_usual_amount_30d",
    "amount_to_usual",
    "customer_largest_to_usual_3d",
    "customer_largest_to_usual_7d",
    "customer_unusual_count_3d",
    "customer_unusual_count_7d",
    "customer_country_count_30d",
    "customer_channel_count_30d",
    "customer_merchant_count_30d",
)
OF_STREAK = (
    "terminal_genuine_count_30d",
    "terminal_unexplained_frauds_30d",
    "terminal_genuine_age_days",
    "terminal_fraud_streak",
    "terminal_streak_days",
)


def habit(of: Transaction, world: Sequence[Transaction], reports: Sequence[Report]) -> dict[str, Any]:
    """The features of a customer that has an id."""
    t = of.event_time
    earlier = earlier_of(of, world, "customer_id", MONTH)
    usual = usual_payments(of, world, reports)
    row: dict[str, Any] = {
        "customer_hours_since_last": (t - earlier[-1].event_time) / timedelta(hours=1) if earlier else None,
        "customer_usual_amount_30d": sum(usual) / (100 * len(usual)) if usual else None,
        "amount_to_usual": to_usual(of, world, reports),
    }
    for days in (3, 7):
        recent = [to_usual(x, world, reports) for x in earlier if t - x.event_time < timedelta(days=days)]
        known = [x for x in recent if x is not None]
        row[f"customer_largest_to_usual_{days}d"] = max(known, default=None)
        row[f"customer_unusual_count_{days}d"] = sum(x > UNUSUAL for x in known)
    for name in ("country", "channel", "merchant"):
        column = "merchant_id" if name == "merchant" else name
        own = getattr(of, column)
        same = [x for x in earlier if getattr(x, column) == own]
        row[f"customer_{name}_count_30d"] = None if own is None else len(same)
    return row


def streak(of: Transaction, world: Sequence[Transaction], reports: Sequence[Report]) -> dict[str, Any]:
    """The features of a terminal that has an id."""
    t = of.event_time
    window = [
        x for x in in_order(world) if x.terminal_id == of.terminal_id and t - DELAY - MONTH < x.event_time <= t - DELAY
    ]
    is_fraud = [is_known_fraud(x, t, reports) for x in window]
    unexplained = [x for x, fraud in zip(window, is_fraud, strict=True) if fraud and not is_explained(x, world)]
    last = max((n for n, fraud in enumerate(is_fraud) if not fraud), default=None)
    after = window if last is None else window[last + 1 :]
    in_a_row = [x for x in after if x in unexplained]
    return {
        "terminal_genuine_count_30d": is_fraud.count(False),
        "terminal_unexplained_frauds_30d": len(unexplained),
        "terminal_genuine_age_days": None if last is None else (t - window[last].event_time) / timedelta(days=1),
        "terminal_fraud_streak": len(in_a_row),
        "terminal_streak_days": (t - in_a_row[0].event_time) / timedelta(days=1) if in_a_row else None,
    }


def in_order(world: Sequence[Transaction]) -> list[Transaction]:
    return sorted(world, key=lambda x: (x.event_time, x.transaction_id))


def earlier_of(of: Transaction, world: Sequence[Transaction], key: str, window: timedelta) -> list[Transaction]:
    """Those of the same key before this one, by time and id, within the window."""
    rows = in_order(world)
    before = rows[: rows.index(of)]
    return [x for x in before if getattr(x, key) == getattr(of, key) and of.event_time - window < x.event_time]


def ordinary_payments(of: Transaction, world: Sequence[Transaction], reports: Sequence[Report]) -> list[Transaction]:
    """The customer's earlier payments with an amount, without those known to be fraud."""
    # At its own time a payment isn't known as fraud yet, whatever was reported before it.
    return [
        x
        for x in earlier_of(of, world, "customer_id", MONTH)
        if x.cents is not None and not (x.event_time < of.event_time and is_known_fraud(x, of.event_time, reports))
    ]


def usual_payments(of: Transaction, world: Sequence[Transaction], reports: Sequence[Report]) -> list[int]:
    """The amounts that make what is usual."""

    def is_outlier(x: Transaction) -> bool:
        first = times_mean(x, [y.cents or 0 for y in ordinary_payments(x, world, reports)])
        return first is not None and first > UNUSUAL

    return [x.cents or 0 for x in ordinary_payments(of, world, reports) if not is_outlier(x)]


def to_usual(of: Transaction, world: Sequence[Transaction], reports: Sequence[Report]) -> float | None:
    return times_mean(of, usual_payments(of, world, reports))


def is_explained(fraud: Transaction, world: Sequence[Transaction]) -> bool:
    if fraud.customer_id is None:
        return False
    own = [x.cents for x in earlier_of(fraud, world, "customer_id", MONTH) if x.cents is not None]
    times = times_mean(fraud, own)
    return times is not None and times > UNUSUAL


def times_mean(of: Transaction, cents: Sequence[int]) -> float | None:
    """The amount divided by the mean of others; None where there is no mean, or it is 0."""
    return None if of.cents is None or not sum(cents) else of.cents * len(cents) / sum(cents)


def is_known_fraud(transaction: Transaction, t: Any, reports: Sequence[Report]) -> bool:
    """What the last report that had come in at t says; of two at the same time, the one of fraud."""
    known = [r for r in reports if r.transaction_id == transaction.transaction_id and r.reported_at <= t]
    return max(known, key=lambda r: (r.reported_at, r.is_fraud)).is_fraud if known else False
