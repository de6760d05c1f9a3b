"""The star schema, kept up to date by a stream: what its notebook runs.

One query reads transactions, fraud reports and the changes of all reference data, so that each batch sees what the
batches before it left. Within a batch: dimensions, calendar, transactions' facts, reports' facts. Each step follows
from the batch and the tables, never from what the step before it changed, so a batch that was killed half-way can be
run again. Whatever the order of arrival, the tables end equal to what one batch over everything gives, where a
transaction's id is on one date only (see the check unique_across_dates).
"""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.silver import BY_ENTITY, FRAUD_REPORTS, REFERENCES, TRANSACTIONS
from common.contracts.star import DIM_DATE, DIMENSIONS, FACT_FRAUD_REPORT, FACT_TRANSACTION
from common.gold.dim_date import extend_calendar
from common.gold.dimensions import add_unknown_members, update_dimensions
from common.gold.fact_fraud_report import REPORT_KEY, update_report_facts
from common.gold.fact_transaction import FROM_SILVER, concerned_facts, mended_facts, write_facts
from common.result import Result
from common.storage.changes import changes_since, versions
from common.storage.checkpoints import check_checkpoint
from common.storage.lake import Lake, Once
from common.storage.last_success import Step
from common.storage.recent import utc
from common.storage.stacked import stacked
from common.storage.streams import AVAILABLE_NOW, Trigger, batch_query, run_queries

STAR = (*DIMENSIONS.values(), DIM_DATE, FACT_TRANSACTION, FACT_FRAUD_REPORT)
READ = (TRANSACTIONS, FRAUD_REPORTS, *(reference.changes for reference in REFERENCES.values()))
_TRANSACTION, _REPORT = "transaction", "report"


STEP = Step(
    "gold.star_schema",
    reads=tuple(table.name for table in READ),
    writes=tuple(table.name for table in STAR),
    streams=("gold/star_schema",),
)


def build_star_schema(lake: Lake, trigger: Trigger = AVAILABLE_NOW) -> Result:
    """Adds what is new in silver to dimensions and facts, and mends the facts that late rows concern.

    Raises:
        CheckpointError: a table of the star is gone, and the stream that fills it is not at its start.
    """
    checkpoint = lake.settings.checkpoint("gold", "star_schema")
    for table in STAR:
        check_checkpoint(lake, table, checkpoint)
    lake.ensure(*READ, *STAR)
    add_unknown_members(lake)
    before = versions(lake, (FACT_TRANSACTION, FACT_FRAUD_REPORT))
    rows = star_arrivals({table.name: lake.stream(table) for table in READ})
    run_queries([batch_query(lake, rows, checkpoint, update_star, trigger)])
    facts, reports = changes_since(lake, before).values()
    note = f"{facts.updated:,} older facts mended" if facts.updated else ""
    return Result(rows_out=facts.inserted + reports.inserted, note=note)


def star_arrivals(read: Mapping[str, DataFrame]) -> DataFrame:
    """Rows of all the tables that the star is made of in one frame, by `kind`: transaction, report, or an entity.

    Args:
        read: by the name of each table of `READ`, rows of it.

    """
    transactions, reports = read[TRANSACTIONS.name], read[FRAUD_REPORTS.name]
    parts = [
        transactions.select(F.lit(_TRANSACTION).alias("kind"), *FROM_SILVER),
        reports.select(F.lit(_REPORT).alias("kind"), *REPORT_KEY),
        *(
            read[reference.changes.name].select(F.lit(reference.entity).alias("kind"), reference.key, "changed_at")
            for reference in REFERENCES.values()
        ),
    ]
    return stacked(parts)


def update_star(lake: Lake, batch: DataFrame, once: Once) -> None:
    """Updates dimensions and facts for a batch of `star_arrivals`."""
    ends = _ends(batch)
    changes = {
        reference.entity: batch.where(F.col("kind") == reference.entity).select(reference.key, "changed_at")
        for reference in REFERENCES.values()
        if reference.entity in ends
    }
    update_dimensions(
        lake, {BY_ENTITY[entity]: rows.select(BY_ENTITY[entity].key).distinct() for entity, rows in changes.items()}
    )
    facts = [ends[kind] for kind in (_TRANSACTION, _REPORT) if kind in ends]
    if facts:
        extend_calendar(lake, min(first for first, _ in facts).date(), max(last for _, last in facts).date())

    new = batch.where(F.col("kind") == _TRANSACTION).select(*FROM_SILVER) if _TRANSACTION in ends else None
    mended = None
    if changes:
        since = min(ends[entity][0] for entity in changes)
        mended = mended_facts(lake, concerned_facts(lake, changes, since))
    with nullcontext() if mended is None else lake.staged(mended, "facts.mended") as staged:
        write_facts(lake, staged, new, once)
        # All that may have been mended, not what this batch mended: after a kill, that would be nothing.
        touched = [rows.select("transaction_id") for rows in (staged, new) if rows is not None]
        if touched or _REPORT in ends:
            update_report_facts(lake, batch.where(F.col("kind") == _REPORT), stacked(touched) if touched else None)


def mend_star(lake: Lake, keys: Mapping[str, DataFrame]) -> None:
    """Derives the versions of these ids, and every fact that names one of them, from the changes of this moment.

    For what the stream doesn't see: changes that an erasure removed. Without a star, there is nothing to mend.

    Args:
        lake: where the tables are.
        keys: by entity, natural keys, each once.

    """
    if not keys or not all(map(lake.exists, STAR)):
        return
    rows = {table.name: lake.table(table).limit(0) for table in READ}
    for entity, ids in keys.items():
        # From the beginning of time: whichever change is gone, no fact of its id is skipped.
        rows[BY_ENTITY[entity].changes.name] = ids.withColumn("changed_at", F.lit("0001-01-01").cast("timestamp"))
    update_star(lake, star_arrivals(rows), Once("no new facts", 0))


def _ends(batch: DataFrame) -> dict[str, tuple[datetime, datetime]]:
    """For each kind of row in the batch, the first and the last time: event_time, reported_at or changed_at."""
    time = F.unix_micros(F.coalesce("event_time", "reported_at", "changed_at"))
    rows = batch.groupBy("kind").agg(F.min(time).alias("first"), F.max(time).alias("last")).collect()
    return {row["kind"]: (utc(row["first"]), utc(row["last"])) for row in rows}
