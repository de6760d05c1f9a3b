"""Bronze to silver: what a silver notebook runs."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.bronze.readings import read_otherwise, way_to_reread
from common.contracts.bronze import bronze_table
from common.contracts.ops import BATCHES, REPLAYED_RECORDS, UNMAPPED_FIELDS
from common.contracts.silver import QUARANTINE, REFERENCES, TARGETS
from common.errors import DeclarationError
from common.result import Result
from common.silver.accept import Flow, acceptance
from common.silver.conform import conform
from common.silver.date_order import order_warning
from common.silver.reread import read_before
from common.silver.traces import finish_replays
from common.sources.declaration import Source
from common.sources.field_paths import Path as FieldPath
from common.sources.files.feed_of_files import DeclaredFiles
from common.sources.files.guesses import DELIMITERS, likely_delimiter
from common.sources.name_hints import in_backticks
from common.sources.records import fields_of, record_decoder
from common.storage.batches import Counts, QueryCounts, counts_by_query, counts_of, total
from common.storage.checkpoints import adopt_earlier_flow, check_checkpoint
from common.storage.field_names import shown_names
from common.storage.lake import Lake
from common.storage.last_success import Step
from common.storage.progress import has_begun
from common.storage.quarantine import forget_quarantined
from common.storage.source_claim import check_source
from common.storage.streams import AVAILABLE_NOW, Query, Trigger, batch_query, query_id, run_queries
from common.storage.unmapped import unmapped_fields

SAMPLE_RECORDS = 1000


@dataclass(frozen=True)
class Outcome(Result):
    """What became of the records of a run: `rows_in` were read, `rows_out` accepted.

    `note` says why there was nothing to do, or what a person should know.
    """

    duplicates: int = 0
    quarantined: int = 0
    not_selected: int = 0

    def __str__(self) -> str:
        counts = (
            f"{self.rows_in:,} records read: {self.rows_out:,} accepted, {self.duplicates:,} duplicates, "
            f"{self.quarantined:,} quarantined, {self.not_selected:,} not selected"
        )
        return f"{counts}; {self.note}" if self.note and self.rows_in else self.note or counts


def refinement(source: Source, target: str) -> Step:
    """What taking a target's feed into silver depends on, and what it makes."""
    feeds = source.feeds_of(target)
    writes = [TARGETS[target].name, *([REFERENCES[target].history.name] if target in REFERENCES else [])]
    return Step(
        f"silver.{target}",
        reads=tuple(bronze_table(feed).name for feed in feeds),
        writes=tuple(writes),
        shares=(QUARANTINE.name, BATCHES.name, UNMAPPED_FIELDS.name),
        streams=tuple(f"silver/{target}/{feed}" for feed in feeds),
        declaration=source.model_dump_json(),
    )


def refine(lake: Lake, source: Source, target: str, trigger: Trigger = AVAILABLE_NOW) -> Outcome:
    """Takes what is new in the feeds of a target through map, cleaning and checks into its silver table.

    Each feed has a stream of its own. A record whose key another feed has brought is a duplicate.

    Raises:
        DeclarationError: the map names a field that no record has.
        LakehouseError: a batch failed for a reason that a person can mend.
        CheckpointError: the target is gone, though its stream has run.
        SchemaError: the target doesn't fit its contract.
        SourceError: the workspace has data of another source.
    """
    _prepare(lake, source, target)
    table = TARGETS[target]
    flows = flows_of(lake, source, target)
    if not flows:
        return Outcome(0, 0, note=f"the source {source.name} has no feed for {target}: nothing to do")
    warnings = [_check_fields(lake, source, flow, target) for flow in flows]
    queries = counts_by_query(lake, table)
    known_before = {flow.feed: set(unmapped_fields(lake, flow.feed)) for flow in flows}
    planned = (
        _query(lake, source, flow, target, trigger, counted=queries, known_fields=known_before[flow.feed])
        for flow in flows
    )
    if trigger.goes_on:
        run_queries(planned)
    else:  # one after the other: no two look for the same keys at once
        for query in planned:
            run_queries([query])
    before, after = total(one.counts for one in queries), counts_of(lake, table)
    note = ""
    if after.records_read > before.records_read:
        found = (field for feed, known in known_before.items() for field in {*unmapped_fields(lake, feed)} - known)
        new_fields = sorted({*found})
        unused = f"new fields that no map uses: {', '.join(new_fields)}" if new_fields else ""
        note = "; ".join(filter(None, [unused, *warnings]))
    counts = {name: getattr(after, name) - getattr(before, name) for name in Counts.__dataclass_fields__}
    return Outcome(counts.pop("records_read"), counts.pop("accepted"), note, **counts)


def refinement_queries(lake: Lake, source: Source, target: str, trigger: Trigger) -> list[Query]:
    """The queries of `refine`, not started yet, for a caller who runs them beside others; none where no feed makes it.

    Raises:
        DeclarationError, CheckpointError, SchemaError, SourceError: as `refine`.
    """
    _prepare(lake, source, target)
    flows = flows_of(lake, source, target)
    for flow in flows:
        _check_fields(lake, source, flow, target)
    counts = counts_by_query(lake, TARGETS[target]) if flows else []
    known = {flow.feed: set(unmapped_fields(lake, flow.feed)) for flow in flows}
    return [
        _query(lake, source, flow, target, trigger, counted=counts, known_fields=known[flow.feed]) for flow in flows
    ]


