"""gold.transaction_features, kept up to date by a stream: what the feature notebook runs.

One query reads transactions and fraud reports, so that each batch sees what the batches before it left. With a query
for each, a row could be computed without a report while the other query, at the same moment, doesn't find the row.
"""

from dataclasses import dataclass

from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.features.update import arrivals, update_features
from common.storage.lake import Lake
from common.storage.positions import check_position
from common.storage.streams import AVAILABLE_NOW, Trigger, batch_query, run_queries


@dataclass(frozen=True)
class Built:
    """What a run did: rows that are new, and older ones whose features became others by something late."""

    added: int
    recomputed: int

    @property
    def note(self) -> str:
        """For the job's summary; empty where nothing came late."""
        return f"{self.recomputed:,} older rows recomputed" if self.recomputed else ""


def build_features(lake: Lake, trigger: Trigger = AVAILABLE_NOW) -> Built:
    """Computes the features of every transaction that is new in silver, and anew those that a late row changes.

    A late row is a transaction, or a report of fraud or its withdrawal. Whatever the order of arrival, the table ends
    equal to what one batch over everything gives. Decisions in gold.transaction_scores stay as they were made.

    Raises:
        PositionError: the table is gone, and the stream that fills it is not at its start.
    """
    checkpoint = lake.settings.checkpoint("gold", "features")
    check_position(lake, TRANSACTION_FEATURES, checkpoint)
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, TRANSACTION_FEATURES)
    before = lake.version(TRANSACTION_FEATURES)
    rows = arrivals(lake.stream(TRANSACTIONS), lake.stream(FRAUD_REPORTS))
    run_queries([batch_query(lake, rows, checkpoint, update_features, trigger)])
    return _written_since(lake, before)


def _written_since(lake: Lake, version: int) -> Built:
    """What the table's log says of the commits after a version: rows appended, and rows that a MERGE changed."""
    commits = lake.version(TRANSACTION_FEATURES) - version
    if not commits:
        return Built(0, 0)
    history = lake.spark.sql(f"DESCRIBE HISTORY {lake.full_name(TRANSACTION_FEATURES)} LIMIT {commits}").collect()

    def total(operation: str, metric: str) -> int:
        return sum(int(row["operationMetrics"].get(metric, 0)) for row in history if row["operation"] == operation)

    return Built(total("WRITE", "numOutputRows"), total("MERGE", "numTargetRowsUpdated"))
