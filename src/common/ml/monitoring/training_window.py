"""The training window of a version, counted once: the reference that its weeks are compared with."""

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.errors import ModelError
from common.ml.booster import predict
from common.ml.monitoring.divergence import between_weeks
from common.ml.monitoring.histograms import COUNTED, SCORE, Edges, counter, edges_of, score_edges, summed
from common.ml.monitoring.reference import (
    Reference,
    counts_of,
    empty_reference,
    keep_reference,
    kept_reference,
)
from common.ml.registry import Registry
from common.ml.version import Version
from common.rules import RULES
from common.settings import MONITORING_MIN_ROWS
from common.storage.lake import Lake

SAMPLE_ROWS = 20_000
"""Transactions of the training window whose quantiles become edges."""


def reference_of(lake: Lake, registry: Registry, version: str) -> tuple[Reference, int | None]:
    """What the version's weeks are compared with, and its alert budget in cards a day.

    A version that is gone, or was registered by hand, has neither: its weeks are not compared.
    """
    found = _usable(registry, version)
    if found is None:
        return Reference(version, None, None), None
    reference = kept_reference(found)
    if reference is None:
        reference = _counted(lake, found)
        if reference.rows:
            reference = keep_reference(found, reference)
    return reference, found.model.cards_per_day


def features_offered(registry: Registry, version: str) -> frozenset[str]:
    """The features that the version could choose from in training; none of a version that is gone, or made by hand."""
    found = _usable(registry, version)
    return found.model.offered if found else frozenset()


def _usable(registry: Registry, version: str) -> Version | None:
    try:
        return registry.version(version)
    except ModelError:
        return None


def numbers(frame: DataFrame, columns: dict[str, Column]) -> DataFrame:
    """The columns as numbers; null where there is none."""
    return frame.select(*(column.cast("double").alias(name) for name, column in columns.items()))


def rule_counts(of: Column | None = None) -> list[Column]:
    """How often each declared rule fired, as aggregates by its name, over rows of gold.transaction_scores.

    `of` is true for the rows that count; all do without it.
    """
    counts = F.lit(True) if of is None else of
    return [F.count_if(counts & F.array_contains("rules_hit", rule.name)).alias(rule.name) for rule in RULES]


def _counted(lake: Lake, version: Version) -> Reference:
    """The version's training window, by two queries on its features and one on the rules that fired."""
    empty = empty_reference(version)
    if empty.start is None or empty.end is None:
        return empty
    is_inside = (F.col("event_date") >= F.lit(empty.start)) & (F.col("event_date") < F.lit(empty.end))
    # A model may have learnt from features that are not computed any more: the others can be compared, its score can't.
    known = [name for name in version.model.features if name in FEATURE_NAMES]
    features = {name: F.col(name) for name in known}
    rows = lake.table(TRANSACTION_FEATURES).where(is_inside)
    # The same sample whenever it is drawn.
    drawn = rows.orderBy(F.xxhash64("transaction_id"), "transaction_id").limit(SAMPLE_ROWS)
    sample = numbers(drawn, features).toPandas()
    edges: Edges = {name: edges_of(sample[name]) for name in known}
    model = version.model if len(known) == len(version.model.features) else None
    if model is not None and len(sample):
        sample[SCORE] = predict(model.load(), sample, model.features)
        edges = {**edges, SCORE: score_edges(sample[SCORE])}
    week = F.floor(F.datediff("event_date", F.lit(empty.start)) / 7)
    weeks = {str(number): edges for number in range((empty.end - empty.start).days // 7 + 1)}
    frames = numbers(rows.withColumn("week", week), {**features, "week": F.col("week")})
    named = frames.withColumn("period", F.col("week").cast("int").cast("string"))
    found = named.mapInPandas(counter(weeks, model), COUNTED).groupBy("period", "subject", "bin").agg(F.sum("rows"))
    by_week = summed(((row[0], row[1], row[2], row[3]) for row in found.collect()), weeks)
    by_subject = {subject: [counts[subject] for counts in by_week.values()] for subject in edges}
    counts = counts_of({subject: np.sum(of, axis=0) for subject, of in by_subject.items()})
    hits = lake.table(TRANSACTION_SCORES).where(is_inside).agg(F.count("*").alias("rows"), *rule_counts()).collect()[0]
    return Reference(
        version.model.version,
        empty.start,
        empty.end,
        sum(next(iter(counts.values()), ())),
        dict(edges),
        counts,
        {subject: between_weeks(of, MONITORING_MIN_ROWS) for subject, of in by_subject.items()},
        {rule.name: hits[rule.name] for rule in RULES},
        hits["rows"],
        empty.figures,
    )
