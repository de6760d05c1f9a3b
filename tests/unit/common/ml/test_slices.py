"""No loss on a large part: what is large, who is how old, and the interval against one of resampled tables."""

import numpy as np
import pandas as pd
import pytest
from ml_builders import random_judged
from test_gate import evidence, failed, noisy

from common.ml.bootstrap import resampled
from common.ml.gate import judge_evidence
from common.ml.metrics import average_precision
from common.ml.slices import MIN_FRAUDS, MIN_TRANSACTIONS, large_slices, with_ages


def parted(seed: int, a_day: int = 400, share: float = 0.25) -> pd.DataFrame:
    """Many cards in two channels, of which `atm` has that share of the transactions, and one country."""
    frame = random_judged(seed, a_day=a_day, cards=1500)
    is_atm = np.random.default_rng(seed + 1000).random(len(frame)) < share
    return frame.assign(channel=np.where(is_atm, "atm", "online"), country="PT", customer_age=None, amount_eur=10.0)


def test_a_part_is_large_from_a_number_of_frauds_and_transactions_on() -> None:
    size = MIN_TRANSACTIONS
    frame = pd.DataFrame({"channel": ["a"] * size + ["b"] * (size - 1) + ["c"] * size + [None] * size})
    number = frame.groupby("channel", dropna=False).cumcount()
    frauds = frame["channel"].map({"a": MIN_FRAUDS, "b": MIN_FRAUDS, "c": MIN_FRAUDS - 1}).fillna(MIN_FRAUDS)
    found = dict(large_slices(frame.assign(is_fraud=number < frauds), "channel"))
    assert list(found) == ["a"]
    assert found["a"].tolist() == [True] * size + [False] * (3 * size - 1)
    assert list(large_slices(frame.assign(is_fraud=True), "country")) == [], "a column that is not there"


@pytest.mark.parametrize(
    ("days", "age"),
    [
        (0.0, "0 to 6 days"),
        (6.99, "0 to 6 days"),
        (7.0, "7 to 29 days"),
        (89.9, "30 to 89 days"),
        (90.0, "90 days or more"),
        (4000.0, "90 days or more"),
        (np.nan, None),
    ],
)
def test_the_age_of_a_customers_history(days: float, age: str | None) -> None:
    assert with_ages(pd.DataFrame({"days_known": [days]}))["customer_age"].tolist() == [age]


def test_a_loss_on_a_large_part_keeps_out_what_wins_on_the_whole() -> None:
    frame = parted(1, a_day=1200, share=0.1)
    is_atm = (frame["channel"] == "atm").to_numpy()
    ours = np.where(is_atm, noisy(frame, 0.5, 1) / 1000, noisy(frame, 0.25, 2))
    theirs = noisy(frame, 0.4, 3)
    verdict = judge_evidence(evidence(frame, ours, theirs))
    assert failed(verdict) == ["slices by channel"]
    assert "Worst of 2 large slices, atm: average precision 0." in verdict.reason
    assert [c.name for c in verdict.criteria if c.name.startswith("slices")] == [
        "slices by channel",
        "slices by country",
    ]


def test_noise_on_a_part_is_no_loss() -> None:
    frame = parted(2)
    is_atm = (frame["channel"] == "atm").to_numpy()
    ours = np.where(is_atm, noisy(frame, 0.4, 1), noisy(frame, 0.3, 2))
    theirs = np.where(is_atm, noisy(frame, 0.4, 3), noisy(frame, 0.6, 4))
    assert failed(judge_evidence(evidence(frame, ours, theirs))) == []


def test_the_interval_of_a_part_is_that_of_its_rows_in_whole_resamples() -> None:
    frame = parted(3)
    found = evidence(frame, noisy(frame, 0.5, 1), noisy(frame, 0.7, 2))
    cards = pd.factorize(frame["card"])[0]
    first = np.unique(cards, return_index=True)[1]
    drawn = resampled({str(n): lambda w, row=row: float(w[row]) for n, row in enumerate(first)}, frame["card"], 1, 120)
    values = []
    for times in drawn.to_numpy().astype(int):
        rows = found.judged.loc[found.judged.index.repeat(times[cards])].query("channel == 'atm'")
        is_fraud = rows["is_fraud"].to_numpy()
        ours, theirs = (average_precision(is_fraud, rows[column].to_numpy()) for column in ("score", "rival_score"))
        values.append(ours - theirs)
    difference = found.slices("channel")["atm"]
    assert (difference.low, difference.high) == pytest.approx(tuple(np.quantile(values, [0.05, 0.95])))
