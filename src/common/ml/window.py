"""What training and promotion read of the lakehouse: only the window and the columns that they need, in pandas."""

import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import TRANSACTIONS
from common.errors import ModelError
from common.features.labels import LABELLED_BY, known_labels
from common.ml.review import card_of
from common.platform import this_platform
from common.settings import repository
from common.storage.lake import Lake
from common.storage.recent import newest_time

READ = (TRANSACTION_FEATURES, TRANSACTIONS, *LABELLED_BY)
IDENTIFIERS = ("transaction_id", "event_time", "customer_id", "account_id")


@dataclass(frozen=True)
class Window:
    """Transactions with their features and card, and the labels on them.

    `rows`: transaction_id, event_time (UTC), customer_id, account_id, card and the features.
    `reports`: what reports and verdicts say (`features.labels`): transaction_id, is_fraud, reported_at (UTC).
    """

    rows: pd.DataFrame
    reports: pd.DataFrame


def newest_event(lake: Lake) -> datetime | None:
    """The time of the newest transaction that has features, UTC; None where there is none."""
    return newest_time(lake.table(TRANSACTION_FEATURES)) if lake.exists(TRANSACTION_FEATURES) else None


def read_window(lake: Lake, start: datetime, end: datetime, labels_known_at: datetime) -> Window:
    """The transactions of [start, end), and the labels that were known by `labels_known_at`.

    In the order of event_time and transaction_id, so that the same data make the same model to the last bit.

    Raises:
        ModelError: the features that are computed today have not been computed for this lakehouse yet.

    """
    table = lake.table(TRANSACTION_FEATURES)
    if missing := sorted(set(FEATURE_NAMES) - set(table.columns)):
        again = this_platform().run_job_from.format(job="lakehouse", task="transaction_features")
        raise ModelError(
            f"{TRANSACTION_FEATURES.name} was made before these features were computed: {', '.join(missing)}. "
            f"Compute them first: {again}"
        )
    features = in_window(table, start, end)
    unsorted = _utc(features.select(*IDENTIFIERS, *FEATURE_NAMES).toPandas(), "event_time")
    rows = unsorted.sort_values(["event_time", "transaction_id"], ignore_index=True)
    reports = known_labels(lake).where(
        (F.col("reported_at") >= F.lit(start)) & (F.col("reported_at") <= F.lit(labels_known_at))
    )
    return Window(rows.assign(card=card_of(rows)), _utc(reports.toPandas(), "reported_at"))


def in_window(frame: DataFrame, start: datetime, end: datetime) -> DataFrame:
    """The rows with an event_time in [start, end), found by event_date, which tables are clustered by."""
    dates = F.col("event_date").between(F.lit(start.date()), F.lit(end.date()))
    return frame.where(dates & (F.col("event_time") >= F.lit(start)) & (F.col("event_time") < F.lit(end)))


def whole_day(newest: datetime) -> datetime:
    """The midnight up to which the data are whole, when the newest transaction is that of `newest`.

    A day counts as whole once a transaction of its last hour is there.
    """
    shifted = newest + timedelta(hours=1)
    return shifted.replace(hour=0, minute=0, second=0, microsecond=0)


def data_versions(lake: Lake) -> dict[str, int]:
    """The version of each Delta table that training reads, so that the same data can be read again."""
    return {table.name: lake.version(table) for table in READ}


def code_commit() -> str:
    """The commit that this code was checked out at, with `+changes` where files differ; `unknown` without git."""
    git = ["git", "-C", str(repository())]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        status = [*git, "status", "--porcelain", "--untracked-files=no"]
        changes = subprocess.run(status, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.stdout.strip() + ("+changes" if changes.stdout.strip() else "")


def _utc(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The frame with a time column in UTC: Spark hands out times without a zone, in the session's."""
    times = pd.to_datetime(frame[column])
    return frame.assign(**{column: times.dt.tz_localize("UTC") if times.dt.tz is None else times})
