"""Rows of several tables in one frame: what a stream that reads all of them hands to its batches."""

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import DataFrame


def stacked(parts: Iterable[DataFrame]) -> DataFrame:
    """The rows of all parts, of which there is one at least; a column that a part doesn't have is null in its rows."""
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
