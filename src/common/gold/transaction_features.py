"""gold.transaction_features, kept up to date by a stream: what the feature notebook runs.

One query reads transactions and labels, so that each batch sees what the batches before it left. With a query
for each, a row could be computed without a label while the other query, at the same moment, doesn't find the row.
"""

from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.features import USUAL_DAYS
from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import IS_PURCHASE, TRANSACTIONS
from common.features.affected import ROW_KEY, affected, days_of, explained_spans, report_spans, transaction_spans
from common.features.labels import LABELLED_BY, known_labels, labels
from common.features.reach import Reach, event_ends, reach_by_day, stretches, within
from common.features.transactions import EVENT_MICROS, INPUTS, transaction_features
from common.result import Result
from common.storage.changes import changes_since, versions
from common.storage.checkpoints import check_checkpoint
from common.storage.lake import Lake, Once
from common.storage.last_success import Step
from common.storage.recent import newest_time, utc
from common.storage.stacked import stacked
from common.storage.streams import AVAILABLE_NOW, Trigger, batch_query, run_queries

STEP = Step(
    "gold.transaction_features",
    reads=(TRANSACTIONS.name, *(table.name for table in LABELLED_BY)),
    writes=(TRANSACTION_FEATURES.name,),
    streams=("gold/transaction_features",),
)


def build_features(lake: Lake, trigger: Trigger = AVAILABLE_NOW) -> Result:
    """Computes the features of every purchase that is new in silver, and again those that a late row changes.

    A late row is a transaction, a report of fraud or its withdrawal, or a reviewer's verdict. Whatever the order of
    arrival, the table ends equal to what one batch over everything gives. Decisions in gold.transaction_scores stay as
    they were made.

    Raises:
        CheckpointError: the table is gone, and the stream that fills it is not at its start.
    """
    checkpoint = lake.settings.checkpoint("gold", "transaction_features")
    check_checkpoint(lake, TRANSACTION_FEATURES, checkpoint)
    lake.ensure(TRANSACTIONS, *LABELLED_BY, TRANSACTION_FEATURES)
    before = versions(lake, [TRANSACTION_FEATURES])
    rows = feature_arrivals(lake.stream(TRANSACTIONS).where(IS_PURCHASE), labels(*map(lake.stream, LABELLED_BY)))
    run_queries([batch_query(lake, rows, checkpoint, update_features, trigger)])
    (changes,) = changes_since(lake, before).values()
    note = f"{changes.updated:,} older rows computed again" if changes.updated else ""
    return Result(changes.inserted, changes.inserted, note)


def feature_arrivals(transactions: DataFrame, labels: DataFrame) -> DataFrame:
    """Transactions of silver and labels (`features.labels`) in one frame; a label is what has a reported_at."""
    return stacked([transactions.select(*INPUTS), labels.select("transaction_id", "reported_at")])


def update_features(lake: Lake, batch: DataFrame, once: Once) -> None:
    """Updates the table for a batch of `feature_arrivals`; run again, it changes nothing more.

    What the table holds is read only where something in the batch can concern it. When nothing came late, that is
    one look which finds no row.
    """
    new = batch.where("reported_at IS NULL").select(*INPUTS)
    reach, since = _ends(batch)
    newest = _newest(lake, reach, since)
    late = _concerned(lake, batch, reach, since, newest) if newest else None
    if late is not None:
        with lake.staged(late, "features.older") as older:
            if not older.isEmpty():
                _add_and_recompute(lake, new, older, once)
                return
    if reach:
        lake.append(_features(lake, new, reach), TRANSACTION_FEATURES, once)


def _add_and_recompute(lake: Lake, new: DataFrame, older: DataFrame, once: Once) -> None:
    """Appends what is new and merges what is older, computed together: they share most of their windows' history."""
    added = new.join(older, list(ROW_KEY), "left_anti")
    with lake.staged(_features(lake, added.unionByName(older)), "features.batch") as rows:
        lake.append(rows.join(older, list(ROW_KEY), "left_anti"), TRANSACTION_FEATURES, once)
        updates = rows.join(older, list(ROW_KEY), "left_semi").withColumn("operation", F.lit("upsert"))
        lake.apply_changes(updates, TRANSACTION_FEATURES)


def _features(lake: Lake, rows: DataFrame, reach: Reach | None = None) -> DataFrame:
    purchases = lake.table(TRANSACTIONS).where(IS_PURCHASE)
    return transaction_features(rows, purchases, known_labels(lake), reach)


def _ends(batch: DataFrame) -> tuple[Reach | None, datetime | None]:
    """The reach of the batch's transactions and the earliest reported_at of its reports, by one query."""
    reported = F.min(F.unix_micros("reported_at")).alias("reported")
    days = {row["event_date"]: row for row in batch.groupBy("event_date").agg(*event_ends(), reported).collect()}
    reports = days.pop(None, None)
    reach = reach_by_day({day: (row["first"], row["last"]) for day, row in days.items()})
    return reach, utc(reports["reported"]) if reports else None


def _newest(lake: Lake, reach: Reach | None, since: datetime | None) -> datetime | None:
    """The newest event time in the table, or None where all are older than everything that arrived."""
    times = [time for time in (reach.first if reach else None, since) if time]
    if not times:
        return None
    from_day = F.col("event_date") >= F.lit(min(times).date())
    return newest_time(lake.table(TRANSACTION_FEATURES).where(from_day & (F.col("event_time") >= F.lit(min(times)))))


def _concerned(
    lake: Lake, batch: DataFrame, reach: Reach | None, since: datetime | None, newest: datetime
) -> DataFrame | None:
    """The transactions that the table holds and the batch concerns; None where by their dates there are none."""
    silver = lake.table(TRANSACTIONS)
    arrived = batch.where("reported_at IS NULL")
    spans = transaction_spans(arrived)
    if reach and reach.first <= newest:
        month = timedelta(USUAL_DAYS)
        days = stretches((day, min(day + month, newest.date())) for day in reach.dates if day <= newest.date())
        near = silver.where(within("event_date", days))
        spans = spans.unionByName(explained_spans(arrived, near, known_labels(lake), newest))
    if since and since <= newest:
        reports = batch.where("reported_at IS NOT NULL")
        spans = spans.unionByName(report_spans(reports, silver, since, newest))
    spans = spans.where(F.timestamp_micros(EVENT_MICROS) <= F.lit(newest))
    days = days_of(spans, newest)
    if not days:
        return None
    concerned = affected(lake.table(TRANSACTION_FEATURES).where(within("event_date", days)), spans)
    return silver.where(within("event_date", days)).join(concerned, list(ROW_KEY), "left_semi").select(*INPUTS)
