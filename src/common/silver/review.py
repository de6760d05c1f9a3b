"""A look at the quarantine: what is in it, why, where from and since when. Personal values are masked."""

import pandas as pd
from pyspark.sql import Window
from pyspark.sql import functions as F

from common.contracts.silver import REFERENCES, TARGETS
from common.errors import ParameterError
from common.sources.declaration import Source
from common.sources.masking import masked_payload, visible_fields
from common.sources.source_ref import path_of
from common.storage.lake import Lake
from common.storage.quarantine import quarantined

SAMPLES = 3


def quarantine_target(table: str) -> str | None:
    """The name by which the quarantine knows a silver table; a history's is that of its changes. None for all.

    Raises:
        ParameterError: no table of that name quarantines records.
    """
    names = {target.name: target.name for target in TARGETS.values()}
    names |= {reference.history.name: reference.changes.name for reference in REFERENCES.values()}
    if table and table not in names:
        raise ParameterError(f"table={table!r}: must be one of {', '.join(sorted(names))}, or empty for all")
    return names[table] if table else None


def quarantined_by_source(lake: Lake, target: str | None) -> pd.DataFrame:
    """Quarantined records by source, feed and target: how many, of how many files, and when the first and last were."""
    return (
        quarantined(lake, target)
        .groupBy("source", "feed", "target")
        .agg(
            F.count("*").alias("records"),
            F.countDistinct(path_of(F.col("source_ref"))).alias("files"),
            F.min("quarantined_at").alias("first"),
            F.max("quarantined_at").alias("last"),
        )
        .orderBy(F.desc("records"), "target")
        .toPandas()
    )


def quarantined_samples(lake: Lake, source: Source, target: str | None, samples: int = SAMPLES) -> pd.DataFrame:
    """A few quarantined records of each target and failed check.

    Returns:
        target, check_name, reason, source_ref (where the record was) and payload, its personal fields masked.
    """
    failures = quarantined(lake, target).select(
        "target", "feed", "source_ref", "payload", F.explode("failed_checks").alias("failed")
    )
    order = Window.partitionBy("target", "failed.name").orderBy("source_ref")
    rows = (
        failures.withColumn("number", F.row_number().over(order))
        .where(F.col("number") <= samples)
        .select("target", "feed", "failed.name", "failed.reason", "source_ref", "payload")
        .orderBy("target", "name", "source_ref")
        .toPandas()
        .rename(columns={"name": "check_name"})
    )
    visible = {name: visible_fields(feed) for name, feed in source.feeds.items()}
    nothing: frozenset[str] = frozenset()
    rows["payload"] = [
        masked_payload(payload, visible.get(feed, nothing))
        for feed, payload in zip(rows["feed"].tolist(), rows["payload"].tolist(), strict=True)
    ]
    return rows.drop(columns="feed")
