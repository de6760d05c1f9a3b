"""Files of 0 bytes: Spark's file sources skip them silently, and never look at them again."""

import os
from collections.abc import Iterator

from pyspark.sql import functions as F

from common.bronze.files import bronze_rows
from common.bronze.listing import as_text, local_files
from common.contracts.bronze import bronze_table
from common.sources.declaration import FileFeed
from common.storage.lake import Lake

REASON = "file refused: the file is empty"


def record_empty_files(lake: Lake, source_name: str, feed_name: str, feed: FileFeed, before: float) -> None:
    """Adds the feed's empty files to bronze as refused, each once.

    `before` is a time in seconds since 1970: a file that was touched since then may still be written.
    """
    paths = list(_empty_files(feed.folder(lake.settings.landing), before))
    if not paths:
        return
    rows = lake.spark.createDataFrame(
        [(f"{path}#0", None, REASON) for path in paths], "source_ref string, payload string, read_error string"
    )
    existing = lake.table(bronze_table(feed_name)).where(F.col("source_ref").isin([f"{path}#0" for path in paths]))
    new = bronze_rows(rows, source_name, feed_name, feed).join(existing.select("record_id"), "record_id", "left_anti")
    if not new.isEmpty():
        lake.append(new, bronze_table(feed_name))


def _empty_files(folder: str, before: float) -> Iterator[str]:
    for path in local_files(folder):
        try:
            status = os.stat(path)
        except FileNotFoundError:
            continue  # renamed since it was listed, or a link to nowhere
        if status.st_size == 0 and status.st_mtime < before:
            yield as_text(path)
