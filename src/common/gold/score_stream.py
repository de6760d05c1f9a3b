"""Files to scores by streams that go on, side by side in one process: what the notebook of that name runs."""

from collections.abc import Callable

from common.bronze.ingest import ingestion_queries
from common.gold.transaction_scores import scoring_queries
from common.ml.champion import Champion
from common.silver.refine import refinement_queries
from common.sources.declaration import Source
from common.storage.lake import Lake
from common.storage.streams import Trigger, run_queries

REFINED = ("customers", "merchants", "fraud_reports", "transactions")
"""What is taken to silver for scores: the transactions, and what features and rules know of them beside."""


def score_on(
    lake: Lake,
    source: Source,
    champion: Champion | str,
    trigger: Trigger,
    report: Callable[[str], None] = print,
) -> None:
    """Takes what lands to bronze, silver and scores, until a query fails or is stopped; then all are stopped.

    They are the streams of the main job, with its checkpoints. Without a champion (the text says why there is none)
    what lands gets as far as silver, which `report` is given: it is scored once this is called with one.

    Raises:
        LakehouseError: as `ingest`, `refine` and `score_new`.
    """
    if isinstance(champion, str):
        report(f"nothing is scored until this is started again with a champion: {champion}")
    queries = ingestion_queries(lake, source, trigger)
    for target in REFINED:
        queries += refinement_queries(lake, source, target, trigger)
    run_queries([*queries, *scoring_queries(lake, champion, trigger)])
