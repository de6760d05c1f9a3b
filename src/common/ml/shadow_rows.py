"""What is read of shadow scores: the live transactions that a challenger scored beside the champion."""

from datetime import date, timedelta
from functools import partial

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.features.labels import known_labels, last_labels
from common.ml.champion import Champion
from common.ml.explain import reasons
from common.ml.promote import Contest
from common.ml.review import card_of
from common.ml.shadow import Shadow
from common.ml.window import IDENTIFIERS, whole_day
from common.rules import blocks
from common.settings import LABEL_DELAY_DAYS
from common.storage.lake import Lake
from common.storage.recent import newest_time

DAYS_BACK = 28
"""Days, back from the newest one that both scored, that are compared."""

EXAMPLES = 8


def read_shadow(lake: Lake, contest: Contest) -> Shadow | str:
    """What a contest's candidate scored beside the champion since its test_start; a text where there is nothing.

    Nothing is read where there are not two models.
    """
    if contest.candidate is None or contest.champion is None:
        return f"There are no shadow scores to compare: {contest.text}."
    challenger, champion = contest.candidate.model, contest.champion.model
    scored = _scored_by_both(lake, challenger, champion)
    newest = None if scored is None else newest_time(scored)
    if scored is None or newest is None:
        return (
            f"There are no shadow scores of version {challenger.version} beside champion version {champion.version} "
            "yet: it gives them when something new is scored while it has the alias challenger."
        )
    recent = scored.where(F.col("event_date") > F.lit(newest.date() - timedelta(days=DAYS_BACK)))
    now = newest_time(lake.table(TRANSACTION_SCORES)) or newest
    rows = _rows(lake, recent, challenger, whole_day(now).date() - timedelta(days=LABEL_DELAY_DAYS))
    return Shadow(challenger, champion, rows, partial(_examples, recent, rows, challenger, champion))


def _scored_by_both(lake: Lake, challenger: Champion, champion: Champion) -> DataFrame | None:
    if not lake.exists(TRANSACTION_SCORES):
        return None
    scores = lake.table(TRANSACTION_SCORES)
    if "challenger_version" not in scores.columns:  # made by an earlier release, and not added to since
        return None
    start = challenger.test_start
    # Earlier ones the challenger may have learnt from.
    is_new = (F.col("event_date") >= F.lit(start.date())) & (F.col("event_time") >= F.lit(start))
    is_theirs = (F.col("challenger_version") == challenger.version) & (F.col("model_version") == champion.version)
    return scores.where(is_new & is_theirs & F.expr("NOT is_backfill"))


def _rows(lake: Lake, scored: DataFrame, challenger: Champion, mature_until: date) -> pd.DataFrame:
    """As `Shadow.rows`, in the order of event_time and transaction_id, so that the same rows give the same figures."""
    by_rule = F.coalesce(blocks("rules_hit"), F.lit(False))
    columns = {
        "amount_eur": F.col("amount_eur").cast("double"),
        "score": F.col("challenger_score"),
        "rival_score": F.col("score"),
        "would_alert": (F.col("challenger_score") > F.lit(challenger.threshold)) | by_rule,
        "is_alert": F.expr(IS_ALERT),
        "is_mature": F.col("event_date") < F.lit(mature_until),
        "is_fraud": F.coalesce("is_fraud", F.lit(False)),
    }
    labelled = scored.join(last_labels(known_labels(lake)), "transaction_id", "left")
    rows = labelled.select(*IDENTIFIERS, *(of.alias(name) for name, of in columns.items())).toPandas()
    rows = rows.sort_values(["event_time", "transaction_id"], ignore_index=True)
    return rows.assign(card=card_of(rows))


def _examples(scored: DataFrame, rows: pd.DataFrame, challenger: Champion, champion: Champion) -> pd.DataFrame:
    apart = (rows["score"] - rows["rival_score"]).abs().sort_values(ascending=False, kind="stable")
    shown = rows.loc[apart.index[:EXAMPLES]]
    # An id may come on several dates, and is scored on each.
    wanted = [*zip(shown["transaction_id"], shown["event_time"], strict=True)]
    among = F.col("transaction_id").isin([name for name, _ in wanted])
    read = scored.where(among).select("transaction_id", "event_time", "features.*")
    seen = read.toPandas().set_index(["transaction_id", "event_time"]).loc[wanted]
    is_higher = shown["score"] > shown["rival_score"]
    ours, theirs = (reasons(model.load(), seen, model.features) for model in (challenger, champion))
    why = ["; ".join(one if higher else other) for one, other, higher in zip(ours, theirs, is_higher, strict=True)]
    label = np.select([shown["is_fraud"], shown["is_mature"]], ["fraud", "genuine"], "not known yet")
    higher = np.where(is_higher, challenger.version, champion.version)
    return shown.assign(higher=higher, why=why, label=label).reset_index(drop=True)
