"""The tables put in order: files compacted and clustered, statistics gathered, files past their retention removed."""

import pandas as pd

from common.settings import HISTORY_RETENTION_DAYS
from common.storage.lake import Lake
from common.storage.layout import gather_statistics, optimize, size, table_names
from common.storage.readers import waiting
from common.storage.vacuum import vacuum

_MB = 1_000_000
COLUMNS = (
    "table",
    "files_before",
    "mb_before",
    "files_after",
    "mb_after",
    "removed_files",
    "removed_mb",
    "note",
)


def maintain(lake: Lake, history_days: int = HISTORY_RETENTION_DAYS) -> pd.DataFrame:
    """Runs OPTIMIZE, ANALYZE (where there is Unity Catalog) and VACUUM on every table.

    A table that a stream has yet to read keeps its files, as that stream may need them; the note says so.

    Returns:
        One row a table, columns as `COLUMNS`: the newest version's files and size before and after, and what was
        removed of versions older than `history_days`. Sizes are in MB (1,000,000 bytes).
    """
    return pd.DataFrame([_maintain(lake, name, history_days) for name in table_names(lake)], columns=list(COLUMNS))


def _maintain(lake: Lake, table: str, history_days: int) -> tuple[object, ...]:
    before = size(lake, table)
    optimize(lake, table)
    gather_statistics(lake, table)
    if behind := waiting(lake, table):
        files, removed, note = 0, 0, f"kept: {', '.join(behind)} has yet to read it"
    else:
        vacuumed = vacuum(lake, table, history_days)
        files, removed, note = vacuumed.files, vacuumed.bytes, ""
    after = size(lake, table)
    return (
        table,
        before.files,
        before.bytes / _MB,
        after.files,
        after.bytes / _MB,
        files,
        removed / _MB,
        note,
    )
