"""The checked expressions of a map as SQL that no record can make fail.

Some operations that a map may hold fail in Spark all the same, and end the batch: a time plus an interval beyond the
year 294247, a time of such a year that is read by a format, a date of such a year where it meets a time, and try_cast
of a text such as 1e2147483647 to a decimal. Here the first becomes try_add or try_subtract, and the others see only
texts with years of five digits at most, or numbers of a sane length. Functions that only maps have become SQL, and
times without an offset are those of the feed's time zone.
"""

import re

import sqlglot
from sqlglot import exp

from common.sources import map_functions as own
from common.sources.field_paths import DIALECT
from common.sources.kinds import TEXT, kind_of
from common.sources.value_format import USUAL, UTC, ValueFormat

_DISTANT_YEAR = r"^\s*[+-]?[0-9]{6,7}(-|\s*$)"
_WITH_OFFSET = r"[:T ][0-9]{1,2}([.][0-9]*)?\s*[A-Za-z+-]"
_TIMESTAMPS = (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPTZ, exp.DataType.Type.TIMESTAMPLTZ)
_DISTANT_SIGNED_YEAR = r"(^|[^0-9])[+-][0-9]{6,}"
_DISTANT_YEAR_AFTER_DIGITS = r"[+-][0-9]{6,}"


def never_failing(sql: str, values: ValueFormat = USUAL, record: str = "") -> str:
    """The expression with those operations replaced; as it was written where it has none of them.

    `record` names the column that holds the bronze record, for the functions that ask where it was.
    """
    tree = sqlglot.parse_one(sql, dialect=DIALECT)
    if not any(_is_replaced(node, values) for node in tree.walk()):
        return sql
    return _in_spark(tree, values, record).sql(dialect=DIALECT)


def _in_spark(tree: exp.Expr, values: ValueFormat, record: str) -> exp.Expr:
    def replaced(node: exp.Expr) -> exp.Expr:
        if name := own.name_of(node):
            given = [own.Argument(part.transform(replaced), kind_of(part) == TEXT) for part in own.arguments_of(node)]
            return own.as_sql(name, given, values, record)
        if not _is_replaced(node, values):
            return node
        if isinstance(node, exp.TryCast):
            return _cast(node, node.this.transform(replaced), values)
        if isinstance(node, exp.Anonymous):
            inner, *layout = [part.transform(replaced) for part in node.expressions]
            return _read(node, inner, layout, values)
        name = "try_add" if isinstance(node, exp.Add) else "try_subtract"
        return exp.Anonymous(this=name, expressions=[node.this.transform(replaced), node.expression.copy()])

    return tree.transform(replaced)


def _is_replaced(node: exp.Expr, values: ValueFormat) -> bool:
    return _is_risky(node) or own.name_of(node) is not None or (values.timezone != UTC and _gives_local_time(node))


def _is_risky(node: exp.Expr) -> bool:
    if isinstance(node, exp.TryCast):
        return node.to.is_type(exp.DataType.Type.DECIMAL, exp.DataType.Type.DATE)
    return isinstance(node, exp.Add | exp.Sub) or _is_read_time(node)


def _is_read_time(node: exp.Expr) -> bool:
    """Whether it is a try_to_date, or a try_to_timestamp with a format."""
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    return name == "try_to_date" or (name == "try_to_timestamp" and len(node.expressions) > 1)


def _gives_local_time(node: exp.Expr) -> bool:
    """Whether it makes a point in time of a text, which may name no offset."""
    if isinstance(node, exp.TryCast):
        return node.to.this in _TIMESTAMPS
    return isinstance(node, exp.Anonymous) and node.name.lower() == "try_to_timestamp"


def _cast(node: exp.TryCast, inner: exp.Expr, values: ValueFormat) -> exp.Expr:
    made: exp.Expr = exp.TryCast(this=inner, to=node.to.copy())
    if node.to.is_type(exp.DataType.Type.DATE):
        return exp.If(this=_matches(inner, _DISTANT_YEAR), true=exp.null(), false=made)
    if node.to.is_type(exp.DataType.Type.DECIMAL):
        return exp.If(this=_matches(inner, rf"^\s*{USUAL.number}\s*$"), true=made, false=exp.null())
    return _local(inner, made, values) if kind_of(node.this) == TEXT else made


def _read(node: exp.Anonymous, inner: exp.Expr, layout: list[exp.Expr], values: ValueFormat) -> exp.Expr:
    made: exp.Expr = exp.Anonymous(this=node.this, expressions=[inner, *layout])
    if _is_read_time(node):
        made = exp.If(this=_matches(inner, _distant_year(layout)), true=exp.null(), false=made)
    if values.timezone == UTC or not _gives_local_time(node):
        return made
    if layout:
        has_offset = re.search("[XxZzV]", re.sub("'[^']*'", "", layout[0].unnest().name))
        return made if has_offset else _in_utc(made, values)
    return _local(inner, made, values)


def _local(text: exp.Expr, time: exp.Expr, values: ValueFormat) -> exp.Expr:
    """The time that was made of a text: as it is where the text names an offset, else by the feed's time zone."""
    distant = exp.If(this=_matches(text, _DISTANT_YEAR), true=exp.null(), false=_in_utc(time, values))
    return exp.If(this=_matches(text, _WITH_OFFSET), true=time.copy(), false=distant)


def _in_utc(time: exp.Expr, values: ValueFormat) -> exp.Expr:
    return exp.Anonymous(this="to_utc_timestamp", expressions=[time, exp.Literal.string(values.timezone)])


def _matches(given: exp.Expr, pattern: str) -> exp.Expr:
    text = exp.cast(given.copy(), "string", dialect=DIALECT)
    return exp.Anonymous(this="rlike", expressions=[text, exp.Literal.string(pattern)])


def _distant_year(layout: list[exp.Expr]) -> str:
    """What a text matches that has a year of six digits or more; by a format, only a sign gives it more than four."""
    if not layout:
        return _DISTANT_YEAR
    is_after_digits = re.search("[A-Za-xz]yyyy", layout[0].unnest().name)
    return _DISTANT_YEAR_AFTER_DIGITS if is_after_digits else _DISTANT_SIGNED_YEAR
