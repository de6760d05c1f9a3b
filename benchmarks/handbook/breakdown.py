"""What the mean figures hide: which fraud is found, what each group of features is worth, how fast fraud is found."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.handbook.model import Model, ablations
from benchmarks.handbook.protocol import means
from common.ml.booster import Split
from common.ml.metrics import average_precision
from common.ml.review import card_days, reviewed

SCENARIOS = {1: "amount above 220", 2: "compromised terminal", 3: "compromised customer"}
_WATCHED_DAYS = 14


def by_scenario(
    folds: Sequence[Split], scores: Sequence[np.ndarray], bound: Sequence[np.ndarray], cards_per_day: int
) -> pd.DataFrame:
    """For each of the simulator's kinds of fraud: how many, the share caught at the budget, and how well it is ranked.

    Average precision is against genuine payments alone, over all folds together.
    """
    parts = []
    for split, score, best in zip(folds, scores, bound, strict=True):
        judged = split.valid.assign(score=score, bound=best)
        days = reviewed(card_days(judged), cards_per_day)
        caught = days.loc[days["is_reviewed"] | days["is_blocked"], ["day", "card"]].assign(is_caught=True)
        parts.append(judged.merge(caught, on=["day", "card"], how="left"))
    rows = pd.concat(parts)
    found = {}
    for number, name in SCENARIOS.items():
        own = rows[rows["scenario"].isin((0, number))]
        is_fraud = own["is_fraud"].to_numpy()
        found[name] = {
            "frauds": int(is_fraud.sum()),
            "caught at the budget": float(own.loc[own["is_fraud"], "is_caught"].eq(True).mean()),
            "average precision": average_precision(is_fraud, own["score"].to_numpy()),
            "of the upper bound": average_precision(is_fraud, own["bound"].to_numpy()),
        }
    return pd.DataFrame(found).T


def ablation(folds: Sequence[Split], model: Model, cards_per_day: int) -> pd.DataFrame:
    """Mean figures over the folds with all features, and without some.

    One booster for all folds, trained on the newer half of the first one's training days: all rows are below the
    model's own figures alike, and take an eighth of the time.
    """

    def of(features: tuple[str, ...]) -> dict[str, float]:
        lesser, train = Model(features, model.candidate, []), folds[0].train
        scores = lesser.fitted(train.iloc[len(train) // 2 :], pd.concat([split.valid for split in folds]))
        parts = np.split(scores, np.cumsum([len(split.valid) for split in folds])[:-1])
        return {"features": len(features), **means(folds, parts, cards_per_day)}

    return pd.DataFrame({"all features": of(model.features), **{n: of(f) for n, f in ablations(model).items()}}).T


def speed(folds: Sequence[Split], scores: Sequence[np.ndarray], threshold: float) -> pd.DataFrame:
    """How fast a compromised customer or terminal is found: frauds, and money lost to them, before the first alert.

    Of those whose first fraud is in the test days of the folds, at least 14 days before their end (customers: 7). An
    alert is one of its frauds above the threshold. Quartiles are over those that were found.
    """
    judged = [split.valid.assign(score=score) for split, score in zip(folds, scores, strict=True)]
    rows = pd.concat(judged).sort_values("event_time")
    last = rows["day"].max()
    found = {}
    for name, number, key, days in (
        ("customers", 3, "customer", _WATCHED_DAYS // 2),
        ("terminals", 2, "terminal", _WATCHED_DAYS),
    ):
        own = rows[rows["scenario"] == number]
        of_key = own.groupby(key)
        began = of_key["day"].transform("min")
        own = own[(began > rows["day"].min()) & (began <= last - pd.Timedelta(days=days))]
        alerted = (own["score"] > threshold).groupby(own[key]).cumsum()
        missed = own[alerted == 0].groupby(own[key])["amount_eur"].agg(["size", "sum"])
        keys = alerted.groupby(own[key]).max()
        before = missed.reindex(keys.index[keys > 0]).fillna(0)
        quartiles = before.quantile([0.25, 0.5, 0.75])
        found[name] = {
            "compromised": f"{len(keys)}",
            "found": f"{np.mean(keys > 0):.0%}",
            "frauds before": _joined(quartiles["size"]),
            "euro lost before": _joined(quartiles["sum"]),
        }
    return pd.DataFrame(found).T


def _joined(values: "pd.Series[float]") -> str:
    return " / ".join(f"{value:,.0f}" for value in values.dropna())
