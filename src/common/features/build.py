"""gold.transaction_features, kept up to date by a stream: what the feature notebook runs."""

from collections.abc import Callable

from pyspark.sql import DataFrame

from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.features.transactions import transaction_features
from common.settings import Settings
from common.storage.lake import Lake
from common.storage.streams import AVAILABLE_NOW, Trigger, process_stream, wait_for


def build_features(lake: Lake, trigger: Trigger = AVAILABLE_NOW) -> int:
    """Computes the features of every transaction that is new in silver, each once, and returns how many were added."""
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, TRANSACTION_FEATURES)
    before = lake.table(TRANSACTION_FEATURES).count()
    checkpoint = lake.settings.checkpoint("gold", "transaction_features")
    new = lake.stream(TRANSACTIONS)
    wait_for([process_stream(new, _batch_processor(lake.settings), checkpoint, trigger)])
    return lake.table(TRANSACTION_FEATURES).count() - before


def _batch_processor(settings: Settings) -> Callable[[DataFrame, int], None]:
    def process(batch: DataFrame, batch_id: int) -> None:
        del batch_id
        lake = Lake(batch.sparkSession, settings)
        rows = transaction_features(batch, lake.table(TRANSACTIONS), lake.table(FRAUD_REPORTS))
        lake.insert_new(rows, TRANSACTION_FEATURES)

    return process
