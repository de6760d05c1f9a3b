"""VACUUM: the files of earlier versions removed, after the days that history is kept, or at once."""

from dataclasses import dataclass

from pyspark.errors import PySparkException

from common.contracts.table import Table
from common.settings import HISTORY_RETENTION_DAYS, UNCOMMITTED_HOURS
from common.storage.conflicts import retried
from common.storage.lake import Lake

_PROPERTY = "delta.deletedFileRetentionDuration"
_DELTAS_DEFAULT_DAYS = 7


@dataclass(frozen=True)
class Vacuumed:
    """What a VACUUM removed."""

    files: int
    bytes: int


def vacuum(lake: Lake, table: Table | str, days: int = HISTORY_RETENTION_DAYS) -> Vacuumed:
    """Removes the files that no version of the last days needs; older versions can't be read afterwards."""
    _keep_for_days(lake, table, days)
    lake.spark.sql(f"VACUUM {lake.full_name(table)}").collect()
    start = lake.spark.sql(f"DESCRIBE HISTORY {lake.full_name(table)} LIMIT 2").where("operation = 'VACUUM START'")
    metrics = (row["operationMetrics"] if (row := start.first()) else None) or {}
    return Vacuumed(int(metrics.get("numFilesToDelete", 0)), int(metrics.get("sizeOfDataToDelete", 0)))


def vacuum_at_once(lake: Lake, table: Table | str) -> None:
    """Removes the files of all earlier versions, so that what was deleted is gone from the disk.

    A VACUUM of the whole folder would also take the files of a writer that has yet to commit. LITE takes only those
    that the log names as removed. What a killed writer left, unknown to the log, goes with the next `vacuum`.
    The retention is a property of the table, as session settings are not allowed on serverless. A kill before the
    property is set back does no harm: this function or `vacuum` sets it again.
    """
    if _marks_deleted_rows(lake, table):
        retried(lambda: lake.spark.sql(f"REORG TABLE {lake.full_name(table)} APPLY (PURGE)").collect())
    if not _has_removed_files(lake, table):
        _keep_for_days(lake, table, HISTORY_RETENTION_DAYS)
        return
    _set(lake, table, "interval 0 hours")
    statement = f"VACUUM {lake.full_name(table)}"
    try:
        lake.spark.sql(f"{statement} LITE").collect()
    except PySparkException as error:
        if "CANNOT_VACUUM_LITE" not in str(error):
            raise
        # The log doesn't reach back to the last VACUUM: one of the whole folder, by age, makes up for it.
        lake.spark.sql(f"{statement} RETAIN {UNCOMMITTED_HOURS} HOURS").collect()
        lake.spark.sql(f"{statement} LITE").collect()
    _keep_for_days(lake, table, HISTORY_RETENTION_DAYS)


def _marks_deleted_rows(lake: Lake, table: Table | str) -> bool:
    """Whether deletion vectors, Databricks' default, may leave deleted rows in files that the newest version uses."""
    detail = lake.spark.sql(f"DESCRIBE DETAIL {lake.full_name(table)}").select("tableFeatures").first()
    return detail is not None and "deletionVectors" in (detail[0] or ())


_ONLY_ADDS = ("ADD COLUMNS", "CHANGE COLUMN", "CREATE TABLE", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES")


def _has_removed_files(lake: Lake, table: Table | str) -> bool:
    """Whether a version since the last VACUUM without retention may have removed files; false only if surely not."""
    history = lake.spark.sql(f"DESCRIBE HISTORY {lake.full_name(table)}").orderBy("version", ascending=False)
    ended = False
    for operation, parameters in history.select("operation", "operationParameters").collect():
        if operation == "VACUUM START":
            if (
                ended
                and parameters.get("defaultRetentionMillis") == "0"
                and "specifiedRetentionMillis" not in parameters
            ):
                return False
            ended = False
        elif operation == "VACUUM END":
            ended = parameters.get("status") == "COMPLETED"
        elif operation not in _ONLY_ADDS and "Append" not in (parameters.get("mode"), parameters.get("outputMode")):
            return True
    return False


def _keep_for_days(lake: Lake, table: Table | str, days: int) -> None:
    rows = lake.spark.sql(f"SHOW TBLPROPERTIES {lake.full_name(table)}").collect()
    current = next((row["value"] for row in rows if row["key"] == _PROPERTY), None)
    wanted = f"interval {days} days"
    if current == wanted or (current is None and days == _DELTAS_DEFAULT_DAYS):
        return
    if days == _DELTAS_DEFAULT_DAYS:
        statement = f"ALTER TABLE {lake.full_name(table)} UNSET TBLPROPERTIES IF EXISTS ('{_PROPERTY}')"
        retried(lambda: lake.spark.sql(statement))
    else:
        _set(lake, table, wanted)


def _set(lake: Lake, table: Table | str, interval: str) -> None:
    statement = f"ALTER TABLE {lake.full_name(table)} SET TBLPROPERTIES ('{_PROPERTY}' = '{interval}')"
    retried(lambda: lake.spark.sql(statement))
