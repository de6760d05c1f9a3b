"""Rows computed once and kept in files for a while, to be read many times."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from pyspark.sql import Column, DataFrame, Observation

from common.settings import Settings


@contextmanager
def staged(
    settings: Settings, rows: DataFrame, name: str, measures: Mapping[str, Column]
) -> Iterator[tuple[DataFrame, dict[str, Any]]]:
    """The rows, kept in files while the block lasts, and measures of them (aggregates by name), taken on the way.

    Spark Connect's serverless surface has no cache. The folder is this call's own: two processes that work on the
    same table don't read each other's rows. What a kill leaves of it, the maintenance job removes.
    """
    folder = settings.checkpoint("staged", f"{name}.{uuid4().hex}")
    named = [measure.alias(key) for key, measure in measures.items()]
    measured = Observation()
    try:
        rows.observe(measured, *named).write.parquet(folder)
        kept = rows.sparkSession.read.schema(rows.schema).parquet(folder)
        yield kept, measured.get or measures_of(kept, measures)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measures_of(rows: DataFrame, measures: Mapping[str, Column]) -> dict[str, Any]:
    """The measures, by a query: what an observation gives, unless the engine is too busy to give it in time."""
    row = rows.agg(*(measure.alias(key) for key, measure in measures.items())).first()
    return row.asDict() if row else {}
