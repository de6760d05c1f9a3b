"""Files that were refused as a whole: which they are, and the few words for a task's line in the summary."""

from collections.abc import Iterable, Mapping
from functools import reduce

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.bronze.readings import counted
from common.contracts.bronze import bronze_table
from common.sources.declaration import Source
from common.sources.source_ref import path_of
from common.storage.lake import Lake

PREFIX = "file refused: "
"""What the `read_error` of a refused file begins with."""

_IS_REFUSED = "read_error IS NOT NULL AND payload IS NULL"


def refused_files(lake: Lake, source: Source) -> pd.DataFrame:
    """Files that were refused as a whole, by feed, with the reason."""
    parts = [_refused(lake.table(bronze_table(name)), name) for name in source.feeds]
    return reduce(DataFrame.unionByName, parts).orderBy("feed", "path").toPandas()


def newly_refused(lake: Lake, before: Mapping[str, int], feeds: Iterable[str]) -> str:
    """The number of files that were refused since the given versions of their bronze tables, and the first of them.

    Without such files, an empty text.
    """
    parts = [_since(lake, name, before[bronze_table(name).name]) for name in feeds]
    rows = reduce(DataFrame.unionByName, parts).orderBy("feed", "path").collect() if parts else []
    if not rows:
        return ""
    first = f"{rows[0]['path'].rsplit('/', 1)[-1]}: {rows[0]['read_error'].removeprefix(PREFIX)}"
    return f"{counted(len(rows), 'file')} refused{', the first ' if len(rows) > 1 else ': '}{first}"


def _since(lake: Lake, feed: str, version: int) -> DataFrame:
    now = _refused(lake.table(bronze_table(feed)), feed)
    earlier = lake.spark.sql(f"SELECT * FROM {lake.full_name(bronze_table(feed))} VERSION AS OF {version}")
    return now.join(_refused(earlier, feed), ["feed", "path", "read_error"], "left_anti")


def _refused(bronze: DataFrame, feed: str) -> DataFrame:
    return bronze.where(_IS_REFUSED).select(
        F.lit(feed).alias("feed"), path_of(F.col("source_ref")).alias("path"), "read_error"
    )
