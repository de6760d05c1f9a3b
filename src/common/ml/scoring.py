"""Scoring: rows with features in, the same rows with score and reasons out. Pure pandas, run on Spark's workers."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd
import xgboost as xgb

from common.ml.booster import predict
from common.ml.champion import Champion, check_features
from common.ml.explain import reasons

ADDED = {
    "score": "double",
    "threshold": "double",
    "model_version": "string",
    "is_backfill": "boolean",
    "decision": "string",
    "reasons": "array<string>",
}
"""What `score` adds to a frame: columns and Spark's types."""

Scorer = Callable[[Iterable[pd.DataFrame]], Iterator[pd.DataFrame]]
"""Frames with features in, the same frames with more columns out."""

SHADOW = {"challenger_version": "string", "challenger_score": "double"}
"""What `beside` adds, in the same way."""


def score(frame: pd.DataFrame, champion: Champion, booster: xgb.Booster, blocked: str | None = None) -> pd.DataFrame:
    """The frame with the columns of `ADDED`.

    `frame` has the champion's features and event_time (UTC, with or without a time zone). `blocked` names a
    boolean column that is true where a rule blocks whatever the score is. Those rows, and rows whose score is above
    the threshold, are decided to be fraud. They get reasons unless they are backfill; the others get an empty list.
    """
    scores = predict(booster, frame, champion.features)
    is_backfill = _utc(frame["event_time"]) < pd.Timestamp(champion.test_start)
    is_fraud = scores > champion.threshold
    if blocked is not None:
        is_fraud |= frame[blocked].fillna(False).to_numpy(dtype=bool)
    explained = np.flatnonzero(is_fraud & ~is_backfill.to_numpy())
    why: list[list[str]] = [[] for _ in range(len(frame))]
    for row, sentences in zip(explained, reasons(booster, frame.iloc[explained], champion.features), strict=True):
        why[row] = sentences
    return frame.assign(
        score=scores,
        threshold=champion.threshold,
        model_version=champion.version,
        is_backfill=is_backfill,
        decision=np.where(is_fraud, "fraud", "genuine"),
        reasons=pd.Series(why, index=frame.index, dtype=object),
    )


def beside(scored: pd.DataFrame, challenger: Champion | None, booster: xgb.Booster | None) -> pd.DataFrame:
    """The frame with the columns of `SHADOW`: what the challenger makes of its rows; null where there is none."""
    if challenger is None or booster is None:
        return scored.assign(challenger_version=None, challenger_score=np.nan)
    shadow = predict(booster, scored, challenger.features)
    return scored.assign(challenger_version=challenger.version, challenger_score=shadow)


def scorer(
    champion: Champion, computed: Iterable[str], blocked: str | None = None, challenger: Champion | None = None
) -> Scorer:
    """The function that scores the frames of one partition, loading each booster once.

    It adds the columns of `ADDED` and of `SHADOW`.

    Args:
        champion: the model.
        computed: names of the features that the frames hold.
        blocked: as in `score`.
        challenger: scores beside the champion, and decides nothing.

    Raises:
        ModelError: a model's features are not those computed.

    """
    computed = frozenset(computed)
    for model in (champion, challenger):
        if model is not None:
            check_features(model, computed)

    def score_partition(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        booster = champion.load()
        shadow = challenger.load() if challenger else None
        for frame in frames:
            yield beside(score(frame, champion, booster, blocked), challenger, shadow)

    return score_partition


def _utc(times: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    return times.dt.tz_localize("UTC") if times.dt.tz is None else times.dt.tz_convert("UTC")
