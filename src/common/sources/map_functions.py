"""Functions that maps have and SQL has not; here they become SQL that no record can make fail.

`add_seconds(base, n)` and its like: a base date plus an offset, which is a field or a number. `minor_units(x, n)`: an
amount in units of which 10^n make one, such as cents. `round(x, n)`: rounded half away from zero. `source_ref()`: where
the record was, as bronze knows it. `row_number()`: the record's number in its file, from 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlglot import exp

from common.sources.field_paths import DIALECT
from common.sources.value_format import ValueFormat

UNITS: Mapping[str, int] = {
    "add_seconds": 1_000_000,
    "add_minutes": 60_000_000,
    "add_hours": 3_600_000_000,
    "add_days": 86_400_000_000,
}
"""Functions that add an offset to a base date, with their unit in microseconds. A day has 24 hours."""
MINOR_UNITS, ROUND, SOURCE_REF, ROW_NUMBER = "minor_units", "round", "source_ref", "row_number"
MOST_DIGITS = {MINOR_UNITS: 4, ROUND: 10}
NAMES = frozenset({*UNITS, *MOST_DIGITS, SOURCE_REF, ROW_NUMBER})


def name_of(tree: exp.Expr) -> str | None:
    """The name of a function of this file; None for any other node."""
    if isinstance(tree, exp.RowNumber):
        return ROW_NUMBER
    if isinstance(tree, exp.Round):
        return ROUND
    name = tree.name.lower() if isinstance(tree, exp.Anonymous) else ""
    return name if name in NAMES else None


def arguments_of(tree: exp.Expr) -> list[exp.Expr]:
    """The arguments of such a function, in order."""
    if isinstance(tree, exp.Round):
        return [tree.this, *([tree.args["decimals"]] if tree.args.get("decimals") else [])]
    if isinstance(tree, exp.RowNumber):
        return [tree.this] if tree.this else []
    return list(tree.expressions)


def base_date(text: str, timezone: str = "UTC") -> datetime:
    """The point in time that a base date names, by the feed's time zone where it names none.

    Raises:
        ValueError: it is no date or time of ISO 8601.
    """
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(timezone))


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    since = time.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@dataclass(frozen=True)
class Argument:
    """An argument whose own functions are SQL already, and whether it is a text, which the feed may spell its way."""

    sql: exp.Expr
    is_text: bool


def as_sql(name: str, arguments: Sequence[Argument], values: ValueFormat, record: str) -> exp.Expr:
    """A function of this file as SQL that never fails; `record` is the column that holds the bronze record."""
    if name == SOURCE_REF:
        return exp.column("source_ref", table=record)
    if name == ROW_NUMBER:
        reference = exp.column("source_ref", table=record)
        return _call("substring_index", reference, exp.Literal.string("#"), exp.Literal.number(-1))
    if name in UNITS:
        return _added(arguments[0].sql, _number(arguments[1], values), UNITS[name], values)
    digits = int(arguments[1].sql.name) if len(arguments) > 1 else 0
    if name == ROUND:
        return _call("round", _number(arguments[0], values), exp.Literal.number(digits))
    unit = exp.Literal.number(f"{10**-digits:.{digits}f}")
    return _call("try_multiply", _number(arguments[0], values, "DECIMAL(28, 8)"), unit)


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _added(base: exp.Expr, offset: exp.Expr, unit: int, values: ValueFormat) -> exp.Expr:
    if isinstance(base.unnest(), exp.Literal):
        start: exp.Expr = exp.Literal.number(micros(base_date(base.unnest().name, values.timezone)))
    else:
        start = _call("unix_micros", exp.cast(base, "timestamp", dialect=DIALECT))
    product = _call("try_multiply", offset, exp.Literal.number(unit))
    added = exp.TryCast(this=_call("floor", product), to=exp.DataType.build("bigint", dialect=DIALECT))
    return _call("timestamp_micros", _call("try_add", exp.cast(start, "bigint", dialect=DIALECT), added))


def _number(given: Argument, values: ValueFormat, type_: str = "DECIMAL(38, 10)") -> exp.Expr:
    to = exp.DataType.build(type_, dialect=DIALECT)
    if not given.is_text:
        return exp.TryCast(this=given.sql, to=to)
    text = plain = _call("trim", given.sql)
    if not values.has_usual_numbers:
        plain = _call("translate", text.copy(), exp.Literal.string(values.signs), exp.Literal.string("."))
    is_number = _call("rlike", text.copy(), exp.Literal.string(f"^{values.number}$"))
    return exp.If(this=is_number, true=exp.TryCast(this=plain, to=to), false=exp.null())
