"""Bronze records as rows of a contract: mapped, cleaned, converted and checked, row by row.

Nothing is filtered here. A row carries its bronze record, whether the feed's `where` selects it, and every check
that it fails; `silver.accept` decides what becomes of it.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.checks.rows import PERSONAL_VALUE, all_failed, checks_for, failed, reason, shown
from common.contracts.bronze import COLUMNS as BRONZE_COLUMNS
from common.contracts.table import Check, Table
from common.contracts.table import Column as ContractColumn
from common.silver.clean import CLEANERS, plain_text
from common.silver.convert import converted
from common.silver.derive import DERIVATIONS
from common.sources.expressions import Expression
from common.sources.field_paths import Path, with_names
from common.sources.kinds import NUMBER, TIME
from common.sources.never_failing import never_failing
from common.sources.records import parse_payloads
from common.sources.target_map import TargetMap
from common.sources.value_format import USUAL, UTC, ValueFormat

BRONZE = "bronze"
"""Name of the struct column that carries the bronze record."""

UNMAPPED = "unmapped_fields"

CARRIED = ("record_id", "payload", "read_error", "source", "source_ref", "ingest_date")
_BRONZE_TYPE = f"struct<{', '.join(f'{c.name}: {c.type}' for c in BRONZE_COLUMNS if c.name in CARRIED)}>"


def conform(
    records: DataFrame, mapping: TargetMap, target: Table, values: ValueFormat, known_fields: Collection[str] = ()
) -> DataFrame:
    """Rows of the target from bronze records (batch or stream).

    `values` is how the feed's texts spell numbers and times: the feed itself. `known_fields` are fields that the feed's
    other maps read: they don't count as unmapped.

    Returns:
        The target's columns (without lineage), `bronze` (struct, its payload null where no check failed),
        `selected` (boolean), `failed_checks`, and `unmapped_fields` (array<string>, null where there are none).
    """
    parsed = _parsed(records, mapping.paths, {*known_fields, *mapping.fields})
    raw = parsed.select(
        BRONZE, "_parse_error", UNMAPPED, _selected(mapping, values), *_raw_columns(mapping, target, values)
    )
    mapped = [column for column in target.mappable if column.name in mapping.map]
    absent = {c.name: F.lit(None).cast(c.type) for c in target.mappable if c not in mapped}
    # A column a stage: an expression that is used often is then computed once, not inlined everywhere.
    cleaned = raw.withColumns({f"_text_{c.name}": CLEANERS[c.cleaned_as](F.col(f"_raw_{c.name}")) for c in mapped})
    spelt = {name: _spelling(expression, values) for name, expression in mapping.expressions.items()}
    typed = cleaned.withColumns(
        {c.name: converted(F.col(f"_text_{c.name}"), c.type, spelt[c.name]) for c in mapped} | absent
    )
    derived = DERIVATIONS[target.name](typed, values)
    names = [name for name in target.column_names if name in derived.columns]
    failures = _failures(target, mapped).alias("failed_checks")
    judged = derived.select(*names, BRONZE, UNMAPPED, "selected", failures)
    # Only a quarantined record's payload is needed again; the others' would make up most of what is staged.
    payload = F.when(F.size("failed_checks") > 0, F.col(f"{BRONZE}.payload"))
    return judged.withColumn(BRONZE, F.col(BRONZE).withField("payload", payload))


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """A column's name for each value of the record: no field's name can meet a column of the product, or another's."""
    return {path: f"_field_{number}" for number, path in enumerate(paths)}


def _parsed(records: DataFrame, paths: Sequence[Path], known: Collection[str]) -> DataFrame:
    names = [f"{name} string" for name in _names(paths).values()]
    schema = [f"{BRONZE} {_BRONZE_TYPE}", *names, "_parse_error string", f"{UNMAPPED} array<string>"]
    packed = records.select(F.struct(*CARRIED).alias(BRONZE))
    return packed.mapInArrow(_payload_parser(paths, frozenset(known)), ", ".join(schema))


