"""gold.transaction_scores: every transaction scored once, by a stream. What the scoring notebook runs."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from common.checks.findings import Finding, record
from common.contracts.ddl import columns_of
from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import FRAUD_TRANSACTIONS, GENUINE_TRANSACTIONS, IS_ALERT, TRANSACTION_SCORES
from common.contracts.silver import IS_PURCHASE, MERCHANT, TRANSACTIONS
from common.features.labels import LABELLED_BY, known_labels
from common.features.reach import Reach, reach_of
from common.features.transactions import transaction_features
from common.gold.running_scores import RunningScores
from common.ml.alerts import alerts
from common.ml.champion import Champion, check_features
from common.ml.model_versions import ALIAS, CHALLENGER, champion_version
from common.ml.models_in_use import ModelsInUse
from common.ml.scoring import ADDED, SHADOW, Scorer, scorer
from common.result import Result
from common.rules import blocks, evaluate, sentences
from common.rules.inputs import with_watchlist
from common.storage.changes import changes_since, versions
from common.storage.checkpoints import EARLY_DECISIONS, check_checkpoint
from common.storage.lake import Lake, Once
from common.storage.last_success import Step
from common.storage.streams import AVAILABLE_NOW, BatchStep, Query, Trigger, batch_query, run_queries

STEP = Step(
    "gold.transaction_scores",
    reads=(TRANSACTIONS.name,),
    writes=(TRANSACTION_SCORES.name,),
    streams=("gold/transaction_scores",),
    looks_at=champion_version,
)

WAIT_SECONDS = 20
"""The pause before a look whether another query has scored what the stream from silver has met."""


def score_new(lake: Lake, champion: Champion | str, trigger: Trigger = AVAILABLE_NOW) -> Result:
    """Scores every purchase that is new in silver, each once.

    Where the registry has a challenger, it scores beside the champion and decides nothing. With a trigger that goes on,
    each micro-batch asks the registry for both. Where the champion can't be had, the one before goes on; where the
    challenger can't, nothing scores beside. A warning in ops.quality_results says why. Without a champion (the text
    says why there is none) nothing is scored: the transactions wait for one.

    Raises:
        ModelError: the model's features are not those that are computed.
        CheckpointError: gold.transaction_scores is gone, and the stream that fills it is not at its start.
    """
    queries = scoring_queries(lake, champion, trigger)
    if isinstance(champion, str):
        return Result(0, 0, champion)
    before = versions(lake, [TRANSACTION_SCORES])
    run_queries(queries)
    (changes,) = changes_since(lake, before).values()
    return Result(changes.inserted, changes.inserted, facts={"alerts": alerts(lake).count()})


def scoring_queries(lake: Lake, champion: Champion | str, trigger: Trigger) -> list[Query]:
    """The query of `score_new`, not started yet, for a caller who runs it beside others; none without a champion.

    Raises:
        ModelError, CheckpointError: as `score_new`.
    """
    check_checkpoint(lake, TRANSACTION_SCORES, _checkpoint(lake))
    lake.ensure(TRANSACTIONS, *LABELLED_BY, MERCHANT.history, TRANSACTION_SCORES)
    lake.ensure_views(FRAUD_TRANSACTIONS, GENUINE_TRANSACTIONS)
    if isinstance(champion, str):
        return []
    step = _batch_step(first_models(lake, champion), asks_again=trigger.goes_on)
    return [_query_from_silver(lake, step, trigger)]


def following_query(lake: Lake, trigger: Trigger) -> Query:
    """The stream from silver while another query decides what it would score: it writes nothing, and waits for that.

    So its position goes on: files of silver that are scored can go, and the next run doesn't go through them again.
    It uses the checkpoint of `scoring_queries`, so that those fail to start beside it. Call this after them.
    """
    return _query_from_silver(lake, wait_for_scores, trigger)


def _query_from_silver(lake: Lake, step: BatchStep, trigger: Trigger) -> Query:
    return batch_query(lake, lake.stream(TRANSACTIONS).where(IS_PURCHASE), _checkpoint(lake), step, trigger)


def _checkpoint(lake: Lake) -> str:
    return lake.settings.checkpoint("gold", "transaction_scores")


def wait_for_scores(lake: Lake, batch: DataFrame, once: Once) -> None:
    """Waits until every transaction of a batch has a score, whoever scores it."""
    del once
    while not lake.lacking(batch.select(*TRANSACTION_SCORES.lookup_key), TRANSACTION_SCORES).isEmpty():
        time.sleep(WAIT_SECONDS)


def _batch_step(in_use: ModelsInUse, *, asks_again: bool) -> BatchStep:
    running = RunningScores()

    def step(lake: Lake, batch: DataFrame, once: Once) -> None:
        if asks_again:
            note_models(lake, in_use, in_use.ask(lake.settings, FEATURE_NAMES))
            if _insert_running(lake, batch, in_use, running, once):
                return
        if not _may_be_decided(lake):
            insert_scores(lake, batch, in_use, once)
            return
        # Most may have been decided before silver had them: features aren't computed for those.
        with lake.staged(lake.lacking(batch, TRANSACTION_SCORES), TRANSACTION_SCORES.name) as new:
            insert_scores(lake, new, in_use, once)

    return step


def insert_scores(lake: Lake, batch: DataFrame, in_use: ModelsInUse, once: Once) -> None:
    """Scores the transactions of a batch by the workers, and inserts those that aren't there."""
    # Where there is nothing, the query that finds the reach is all.
    if (reach := reach_of(batch)) is not None:
        rows = scores(lake, batch, in_use, reach)
        lake.insert_new(rows, TRANSACTION_SCORES, once, scope_of=reach.dates)


