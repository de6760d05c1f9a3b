"""What a person who must approve a model wants to see of it and of the champion, beside the criteria of the gate."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from common.ml.champion import Champion
from common.ml.evidence import Evidence
from common.ml.explain import reasons
from common.ml.promote import Contest
from common.ml.registry import Registry
from common.ml.review import card_days, reviewed
from common.ml.slices import KINDS, large_slices
from common.ml.train import gain_shares

EXAMPLES = 8


def contest_to_review(registry: Registry) -> Contest:
    """The version registered last beside the champion; where there is one of them only, that one beside the rules.

    Nothing is written, and it doesn't matter whether somebody has decided.
    """
    newest, champion = registry.newest(), registry.champion()
    if newest is None or (champion and champion.number == newest.number):
        if champion is None:
            return Contest(None, None, f"there is no model to review: {registry.not_trained() or 'none was trained'}")
        text = f"there is no challenger: version {champion.number}, the champion, beside the rules alone"
        return Contest(champion, None, text)
    state = f"version {newest.number}, which {newest.fate},"
    if champion is None:
        return Contest(newest, None, f"there is no champion: {state} beside the rules alone")
    return Contest(newest, champion, f"{state} beside version {champion.number}, the champion")


def caught_at_budget(judged: pd.DataFrame, scores: "pd.Series[float]", cards_per_day: int) -> "pd.Series[bool]":
    """Whether each transaction's card was reviewed that day, or had been found before."""
    days = reviewed(card_days(judged.assign(score=scores)), cards_per_day)
    stopped = days.loc[days["is_reviewed"] | days["is_blocked"], ["day", "card"]]
    own = pd.MultiIndex.from_arrays([judged["event_time"].dt.floor("D"), judged["card"]])
    return pd.Series(own.isin(pd.MultiIndex.from_frame(stopped)), index=judged.index)


def won_and_lost(evidence: Evidence, limit: int = EXAMPLES) -> pd.DataFrame:
    """Frauds that one catches at the budget and the other misses, the dearest first, up to `limit` of each side.

    `why` has the reasons of the model that caught it; the rules give none here.
    """
    judged, budget = evidence.judged, evidence.model.cards_per_day
    ours = caught_at_budget(judged, judged["score"], budget)
    theirs = caught_at_budget(judged, judged["rival_score"], budget)
    parts = []
    for name, only, model in (
        (f"version {evidence.model.version}", ours & ~theirs, evidence.model),
        (evidence.rival_name, theirs & ~ours, evidence.rival),
    ):
        rows = judged[only & judged["is_fraud"]].sort_values("amount_eur", ascending=False, kind="stable").head(limit)
        shown = rows[["event_time", "transaction_id", "card", "amount_eur", "score", "rival_score"]]
        parts.append(shown.assign(why=_why(model, rows)).assign(caught_by=name))
    return pd.concat(parts).set_index("caught_by").rename_axis("caught only by")


def counts_won_and_lost(evidence: Evidence) -> pd.DataFrame:
    """Frauds and their amount in euro by who catches them at the budget."""
    judged, budget = evidence.judged, evidence.model.cards_per_day
    frauds = judged[judged["is_fraud"]]
    ours = caught_at_budget(judged, judged["score"], budget)[frauds.index]
    theirs = caught_at_budget(judged, judged["rival_score"], budget)[frauds.index]
    who = np.select(
        [ours & theirs, ours, theirs],
        ["both", f"version {evidence.model.version} only", f"{evidence.rival_name} only"],
        "neither",
    )
    found = frauds.groupby(who)["amount_eur"].agg(["size", "sum"])
    return found.set_axis(["frauds", "euro"], axis="columns").rename_axis("caught by").sort_values("frauds")[::-1]


def slices_table(evidence: Evidence) -> pd.DataFrame:
    """Every large slice: transactions, frauds, average precision of both, and the interval of their difference."""
    rows = []
    for kind in KINDS:
        found = evidence.slices(kind)
        for name, members in large_slices(evidence.judged, kind):
            difference = found[name]
            frauds = int(evidence.judged.loc[members, "is_fraud"].sum())
            figures = (difference.challenger, difference.rival, difference.low, difference.high)
            rows.append((kind, name, int(members.sum()), frauds, *figures))
    columns = ["by", "slice", "transactions", "frauds", "average precision", "of the rival", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def importances(models: Mapping[str, Champion]) -> pd.DataFrame:
    """Each feature's share of the gain (a row) in each model (a column), 0 where a model doesn't use it."""
    shares = {name: gain_shares(model.load()) for name, model in models.items()}
    return pd.DataFrame(shares).fillna(0.0)


def _why(model: Champion | None, rows: pd.DataFrame) -> list[str]:
    if model is None:
        return [""] * len(rows)
    return ["; ".join(found) for found in reasons(model.load(), rows, model.features)]
