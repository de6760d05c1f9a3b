"""An erasure from plan to end: gold, silver with its quarantine, bronze, staged rows, earlier versions, counts."""

import shutil
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.bronze import bronze_table
from common.contracts.ops import BATCHES
from common.contracts.registry import all_tables
from common.contracts.silver import BY_ENTITY, QUARANTINE, REFERENCES, TARGETS
from common.contracts.table import Table
from common.gold.star_schema import mend_star
from common.privacy.person import Person, knows_people
from common.silver.conform import BRONZE, conform
from common.silver.history import rebuild_history
from common.sources.declaration import Source
from common.sources.source_ref import path_of
from common.storage.batches import Counts
from common.storage.erasure import IDS, FlowCounts, Plan, close_plan, count, drop_plan, erase, keep, open_plans
from common.storage.lake import Lake
from common.storage.last_success import FOLDER
from common.storage.leftovers import remove_staged
from common.storage.quarantine import quarantined
from common.storage.readers import readers, require_read
from common.storage.vacuum import vacuum_at_once


@dataclass(frozen=True)
class Erased:
    """What an erasure did: rows removed by table, the counts of each flow, and the sender's files with the records."""

    erasure_id: str
    rows: dict[str, int]
    flows: tuple[FlowCounts, ...]
    files: tuple[tuple[str, int], ...]

    @property
    def records(self) -> int:
        """Bronze records erased."""
        by_feed = {flow.feed: flow.counts.records_read for flow in self.flows}
        return sum(by_feed.values())


def plan_erasure(
    lake: Lake,
    source: Source,
    erasure_id: str,
    records: DataFrame,
    *,
    customer_id: str = "",
    ids: DataFrame | None = None,
) -> Plan:
    """Writes down what is to be erased.

    Args:
        lake: the tables.
        source: the source that the records came from.
        erasure_id: the id of the erasure.
        records: feed and record_id.
        customer_id: whose they are; empty: nobody's.
        ids: kind and value of what else is to go; a kind is a column of `ID_COLUMNS`, or a history whose key it is.
    """
    kept = keep(lake, erasure_id, "records", records.distinct())
    others = ids if ids is not None else lake.spark.createDataFrame([], IDS)
    keep(lake, erasure_id, "ids", _changed_keys(lake, kept).unionByName(others).distinct())
    counted = {(row["feed"], row["target"]) for row in _counted_flows(lake).collect()}
    flows, files = [], []
    for feed in source.feeds:
        bronze = bronze_table(feed)
        if not lake.exists(bronze):
            continue
        with lake.staged(_bronze_records(lake, bronze, kept, feed), f"{bronze.name}.erased") as found:
            if found.isEmpty():
                continue
            if not source.feeds[feed].forget(source.at(feed, lake.settings), ()):
                path = path_of(F.col("source_ref"))
                files += [(row[0], row[1]) for row in found.groupBy(path).count().orderBy(path).collect()]
            targets = [name for name in source.feeds[feed].into if (feed, TARGETS[name].name) in counted]
            flows += [
                FlowCounts(feed, TARGETS[name].name, _verdicts(lake, source, feed, name, found)) for name in targets
            ]
    plan = Plan(erasure_id, source.name, customer_id, tuple(flows), tuple(files))
    close_plan(lake, plan)
    return plan


def _changed_keys(lake: Lake, records: DataFrame) -> DataFrame:
    """The keys whose history is to be derived again without these records."""
    found = lake.spark.createDataFrame([], IDS)
    for reference in filter(lambda reference: lake.exists(reference.changes), REFERENCES.values()):
        going = lake.table(reference.changes).join(records.select("record_id"), "record_id", "left_semi")
        found = found.unionByName(
            going.select(F.lit(reference.history.name).alias("kind"), F.col(reference.key).alias("value"))
        )
    return found


def _counted_flows(lake: Lake) -> DataFrame:
    return lake.table(BATCHES).where("kind = 'stream'").select("feed", "target").distinct()


def _bronze_records(lake: Lake, bronze: Table, records: DataFrame, feed: str) -> DataFrame:
    return lake.table(bronze).join(records.where(F.col("feed") == feed).select("record_id"), "record_id", "left_semi")


def _verdicts(lake: Lake, source: Source, feed: str, name: str, records: DataFrame) -> Counts:
    """What the records are in a target: accepted and quarantined by the tables, not selected by the map."""
    table = TARGETS[name]
    judged = conform(records, source.feeds[feed].into[name], table, source.feeds[feed]).select(
        f"{BRONZE}.record_id", "selected"
    )
    accepted = lake.table(table).select("record_id", F.lit(True).alias("accepted"))
    in_quarantine = quarantined(lake, table.name).select("record_id", F.lit(True).alias("quarantined"))
    verdict = (
        F.when(F.col("accepted"), "accepted")
        .when(F.col("quarantined"), "quarantined")
        .when(~F.col("selected"), "not_selected")
        .otherwise("duplicates")
    )
    verdicts = judged.join(accepted, "record_id", "left").join(in_quarantine, "record_id", "left")
    counts = {row[0]: row[1] for row in verdicts.groupBy(verdict).count().collect()}
    return Counts(records_read=sum(counts.values()), **counts)


