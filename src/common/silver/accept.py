"""What becomes of conformed records: accepted once, counted as duplicates, quarantined, or not selected.

Each step can be repeated: a batch that was half done when it was killed ends as if it had been done once.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from common.contracts.silver import CUSTOMER, QUARANTINE, REFERENCES, TRANSACTIONS
from common.contracts.table import Table
from common.errors import LakehouseError
from common.platform import this_platform
from common.silver.conform import BRONZE, UNMAPPED
from common.silver.contradictions import conflicts, with_payload
from common.silver.history import rebuild_history
from common.silver.reread import check_reread
from common.silver.staged import Staged, staged_batch
from common.sources.source_ref import ordinal_of, path_of
from common.storage.batches import BatchId, Counts, record_batch
from common.storage.files import file_lock
from common.storage.lake import Lake, Once
from common.storage.quarantine import quarantined_by
from common.storage.streams import BatchStep
from common.storage.unmapped import record_unmapped_fields


@dataclass(frozen=True)
class Flow:
    """From one feed's bronze table into one silver table.

    An earlier query of the flow may have read records that bronze received until the day `read_before`. `has_others`:
    other feeds go into the same table.
    """

    source: str
    feed: str
    target: Table
    checkpoint: str
    has_customers: bool = False
    has_others: bool = False
    read_before: date | None = None


def acceptance(flow: Flow) -> BatchStep:
    """What a micro-batch of the flow's conformed records goes through."""

    def step(lake: Lake, batch: DataFrame, once: Once) -> None:
        accept(lake, batch, flow, BatchId(flow.source, flow.feed, flow.target.name, once.writer, once.version))

    return step


def accept(lake: Lake, conformed: DataFrame, flow: Flow, batch: BatchId) -> Counts:
    """Writes a batch of conformed records to target and quarantine, and records the counts.

    Each count is of rows that a table took in or has, never of rows that were meant for it.
    """
    with staged_batch(lake, conformed, flow.target) as staged:
        if _may_be_read_again(staged, flow):
            check_reread(lake, staged.rows, flow.target)
        with _one_flow_at_a_time(flow):
            added = insert_accepted(lake, staged, flow, batch)
        if added == staged.fine:
            quarantined = _quarantine(lake, staged, None, batch, may_have_begun=False)
            counts = Counts(staged.records, added, 0, quarantined, staged.not_selected)
        else:
            with conflicts(lake, staged, flow.target) as found:
                rows = with_payload(lake, found.rows, flow.feed, staged.days) if found.conflicts else None
                quarantined = _quarantine(lake, staged, rows, batch, may_have_begun=added is None)
            duplicates = found.duplicates - found.conflicts
            counts = Counts(staged.records, found.accepted, duplicates, quarantined, staged.not_selected)
        if staged.with_unmapped:
            record_unmapped_fields(lake, batch, staged.rows.select(f"{BRONZE}.record_id", UNMAPPED))
    _check_sum(batch, counts)
    record_batch(lake, batch, counts)
    return counts


@contextmanager
def _one_flow_at_a_time(flow: Flow) -> Iterator[None]:
    """Keeps flows into one table apart while they look for keys and add rows: both could find that a key is new.

    Delta doesn't prevent that, as an append conflicts with no other. All flows run beside one driver, so that a lock of
    its operating system does.
    """
    if not flow.has_others:
        yield
        return
    table = hashlib.sha256(str(Path(flow.checkpoint).parent).encode()).hexdigest()[:16]
    with file_lock(Path(tempfile.gettempdir(), f"lakehouse-{table}.lock")):
        yield


def _may_be_read_again(staged: Staged, flow: Flow) -> bool:
    first_day = staged.days[0]
    return flow.read_before is not None and (first_day is None or first_day <= flow.read_before)


def _check_sum(batch: BatchId, counts: Counts) -> None:
    accounted = counts.accepted + counts.duplicates + counts.quarantined + counts.not_selected
    if accounted != counts.records_read:
        raise LakehouseError(
            f"{batch.target}: of {counts.records_read:,} records of batch {batch.batch_id}, {accounted:,} are "
            "accounted for. It was begun with another map or check than it is ended with: reset the streams that write "
            f"{batch.target} ({this_platform().list_streams}) and run the job again; what is there is not added twice"
        )


def insert_accepted(lake: Lake, staged: Staged, flow: Flow, batch: BatchId) -> int | None:
    """Adds the records that pass every check, each key once, and derives the history that they change.

    Returns:
        How many were added; None where that isn't known, as when this batch was begun before and had added them.
    """
    if not staged.fine:
        return 0
    table = flow.target
    place = path_of(_ref()), ordinal_of(_ref())
    order = Window.partitionBy(*table.lookup_key).orderBy(*place, f"{BRONZE}.record_id")
    # A row number would do as well, but Spark sorts a second time to limit the rows of each key.
    first = staged.fine_rows.withColumn("_is_first", F.lag(F.lit(1)).over(order).isNull()).where("_is_first")
    rows = first.withColumns({"record_id": F.col(f"{BRONZE}.record_id"), "accepted_at": F.current_timestamp()})
    if table.name == TRANSACTIONS.name:
        rows = _flag_unknown_customers(lake, rows, flow.has_customers)
    added = lake.insert_new(rows, table, Once(batch.query_id, batch.batch_id), scope_of=staged.scope)
    for reference in REFERENCES.values():
        if reference.changes.name == table.name:
            rebuild_history(lake, reference, staged.fine_rows.select(reference.key))
    return added


def _ref() -> Column:
    return F.col(f"{BRONZE}.source_ref")


def _flag_unknown_customers(lake: Lake, rows: DataFrame, has_customers: bool) -> DataFrame:
    if not has_customers:
        return rows.withColumn("is_known_customer", F.lit(None).cast("boolean"))
    known = lake.table(CUSTOMER.history).select("customer_id").distinct().withColumn("_is_known", F.lit(True))
    joined = rows.join(known, "customer_id", "left")
    return joined.withColumn("is_known_customer", F.coalesce("_is_known", F.lit(False))).drop("_is_known")


def _quarantine(
    lake: Lake, staged: Staged, conflicting: DataFrame | None, batch: BatchId, *, may_have_begun: bool
) -> int:
    """Adds the records that fail a check, conflicts among them; how many of this batch the quarantine has then."""
    parts = ([staged.failed_rows] if staged.failed else []) + ([conflicting] if conflicting is not None else [])
    added: int | None = 0
    if parts:
        rows = reduce(DataFrame.unionByName, parts).select(
            F.lit(batch.target).alias("target"),
            F.lit(batch.feed).alias("feed"),
            *(F.col(f"{BRONZE}.{name}") for name in ("record_id", "source", "source_ref", "payload")),
            "failed_checks",
            F.lit(batch.query_id).alias("query_id"),
            F.lit(batch.batch_id).cast("bigint").alias("batch_id"),
            F.current_timestamp().alias("quarantined_at"),
        )
        added = lake.append(rows, QUARANTINE, Once(f"{batch.query_id} refused", batch.batch_id))
    return quarantined_by(lake, batch) if may_have_begun or added is None else added
