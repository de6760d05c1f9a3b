"""Bronze to silver: what a silver notebook runs."""

from dataclasses import dataclass

from common.contracts.bronze import bronze_table
from common.contracts.ops import BATCHES
from common.contracts.silver import QUARANTINE, REFERENCES, TARGETS
from common.errors import DeclarationError
from common.silver.accept import Flow, batch_processor
from common.silver.conform import conform
from common.sources.declaration import Source
from common.sources.records import fields_of, record_decoder
from common.storage.batches import Counts, counts_of
from common.storage.lake import Lake
from common.storage.streams import AVAILABLE_NOW, Trigger, process_stream, wait_for
from common.storage.world import check_world

SAMPLE_RECORDS = 1000


@dataclass(frozen=True)
class Outcome:
    """What a run added to a target; `note` says why there was nothing to do, where there was not."""

    records_read: int
    accepted: int
    duplicates: int = 0
    quarantined: int = 0
    not_selected: int = 0
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return self.note
        return (
            f"{self.records_read:,} records read: {self.accepted:,} accepted, {self.duplicates:,} duplicates, "
            f"{self.quarantined:,} quarantined, {self.not_selected:,} not selected"
        )


def refine(lake: Lake, source: Source, target: str, trigger: Trigger = AVAILABLE_NOW) -> Outcome:
    """Takes what is new in the feed of a target through map, cleaning and checks into its silver table.

    Raises:
        DeclarationError: the map names a field that no record has.
        LakehouseError: a batch failed for a reason that a person can mend.
        WorldError: the workspace holds another world.
    """
    check_world(lake, source.name)
    table = TARGETS[target]
    lake.ensure(table, QUARANTINE, BATCHES)
    if target in REFERENCES:
        lake.ensure(REFERENCES[target].history)
    if (found := source.feed_of(target)) is None:
        return Outcome(0, 0, note=f"the source {source.name} has no feed for {target}: nothing to do")
    feed_name, feed = found
    bronze = bronze_table(feed_name)
    lake.ensure(bronze)
    _check_fields(lake, source, target)
    checkpoint = lake.settings.checkpoint("silver", target)
    flow = Flow(source.name, feed_name, table, checkpoint, has_customers=source.feed_of("customers") is not None)
    before = counts_of(lake, table)
    rows = conform(lake.stream(bronze), feed.into[target], table)
    wait_for([process_stream(rows, batch_processor(lake.settings, flow), checkpoint, trigger)])
    after = counts_of(lake, table)
    return Outcome(*(getattr(after, name) - getattr(before, name) for name in Counts.__dataclass_fields__))


def _check_fields(lake: Lake, source: Source, target: str) -> None:
    """A misspelt field would quarantine every record; a sample of them tells before that happens."""
    found = source.feed_of(target)
    if found is None:
        return
    feed_name, feed = found
    bronze = lake.table(bronze_table(feed_name)).where("read_error IS NULL")
    seen: dict[str, None] = {}
    decoder = record_decoder()
    for row in bronze.select("payload").limit(SAMPLE_RECORDS).collect():
        try:
            seen.update(dict.fromkeys(fields_of(row["payload"], decoder)))
        except ValueError:
            continue
    for column in TARGETS[target].essential:
        fields = feed.into[target].expressions[column].fields
        if seen and fields and not seen.keys() & set(fields):
            raise DeclarationError(
                f"sources/{source.name}.yml: feeds.{feed_name}.into.{target}.map.{column}: no column {fields[0]!r} in "
                f"the records of {feed.folder(lake.settings.landing)}; they have: {', '.join(sorted(seen))}"
            )