def end_open_plans(lake: Lake, source: Source) -> list[Erased]:
    """Carries out the plans that a killed run left.

    Raises:
        CheckpointError: a stream has yet to read a table that would change.
    """
    left = open_plans(lake.settings)
    if left:
        require_read(lake, *(table for table in holding_people(lake, source) if readers(lake, table)))
    return [carry_out(lake, source, plan) for plan in left]


def carry_out(lake: Lake, source: Source, plan: Plan) -> Erased:
    """Erases what the plan says. Each step can be repeated: a run that was killed is begun again from its plan."""
    records = plan.records(lake)
    rows: dict[str, int] = {}
    if plan.customer_id:
        person = Person(plan.customer_id, plan.ids(lake, "account_id"), plan.ids(lake, "transaction_id"))
        for table in known_by_ids(lake):
            with lake.staged(person.rows_of(lake.table(table)).select(*table.key), f"{table.name}.erase") as theirs:
                rows[table.name] = erase(lake, table, theirs)
    feeds = [row[0] for row in records.select("feed").distinct().collect()]
    record_ids = records.select("record_id")
    for table in [*_targets(lake, source, feeds), QUARANTINE]:
        rows[table.name] = erase(lake, table, record_ids)
    changed = {entity: plan.ids(lake, r.history.name).toDF(r.key) for entity, r in BY_ENTITY.items()}
    changed = {entity: keys for entity, keys in changed.items() if not keys.isEmpty()}
    for entity, keys in changed.items():
        if lake.exists(BY_ENTITY[entity].history):
            rebuild_history(lake, BY_ENTITY[entity], keys)
    mend_star(lake, changed)
    for feed in filter(source.feeds.__contains__, feeds):
        _forget_landed(lake, source, feed, record_ids)
    for bronze in filter(lake.exists, map(bronze_table, filter(None, feeds))):
        rows[bronze.name] = erase(lake, bronze, record_ids)
    count(lake, plan)
    if plan.customer_id:
        remove_staged(lake.settings, older_than_hours=0)
        # Findings name keys as examples; what changed is checked again.
        shutil.rmtree(lake.settings.checkpoint(FOLDER), ignore_errors=True)
        for table in holding_people(lake, source):
            vacuum_at_once(lake, table)
    drop_plan(lake.settings, plan.erasure_id)
    return Erased(plan.erasure_id, {name: n for name, n in rows.items() if n}, plan.flows, plan.files)


def _forget_landed(lake: Lake, source: Source, name: str, record_ids: DataFrame) -> None:
    """Takes the records out of what was pulled, while bronze still says where they were."""
    feed, at, bronze = source.feeds[name], source.at(name, lake.settings), bronze_table(name)
    if lake.exists(bronze) and feed.forget(at, ()):
        found = lake.table(bronze).join(record_ids, "record_id", "left_semi").select("source_ref").collect()
        feed.forget(at, {row[0] for row in found})


def _targets(lake: Lake, source: Source, feeds: list[str]) -> list[Table]:
    """The tables that records of the feeds went into; a target without a feed has rows of a feed that is gone."""
    found = {name: source.feeds_of(name) for name in TARGETS}
    wanted = [TARGETS[name] for name, makers in found.items() if not makers or makers.keys() & {*feeds}]
    return [table for table in wanted if lake.exists(table)]


def known_by_ids(lake: Lake) -> list[Table]:
    """The tables that are derived from silver and know people by an id column: what is found there by it is theirs."""
    by_record = {QUARANTINE.name, *(table.name for table in TARGETS.values())}
    histories = {reference.history.name for reference in REFERENCES.values()}
    derived = [t for t in all_tables() if t.schema not in ("bronze", "ops") and t.name not in by_record | histories]
    return [table for table in derived if knows_people(table) and lake.exists(table)]


def holding_people(lake: Lake, source: Source) -> list[Table]:
    """Every table that can hold a person, in its earlier versions at least: bronze, silver and what is derived."""
    feeds = [name for name, feed in source.feeds.items() if any(knows_people(TARGETS[target]) for target in feed.into)]
    silver = [*TARGETS.values(), *(reference.history for reference in REFERENCES.values())]
    tables = [*map(bronze_table, feeds), QUARANTINE, *filter(knows_people, silver)]
    return [*filter(lake.exists, tables), *known_by_ids(lake)]