def _payload_parser(
    paths: Sequence[Path], known: Collection[str]
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    fields = [path if len(path) > 1 else str(path[0]) for path in paths]
    names = [BRONZE, *_names(paths).values(), "_parse_error", UNMAPPED]

    def parse(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            record = batch.column(0)
            readable = [
                payload if error is None else None
                for payload, error in zip(
                    record.field("payload").to_pylist(), record.field("read_error").to_pylist(), strict=True
                )
            ]
            parsed = parse_payloads(readable, fields, known)
            yield pa.RecordBatch.from_arrays([record, *parsed.columns, parsed.errors, parsed.unmapped], names=names)

    return parse


def _is_record() -> Column:
    return F.col(f"{BRONZE}.read_error").isNull() & F.col("_parse_error").isNull()


def _selected(mapping: TargetMap, values: ValueFormat) -> Column:
    # What could not be read might have been selected: it is quarantined, never skipped.
    chosen = F.coalesce(_value(mapping, mapping.where, values), F.lit(False)) if mapping.where else F.lit(True)
    return (~_is_record() | chosen).alias("selected")


def _raw_columns(mapping: TargetMap, target: Table, values: ValueFormat) -> list[Column]:
    return [_raw(mapping, target.column(name), values).alias(f"_raw_{name}") for name in mapping.map]


def _raw(mapping: TargetMap, column: ContractColumn, values: ValueFormat) -> Column:
    expression = mapping.expressions[column.name]
    if expression.kind != TIME or values.timezone == UTC:
        return _value(mapping, expression.sql, values).cast("string")
    if column.type == "date":
        # A date is the one that is written: it has no time that a zone could move.
        return _value(mapping, expression.sql, USUAL).cast("string")
    # A time is in UTC now; a date alone is still to be read by the feed's time zone.
    text = _value(mapping, expression.sql, values).cast("string")
    return F.when(F.contains(text, F.lit(":")), F.concat(text, F.lit("Z"))).otherwise(text)


def _value(mapping: TargetMap, sql: str, values: ValueFormat) -> Column:
    return F.expr(never_failing(with_names(sql, _names(mapping.paths)), values, BRONZE))


def _spelling(expression: Expression, values: ValueFormat) -> ValueFormat:
    """How an expression's value is spelt: numbers that are calculated are written as SQL writes them."""
    return USUAL if expression.kind == NUMBER else values


def _is_lost(column: ContractColumn) -> Column:
    """Whether the record had a value that could not be converted."""
    return F.col(column.name).isNull() & plain_text(F.col(f"_raw_{column.name}")).isNotNull()


def _failures(target: Table, mapped: Sequence[ContractColumn]) -> Column:
    unreadable = [
        F.when(error.isNotNull(), reason(name, error))
        for name, error in (("readable", F.col(f"{BRONZE}.read_error")), ("well_formed", F.col("_parse_error")))
    ]
    by_name = {column.name: column for column in mapped}
    lost = [F.when(_is_record() & _is_lost(column), _lost_reason(column)) for column in mapped]
    broken = [
        F.when(_is_record() & ~_any_lost(check, by_name), failed(check, _personal(target)))
        for check in checks_for(target, {column.name for column in mapped} | _derived(target))
    ]
    return all_failed([*unreadable, *lost, *broken])


def _any_lost(check: Check, mapped: dict[str, ContractColumn]) -> Column:
    """A value that could not be converted has its reason already; the column's other checks would repeat it."""
    columns = [mapped[name] for name in check.columns if name in mapped]
    return reduce(lambda left, right: left | right, map(_is_lost, columns), F.lit(False))


def _personal(target: Table) -> set[str]:
    return {column.name for column in target.columns if column.personal}


def _derived(target: Table) -> set[str]:
    return {column.name for column in target.columns if column.derived}


def _lost_reason(column: ContractColumn) -> Column:
    kinds = {"country": "an ISO 3166 country", "currency": "an ISO 4217 currency"}
    kind = kinds.get(column.cleaned_as, column.type)
    value = F.lit(PERSONAL_VALUE) if column.personal else shown(F.col(f"_raw_{column.name}"))
    text = F.concat(F.lit(f"{column.name}="), value, F.lit(f" can't be read as {kind}"))
    return reason(f"{column.name}_convertible", text)
