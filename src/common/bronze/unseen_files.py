"""Files that Spark's file sources skip silently, and never look at again: empty ones, and names that are not UTF-8."""

import os
from collections.abc import Iterator

from pyspark.sql import functions as F

from common.bronze.files import bronze_rows
from common.bronze.listing import as_text, local_files
from common.contracts.bronze import bronze_table
from common.sources.chunks import REFUSED
from common.sources.declaration import FileFeed
from common.storage.lake import Lake

EMPTY = f"{REFUSED}the file is empty"
NO_TEXT = f"{REFUSED}its name is not UTF-8; rename it"


def record_unseen_files(lake: Lake, source_name: str, feed_name: str, feed: FileFeed, before: float) -> None:
    """Adds the feed's files that Spark doesn't see to bronze as refused, each once.

    `before` is a time in seconds since 1970: a file that was touched since then may still be written.
    """
    found = dict(_unseen(feed.folder(lake.settings.landing), before))
    if not found:
        return
    refused = [(f"{path}#0", None, reason) for path, reason in found.items()]
    rows = lake.spark.createDataFrame(refused, "source_ref string, payload string, read_error string")
    existing = lake.table(bronze_table(feed_name)).where(F.col("source_ref").isin([f"{path}#0" for path in found]))
    new = bronze_rows(rows, source_name, feed_name, feed).join(existing.select("record_id"), "record_id", "left_anti")
    if not new.isEmpty():
        lake.append(new, bronze_table(feed_name))


def _unseen(folder: str, before: float) -> Iterator[tuple[str, str]]:
    for path in local_files(folder):
        try:
            status = os.stat(path)
        except FileNotFoundError:
            continue  # renamed since it was listed, or a link to nowhere
        if status.st_mtime < before:
            if as_text(path) != path:
                yield as_text(path), NO_TEXT
            elif status.st_size == 0:
                yield path, EMPTY
