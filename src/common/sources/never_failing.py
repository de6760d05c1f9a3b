"""The checked expressions of a map as SQL that no record can make fail.

Some operations that a map may hold fail in Spark all the same, and end the batch: a time plus an interval beyond the
year 294247, a time of such a year that is read by a format, a date of such a year where it meets a time, and try_cast
of a text such as 1e2147483647 to a decimal. Here the first becomes try_add or try_subtract, and the others see only
texts with years of five digits at most, or numbers of a sane length.
"""

import re

import sqlglot
from sqlglot import exp

NUMBER = r"[+-]?([0-9]{1,400}([.][0-9]{0,400})?|[.][0-9]{1,400})([eE][+-]?[0-9]{1,3})?"
"""The numbers of JSON, with a sign and a bare point allowed, and of a sane length."""

_DISTANT_YEAR = r"^\s*[+-]?[0-9]{6,7}(-|\s*$)"
_DISTANT_SIGNED_YEAR = r"(^|[^0-9])[+-][0-9]{6,}"
_DISTANT_YEAR_AFTER_DIGITS = r"[+-][0-9]{6,}"


def never_failing(sql: str) -> str:
    """The expression with those operations replaced; as it was written where it has none of them."""
    tree = sqlglot.parse_one(sql, dialect="databricks")
    if not any(_is_risky(node) for node in tree.walk()):
        return sql
    return tree.transform(_replaced).sql(dialect="databricks")


def _is_risky(node: exp.Expr) -> bool:
    if isinstance(node, exp.TryCast):
        return node.to.is_type(exp.DataType.Type.DECIMAL, exp.DataType.Type.DATE)
    return isinstance(node, exp.Add | exp.Sub) or _is_read_time(node)


def _is_read_time(node: exp.Expr) -> bool:
    """Whether it is a try_to_date, or a try_to_timestamp with a format."""
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    return name == "try_to_date" or (name == "try_to_timestamp" and len(node.expressions) > 1)


def _replaced(node: exp.Expr) -> exp.Expr:
    if not _is_risky(node):
        return node
    if isinstance(node, exp.TryCast):
        inner = node.this.transform(_replaced)
        made: exp.Expr = exp.TryCast(this=inner, to=node.to.copy())
        if node.to.is_type(exp.DataType.Type.DATE):
            return exp.If(this=_matches(inner, _DISTANT_YEAR), true=exp.null(), false=made)
        return exp.If(this=_matches(inner, rf"^\s*{NUMBER}\s*$"), true=made, false=exp.null())
    if isinstance(node, exp.Anonymous):
        inner, *layout = [part.transform(_replaced) for part in node.expressions]
        made = exp.Anonymous(this=node.this, expressions=[inner, *layout])
        return exp.If(this=_matches(inner, _distant_year(layout)), true=exp.null(), false=made)
    name = "try_add" if isinstance(node, exp.Add) else "try_subtract"
    return exp.Anonymous(this=name, expressions=[node.this.transform(_replaced), node.expression.copy()])


def _matches(given: exp.Expr, pattern: str) -> exp.Expr:
    text = exp.cast(given.copy(), "string", dialect="databricks")
    return exp.Anonymous(this="rlike", expressions=[text, exp.Literal.string(pattern)])


def _distant_year(layout: list[exp.Expr]) -> str:
    """What a text matches that has a year of six digits or more; by a format, only a sign gives it more than four."""
    if not layout:
        return _DISTANT_YEAR
    is_after_digits = re.search("[A-Za-xz]yyyy", layout[0].unnest().name)
    return _DISTANT_YEAR_AFTER_DIGITS if is_after_digits else _DISTANT_SIGNED_YEAR