def _prepare(lake: Lake, source: Source, target: str) -> None:
    """Checks that the target fits its stream, and makes the tables that are not there."""
    check_source(lake, source.name)
    table, feeds = TARGETS[target], source.feeds_of(target)
    adopt_earlier_flow(lake, target, feeds)
    for feed in feeds:
        checkpoint = _checkpoint(lake, target, feed)
        check_checkpoint(lake, table, checkpoint)
        if target in REFERENCES:
            check_checkpoint(lake, REFERENCES[target].history, checkpoint)
    lake.ensure(table, QUARANTINE, BATCHES, UNMAPPED_FIELDS)
    if target in REFERENCES:
        lake.ensure(REFERENCES[target].history)
    lake.ensure(*map(bronze_table, feeds))


def _query(
    lake: Lake,
    source: Source,
    flow: Flow,
    target: str,
    trigger: Trigger,
    *,
    counted: Sequence[QueryCounts],
    known_fields: Collection[str],
) -> Query:
    checkpoint, table, feed = flow.checkpoint, flow.target, source.feeds[flow.feed]
    if not has_begun(checkpoint):
        # The query reads everything again, and quarantines again what it must; what was replayed, it counts as its own.
        if lake.exists(REPLAYED_RECORDS):
            finish_replays(lake, source.name, flow.feed, table)
        forget_quarantined(lake, flow.feed, table.name)
    query = query_id(checkpoint) if has_begun(checkpoint) else None
    own = [other for other in counted if other.feed == flow.feed]
    flow = replace(flow, read_before=read_before(own, query, datetime.now(UTC).date()))
    # Fields that are recorded already need not be looked for in every batch.
    stream = lake.stream(bronze_table(flow.feed))
    rows = conform(stream, feed.into[target], table, feed, {*feed.fields, *known_fields})
    return batch_query(lake, rows, checkpoint, acceptance(flow), trigger)


def flows_of(lake: Lake, source: Source, target: str) -> list[Flow]:
    """The flows into a target, one for each feed that makes it."""
    feeds = source.feeds_of(target)
    return [
        Flow(
            source.name,
            feed,
            TARGETS[target],
            _checkpoint(lake, target, feed),
            has_customers=bool(source.feeds_of("customers")),
            has_others=len(feeds) > 1,
        )
        for feed in feeds
    ]


def _checkpoint(lake: Lake, target: str, feed: str) -> str:
    return lake.settings.checkpoint("silver", target, feed)


def _check_fields(lake: Lake, source: Source, flow: Flow, target: str) -> str:
    """A misspelt field would quarantine every record; a sample of them shows it before that happens.

    Returns a warning of what the sample can't say: in which order its dates are. Else an empty text.
    """
    feed_name, feed = flow.feed, source.feeds[flow.feed]
    bronze = lake.table(bronze_table(feed_name)).where("read_error IS NULL")
    seen: dict[str, None] = {}
    records: list[dict[str, str | None]] = []
    decoder = record_decoder()
    for row in bronze.select("payload").limit(SAMPLE_RECORDS).collect():
        try:
            records.append(fields_of(row["payload"], decoder))
        except ValueError:
            continue
        seen.update(dict.fromkeys(records[-1]))
    for column in TARGETS[target].essential:
        fields = feed.into[target].expressions[column].fields
        if seen and fields and not seen.keys() & set(fields) and not _is_anywhere(bronze, fields):
            raise DeclarationError(
                f"sources/{source.name}.yml: feeds.{feed_name}.into.{target}.map.{column}: no column {fields[0]!r} in "
                f"the records of {bronze_table(feed_name).name}; they have: {shown_names(seen)}"
                f"{_ways_on(lake, source, feed_name, seen)}"
                f"{_dotted(feed.into[target].expressions[column].paths, seen)}"
            )
    return order_warning(records, feed.into[target], TARGETS[target], feed)


def _dotted(paths: Sequence[FieldPath], seen: Collection[str]) -> str:
    """The way out where a field's own name has a dot in it, and the map took it for a path."""
    names = (".".join(map(str, path)) for path in paths)
    return next((f"; a field with a dot in its name is written {in_backticks(n)}" for n in names if n in seen), "")


def _ways_on(lake: Lake, source: Source, feed_name: str, seen: Collection[str]) -> str:
    """What is likely wrong where records lack the fields that a map names."""
    feed = source.feeds[feed_name]
    other = read_otherwise(source.at(feed_name, lake.settings), feed)
    is_csv = isinstance(feed, DeclaredFiles) and feed.format == "csv"
    likely = likely_delimiter(list(seen)) if is_csv and len(seen) == 1 else None
    hint = ""
    if likely and likely[0] != (getattr(feed, "delimiter", None) or ","):
        written = DELIMITERS[likely[0]]
        hint = f"this is one field: the delimiter is likely {written}, and `delimiter: {written}` declares it"
    elif likely and not other:
        # By a release that did not note how.
        other = f"they were read with another delimiter than is declared. {way_to_reread(lake.settings, feed_name)}"
    return "".join(f"; {words}" for words in (hint, other) if words)


def _is_anywhere(bronze: DataFrame, fields: Sequence[str]) -> bool:
    """Whether a record names one of the fields: then many records lack it, and nobody misspelt it."""
    named = [F.col("payload").contains(json.dumps(field, ensure_ascii=False)) for field in fields]
    return not bronze.where(reduce(Column.__or__, named)).isEmpty()
