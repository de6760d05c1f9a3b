"""The steps by which records of bronze are withdrawn, with all that was made of them. Each can be repeated.

First what is known by the records goes: decisions, silver, the quarantine. Then gold is emptied, to be made again from
silver, as removed rows changed other rows' features and sums. Bronze is last: it says which records are meant.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame

from common.bronze.readings import Readings, keep_readings, readings_in
from common.contracts.bronze import bronze_table
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.ops import REPLAYED_RECORDS, UNMAPPED_FIELDS
from common.contracts.silver import QUARANTINE, REFERENCES, TARGETS, TRANSACTIONS
from common.contracts.table import Table
from common.gold import marts, model_monitoring, star_schema, transaction_features, transaction_scores
from common.silver.history import rebuild_history
from common.sources.feed import Feed, FeedAt
from common.storage.checkpoints import forget, streams
from common.storage.conflicts import retried
from common.storage.erasure import erase
from common.storage.lake import Lake
from common.storage.lineage import note


@dataclass(frozen=True)
class Withdrawal:
    """What is withdrawn: records of a feed (`records`: record_id), and which silver tables lose rows by it."""

    at: FeedAt
    declared: Feed
    records: DataFrame
    losing: frozenset[str]

    @property
    def targets(self) -> list[str]:
        """The targets whose flows read the feed again: those of its map, and others that had rows of it."""
        return [name for name, table in TARGETS.items() if name in self.declared.into or table.name in self.losing]


WithdrawalStep = Callable[[Lake, Withdrawal], None]

MADE_OF_SILVER = (star_schema.STEP, transaction_features.STEP, marts.STEP, model_monitoring.STEP)
"""What is made again of silver as a whole. Decisions on other transactions stay as they were made."""


def decisions(lake: Lake, work: Withdrawal) -> None:
    """The scores of transactions whose records are withdrawn, while silver says which they are."""
    if TRANSACTIONS.name not in work.losing or not lake.exists(TRANSACTION_SCORES):
        return
    theirs = lake.table(TRANSACTIONS).join(work.records, "record_id", "left_semi")
    with lake.staged(theirs.select(*TRANSACTION_SCORES.key), f"{TRANSACTION_SCORES.name}.withdrawn") as keys:
        erase(lake, TRANSACTION_SCORES, keys)


def silver_rows(lake: Lake, work: Withdrawal) -> None:
    """The rows of silver that the records made."""
    for table in _losing(work):
        erase(lake, table, work.records)


def quarantined_rows(lake: Lake, work: Withdrawal) -> None:
    """The records in the quarantine, and the traces of those that left it."""
    for table in filter(lake.exists, (QUARANTINE, REPLAYED_RECORDS)):
        erase(lake, table, work.records)


def unmapped_fields(lake: Lake, work: Withdrawal) -> None:
    """The feed's fields that no map uses: silver finds those again that the records still have."""
    if lake.exists(UNMAPPED_FIELDS):
        _delete(lake, UNMAPPED_FIELDS.name, f"feed = '{work.at.name}'")


def histories(lake: Lake, work: Withdrawal) -> None:
    """The versions of things whose changes are gone: all histories are derived again from the changes that are left.

    Of all keys, not of those that lost changes: after a kill, nothing says which they were.
    """
    for reference in REFERENCES.values():
        if reference.changes.name in work.losing and lake.exists(reference.history):
            keys = lake.table(reference.history).select(reference.key).distinct()
            with lake.staged(keys, f"{reference.history.name}.keys") as staged:
                rebuild_history(lake, reference, staged)


def gold(lake: Lake, work: Withdrawal) -> None:
    """Gold's streams are reset and its tables emptied, so that the tasks after bronze's make them again."""
    if not work.losing:
        return
    _reset(lake, [*(name for step in MADE_OF_SILVER for name in step.streams), *transaction_scores.STEP.streams])
    for table in (name for step in MADE_OF_SILVER for name in step.writes):
        if lake.exists(table):
            _delete(lake, table, "true")


def bronze_records(lake: Lake, work: Withdrawal) -> None:
    """The records themselves."""
    erase(lake, bronze_table(work.at.name), work.records)


def flows(lake: Lake, work: Withdrawal) -> None:
    """The feed's streams into silver and bronze are reset, so that all that bronze lacks is read again."""
    _reset(lake, [*(f"silver/{name}/{work.at.name}" for name in work.targets), work.at.stream])


def readings(lake: Lake, work: Withdrawal) -> None:
    """What is left of other readings is of files that are gone; no warning asks for it any more."""
    declared = work.declared.reading
    left = readings_in(lake, work.at.name, declared)
    keep_readings(work.at, Readings(left, left - {declared}))


STEPS: tuple[WithdrawalStep, ...] = (
    decisions,
    silver_rows,
    quarantined_rows,
    unmapped_fields,
    histories,
    gold,
    bronze_records,
    flows,
    readings,
)
"""In this order: a withdrawal that was killed is begun again with the first."""


def _losing(work: Withdrawal) -> list[Table]:
    return [table for table in TARGETS.values() if table.name in work.losing]


def _reset(lake: Lake, names: list[str]) -> None:
    known = {stream.name: stream for stream in streams(lake.settings)}
    for name in filter(known.__contains__, names):
        forget(lake.settings, known[name])


def _delete(lake: Lake, table: str, condition: str) -> None:
    note(lake.settings, "write", table)
    retried(lambda: lake.spark.sql(f"DELETE FROM {lake.full_name(table)} WHERE {condition}"))
