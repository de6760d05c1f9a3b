"""Feeds to scores by streams that go on, side by side in one process: what the notebook of that name runs."""

from collections.abc import Callable
from dataclasses import replace

from common.bronze.ingest import check_trigger, ingest, ingestion_queries
from common.bronze.unread import unread
from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_SCORES
from common.errors import FeedError
from common.gold.read_ahead import decision_query, feeds_ahead
from common.gold.transaction_scores import following_query, score_new, scoring_queries
from common.ml.champion import Champion, check_features
from common.result import Result
from common.silver.refine import refine, refinement_queries
from common.sources.declaration import Source
from common.storage.lake import Lake
from common.storage.streams import Query, Trigger, run_queries

REFINED = ("customers", "merchants", "fraud_reports", "transactions")
"""What is taken to silver for scores: the transactions, and what features and rules know of them beside."""

KEEPING_SECONDS = 60
"""The pause at least between micro-batches into bronze and silver where decisions don't wait for them: each costs
seconds of CPU, however few records it has, and decisions want the cores."""

FOLLOWING_SECONDS = 3600
"""The pause at least between the looks by which the position of the stream from silver goes on beside decisions: each
reads the keys of the scores of its rows' days."""


def score_on(
    lake: Lake,
    source: Source,
    champion: Champion | str,
    trigger: Trigger,
    report: Callable[[str], None] = print,
) -> None:
    """Takes what comes to bronze, silver and scores, until a query fails or is stopped; then all are stopped.

    They are the streams of the main job, with its checkpoints. Where transactions come from a feed that can be read
    ahead, what is there is taken first, in turns; then each is decided as it comes, and bronze and silver follow.
    Without a champion (the text says why there is none) what comes gets as far as silver, which `report` is given: it
    is scored once this is called with one.

    Raises:
        LakehouseError: as `ingest`, `refine` and `score_new`.
    """
    if isinstance(champion, str):
        report(f"nothing is scored until this is started again with a champion: {champion}")
    elif feeds_ahead(source):
        check_trigger(source, trigger)
        check_features(champion, FEATURE_NAMES)
        _catch_up(lake, source, champion, report)
        keeping = replace(trigger, interval_seconds=max(trigger.interval_seconds, KEEPING_SECONDS))
        decisions = decision_query(lake, source, champion, trigger)
        following = following_query(lake, replace(trigger, interval_seconds=FOLLOWING_SECONDS))
        # Last, as it begins by removing its checkpoint: where another run is on, the streams before it fail to start.
        run_queries([*_into_silver(lake, source, keeping), following, decisions])
        return
    run_queries([*_into_silver(lake, source, trigger), *scoring_queries(lake, champion, trigger)])


def _into_silver(lake: Lake, source: Source, trigger: Trigger) -> list[Query]:
    queries = ingestion_queries(lake, source, trigger)
    for target in REFINED:
        queries += refinement_queries(lake, source, target, trigger)
    return queries


def _catch_up(lake: Lake, source: Source, champion: Champion, report: Callable[[str], None]) -> None:
    def note(step: str, result: Result) -> None:
        rows = "" if result.rows_out is None else f"{result.rows_out:,} rows"
        report(f"{step}: {', '.join(filter(None, [rows, result.note]))}")

    note("bronze", ingest(lake, source))
    if away := {name: found for name, found in unread(source, lake.settings).items() if name in feeds_ahead(source)}:
        # Decisions would begin behind records that nothing has looked at.
        raise FeedError("; ".join(f"{name}: {found.reason}" for name, found in away.items()))
    for target in REFINED:
        note(f"silver.{target}", refine(lake, source, target))
    note(TRANSACTION_SCORES.name, score_new(lake, champion))
