"""Files that were refused as a whole: which they are, and the few words for a task's line in the summary."""

from collections.abc import Iterable, Mapping
from functools import reduce

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.bronze.readings import counted
from common.contracts.bronze import bronze_table
from common.sources.chunks import REFUSED
from common.sources.declaration import Source
from common.sources.source_ref import path_of
from common.storage.lake import Lake

_IS_REFUSED = f"startswith(read_error, '{REFUSED}') AND payload IS NULL"


def refused_files(lake: Lake, source: Source) -> pd.DataFrame:
    """Files that were refused as a whole, by feed, with the reason."""
    parts = [_refused(lake.table(bronze_table(name)), name) for name in source.feeds]
    return reduce(DataFrame.unionByName, parts).orderBy("feed", "path").toPandas()


def newly_refused(lake: Lake, before: Mapping[str, int], feeds: Iterable[str]) -> str:
    """The number of files that were refused since the given versions of their bronze tables, and the first of them.

    Without such files, an empty text.
    """
    parts = [_refused(lake.table(bronze_table(name)), name) for name in feeds]
    now = reduce(DataFrame.unionByName, parts).orderBy("feed", "path").collect() if parts else []
    # Most runs have no such file: earlier versions are asked only where there is one.
    earlier = {row for name in {row["feed"] for row in now} for row in _before(lake, name, before).collect()}
    rows = [row for row in now if row not in earlier]
    if not rows:
        return ""
    first = f"{rows[0]['path'].rsplit('/', 1)[-1]}: {rows[0]['read_error'].removeprefix(REFUSED)}"
    return f"{counted(len(rows), 'file')} refused{', the first ' if len(rows) > 1 else ': '}{first}"


def _before(lake: Lake, feed: str, versions: Mapping[str, int]) -> DataFrame:
    table = bronze_table(feed)
    query = f"SELECT * FROM {lake.full_name(table)} VERSION AS OF {versions[table.name]}"
    return _refused(lake.spark.sql(query), feed)


def _refused(bronze: DataFrame, feed: str) -> DataFrame:
    return bronze.where(_IS_REFUSED).select(
        F.lit(feed).alias("feed"), path_of(F.col("source_ref")).alias("path"), "read_error"
    )
