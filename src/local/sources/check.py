"""What a source's declaration makes of the first records of its files; nothing is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.contracts.silver import TARGETS
from common.settings import Settings
from common.silver.date_order import order_warning
from common.sources.chunks import REFUSED
from common.sources.declaration import Source
from common.sources.feed import Feed, Sight
from common.sources.files.first_records import FileLook, Record
from common.sources.files.guesses import is_data
from common.sources.masking import visible_fields
from common.sources.records import fields_of, record_decoder
from common.storage.masking import masked_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EXAMPLE_CHARACTERS = 60


@dataclass(frozen=True)
class FieldLook:
    """A field of the records: in how many it has a value, an example (masked where it may be personal), its use."""

    name: str
    records: int
    example: str
    is_used: bool


@dataclass(frozen=True)
class ColumnLook:
    """A column of a target: what fills it, in how many records, and an example (masked where it is personal)."""

    name: str
    made_from: str
    filled: int
    example: str


@dataclass(frozen=True)
class TargetLook:
    """What would become of the records in one target. `refused` counts records by check, each with one reason."""

    name: str
    selected: int
    accepted: int
    columns: tuple[ColumnLook, ...]
    refused: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class FeedLook:
    """What was seen of a feed: its server, its files (of how many), warnings, fields, and what its maps make."""

    name: str
    feed: Feed
    place: str
    things: tuple[Sight, ...]
    file_count: int
    files: tuple[FileLook, ...]
    warnings: tuple[str, ...] = ()
    fields: tuple[FieldLook, ...] = ()
    targets: tuple[TargetLook, ...] = ()

    @property
    def readable(self) -> int:
        """How many of the records could be read."""
        return sum(record.error is None for look in self.files for record in look.records)


def look_at_feed(source: Source, name: str, settings: Settings) -> FeedLook:
    """What there is of a feed, its fields and warnings, without Spark: `targets` is empty.

    Raises:
        LakehouseError: its server can't be reached, or refuses.
    """
    feed, at = source.feeds[name], source.at(name, settings)
    sights = feed.look(at)
    records = _fields(sights.looks)
    warnings = [*sights.warnings, *_missing(records, feed)]
    for target, mapping in feed.into.items():
        if warning := order_warning(records, mapping, TARGETS[target], feed):
            warnings.append(f"{target}.{warning}")
    return FeedLook(
        name,
        feed,
        feed.place(at),
        tuple(sights.things),
        sights.files,
        tuple(sights.looks),
        tuple(warnings),
        _field_looks(records, feed),
    )


def _fields(looks: Sequence[FileLook]) -> list[dict[str, str | None]]:
    decoder, found = record_decoder(), []
    for look in looks:
        for record in look.records:
            if record.error is None and record.payload is not None:
                try:
                    found.append(fields_of(record.payload, decoder))
                except ValueError:  # conform says why
                    continue
    return found


def _missing(records: Sequence[dict[str, str | None]], feed: Feed) -> list[str]:
    seen = {name for record in records for name in record}
    gone = [name for name in feed.fields if name not in seen] if records else []
    return [f"no record has {', '.join(map(repr, gone))}, which the map reads"] if gone else []


def _field_looks(records: Sequence[dict[str, str | None]], feed: Feed) -> tuple[FieldLook, ...]:
    visible, used = visible_fields(feed), set(feed.fields)
    filled = Counter(name for record in records for name, value in record.items() if value)
    names = dict.fromkeys(name for record in records for name in record)
    looks = []
    for name in names:
        value = next((record[name] for record in records if record.get(name)), None) or ""
        shown = value if name in visible else masked_text(value)
        is_name = name in used or not is_data(name)
        looks.append(FieldLook(name if is_name else masked_text(name), filled[name], _cut(shown), name in used))
    return tuple(looks)


def look_at_target(spark: "SparkSession", look: FeedLook, target: str) -> TargetLook:
    """What a feed's map makes of its first records, by the code that silver runs."""
    from common.silver.conform import conform

    feed, table = look.feed, TARGETS[target]
    mapping = feed.into[target]
    records = [record for file in look.files for record in _with_refusal(file)]
    rows = conform(_bronze(spark, records), mapping, table, feed, feed.fields).where("selected")
    kept = [column.name for column in table.mappable if column.name in mapping.map]
    judged = rows.select(*(rows[name].cast("string").alias(name) for name in kept), "failed_checks").toArrow()
    values = {name: [value for value in judged[name].to_pylist() if value is not None] for name in kept}
    columns = [
        ColumnLook(
            name,
            mapping.map[name],
            len(values[name]),
            _example(values[name], is_personal=table.column(name).personal),
        )
        for name in kept
    ]
    failed: list[list[dict[str, str]]] = judged["failed_checks"].to_pylist()
    return TargetLook(
        target, judged.num_rows, sum(not checks for checks in failed), tuple(columns), tuple(_by_check(failed))
    )


def _by_check(failed: Sequence[Sequence[dict[str, str]]]) -> list[tuple[str, int, str]]:
    counts = Counter(check["name"] for checks in failed for check in checks)
    reasons = {check["name"]: check["reason"] for checks in failed for check in checks}
    return [(name, count, reasons[name]) for name, count in counts.most_common()]


def _with_refusal(file: FileLook) -> list[Record]:
    refused = [] if file.refusal is None else [Record(file.path, 0, None, f"{REFUSED}{file.refusal}")]
    return [*refused, *file.records]


def _bronze(spark: "SparkSession", records: Sequence[Record]) -> Any:
    rows = [
        (f"{number:09}", record.payload, record.error, "source", f"{record.path}#{record.ordinal}", None)
        for number, record in enumerate(records)
    ]
    schema = "record_id string, payload string, read_error string, source string, source_ref string, ingest_date date"
    return spark.createDataFrame(rows, schema)


def _example(values: Sequence[str], *, is_personal: bool) -> str:
    value = values[0] if values else ""
    return _cut(masked_text(value) if is_personal else value)


def _cut(text: str) -> str:
    return text if len(text) <= EXAMPLE_CHARACTERS else f"{text[:EXAMPLE_CHARACTERS]}…"