def _insert_running(lake: Lake, batch: DataFrame, in_use: ModelsInUse, running: RunningScores, once: Once) -> bool:
    """Scores the batch in this process and inserts its rows; false where it is too large for that."""
    found = running.scored(lake, batch, scorer_of(in_use), ADDED | SHADOW)
    if found is None:
        return False
    if not found.dates:
        return True
    rows = lake.spark.createDataFrame(found.rows)
    if found.are_new and not _may_be_decided(lake):
        # They weren't in silver when the state was loaded, and nothing else scores what silver doesn't have.
        lake.append(rows, TRANSACTION_SCORES, once)
    else:
        lake.insert_new(rows, TRANSACTION_SCORES, once, scope_of=found.dates)
    return True


def _may_be_decided(lake: Lake) -> bool:
    """Whether transactions may have been decided before silver had them."""
    return Path(lake.settings.checkpoint(EARLY_DECISIONS)).is_dir()


def first_models(lake: Lake, champion: Champion) -> ModelsInUse:
    """The models that scoring begins with: the champion, and the registry's challenger, where there is one.

    Raises:
        ModelError: the champion's features are not those that are computed.
    """
    check_features(champion, FEATURE_NAMES)
    in_use = ModelsInUse(champion)
    note_models(lake, in_use, in_use.ask_for_challenger(lake.settings, FEATURE_NAMES))
    return in_use


def note_models(lake: Lake, in_use: ModelsInUse, news: Mapping[str, str]) -> None:
    """Writes what changed of the troubles with the models in use, if anything did."""
    model = {ALIAS: in_use.champion, CHALLENGER: in_use.challenger}
    found = []
    for alias, trouble in news.items():
        fine = f"version {used.version} scores" if (used := model[alias]) else f"there is no {alias}"
        found.append(Finding(TRANSACTION_SCORES.name, f"{alias}_in_use", not trouble, trouble or fine, "warning"))
    if found:
        record(lake, found)


def scores(lake: Lake, batch: DataFrame, models: ModelsInUse, reach: Reach) -> DataFrame:
    """Rows of gold.transaction_scores for transactions of silver, whose reach is `reach`."""
    purchases = lake.table(TRANSACTIONS).where(IS_PURCHASE)
    features = transaction_features(batch, purchases, known_labels(lake), reach, with_places=True)
    judged = evaluate(with_watchlist(features, lake.table(MERCHANT.history)))
    judged = judged.withColumn("is_blocked", blocks("rules_hit"))
    # Of a row's many columns, the workers get what the models look at, and give back what they say.
    verdict = _verdict(scorer_of(models), ADDED | SHADOW)
    asked = F.struct(*FEATURE_NAMES, "event_time", "is_blocked")
    return in_table(judged.withColumn("verdict", verdict(asked)).select("*", "verdict.*"))


def scorer_of(models: ModelsInUse) -> Scorer:
    """What the models make of rows with features and `is_blocked`."""
    return scorer(models.champion, FEATURE_NAMES, blocked="is_blocked", challenger=models.challenger)


def in_table(scored: DataFrame) -> DataFrame:
    """Rows as gold.transaction_scores has them, of rows that are scored."""
    return scored.select(
        "*",
        _reasons().alias("all_reasons"),
        F.struct(*FEATURE_NAMES).alias("features"),
        F.col("amount_eur").cast("decimal(18,2)").alias("exact_amount_eur"),
        F.current_timestamp().alias("scored_at"),
    ).select(*(F.col(_OUTPUT.get(name, name)).alias(name) for name in TRANSACTION_SCORES.column_names))


def _verdict(score_partition: Scorer, added: Mapping[str, str]) -> Callable[[Column], Column]:
    """What a scorer adds to rows, as a function of a struct of their values."""

    def verdicts(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in score_partition(frames):
            yield frame[[*added]]

    # PySpark's types know no iterator of structs.
    found: Callable[[Column], Column] = pandas_udf(verdicts, columns_of(added))  # type: ignore[call-overload]
    return found


_OUTPUT = {"reasons": "all_reasons", "amount_eur": "exact_amount_eur"}
"""Columns of the table that have a working name beside the scorer's own."""


def _reasons() -> Column:
    """An alert's reasons: the rules first, on which a person acts; then what the model saw."""
    why = F.concat(sentences("rules_hit"), F.col("reasons"))
    return F.when(F.expr(IS_ALERT), why).otherwise(F.array().cast("array<string>"))
