"""Arithmetic and aggregates: digits of decimals, rounding, division by zero."""

from sqlglot import exp

from common.queries.kinds import NUMBERS, TIMES, Kind, Node, is_of_table, is_whole_literal, kind, scale
from common.queries.rules.basics import Rules, call, cast_to, must, name_of


def _sum(node: Node) -> Node | None:
    """`+` and `-`: of numbers, or a time and an interval."""
    left, right = node.this, node.expression
    if isinstance(right, exp.Interval):
        unit = str(right.unit).upper().rstrip("S")
        must(kind(left) in TIMES and isinstance(right.this, exp.Literal), "an interval that is computed")
        if kind(left) is Kind.TIME:
            return None
        must(unit in ("DAY", "WEEK", "MONTH", "YEAR"), "hours added to a date")
        return cast_to("DATE", node)
    if isinstance(node, exp.Add | exp.Sub) and kind(left) is Kind.DATE and kind(right) is Kind.WHOLE:
        return None
    must({kind(left), kind(right)} <= NUMBERS, f"{name_of(node)} of what are no numbers")
    return None


def _product(node: Node) -> None:
    left, right = kind(node.this), kind(node.expression)
    must({left, right} <= NUMBERS, "a product of what are no numbers")
    if {left, right} == {Kind.DECIMAL}:
        known = all(
            is_of_table(part) or isinstance(part, exp.Cast | exp.Literal) for part in (node.this, node.expression)
        )
        must(known, "the digits of a product of decimals")


def _quotient(node: Node) -> Node:
    kinds = {kind(node.this), kind(node.expression)}
    must(kinds <= NUMBERS, "a quotient of what are no numbers")
    must(Kind.DECIMAL not in kinds or Kind.DOUBLE in kinds, "the digits of a quotient of decimals")
    return call("spark_divide", node.this, node.expression, gives="DOUBLE")


def _average(node: Node) -> Node | None:
    if kind(node.this) in (Kind.WHOLE, Kind.DOUBLE):
        return None
    plain = is_of_table(node.this) and not isinstance(node.parent, exp.Window | exp.Filter)
    must(kind(node.this) is Kind.DECIMAL and plain, "the digits of an average of decimals")
    digits = scale(node.this)
    unit = cast_to(f"DECIMAL({digits + 5}, {digits + 4})", exp.Literal.string(f"0.{'0' * (digits + 3)}1"))
    factor = exp.Literal.number(10**digits)
    return call("spark_average", node.this, factor, unit, gives=f"DECIMAL(22, {digits + 4})")


def _round(node: Node) -> Node | None:
    digits = node.args.get("decimals")
    must(digits is None or is_whole_literal(digits, 0), "round to digits that are not written out")
    if kind(node.this) is Kind.DOUBLE:
        return call("spark_round", node.this, digits or exp.Literal.number(0))
    must(kind(node.this) in NUMBERS, "round of what is no number")
    return None


def _to_whole(node: Node) -> Node | None:
    """Floor and ceiling: whole numbers, where DuckDB leaves doubles."""
    must(kind(node.this) in NUMBERS and not node.args.get("decimals"), f"{name_of(node)} of what is no number")
    return None if kind(node.this) is Kind.DECIMAL else cast_to("BIGINT", node)


def _remainder(node: Node) -> None:
    whole = kind(node.this) is Kind.WHOLE and is_whole_literal(node.expression, 1)
    must(whole, "a remainder of what are no whole numbers")


def _number(node: Node) -> None:
    must(kind(node.this) in NUMBERS, f"{name_of(node)} of what is no number")


def _percentile(node: Node) -> Node:
    share = node.args.get("quantile") or exp.Literal.number("0.5")
    must(kind(node.this) in NUMBERS and isinstance(share, exp.Literal), "several percentiles")
    return call("quantile_cont", cast_to("DOUBLE", node.this), share, gives="DOUBLE")


def _count(node: Node) -> None:
    distinct = node.this
    must(
        not node.expressions and not (isinstance(distinct, exp.Distinct) and len(distinct.expressions) > 1),
        "a count of several columns",
    )


RULES: Rules = {
    **dict.fromkeys((exp.Add, exp.Sub), _sum),
    **dict.fromkeys((exp.Floor, exp.Ceil), _to_whole),
    **dict.fromkeys((exp.Abs, exp.Neg, exp.Sum, exp.Stddev, exp.StddevPop, exp.Variance, exp.VariancePop), _number),
    **dict.fromkeys((exp.Median, exp.Quantile), _percentile),
    exp.Mul: _product,
    exp.Div: _quotient,
    exp.Mod: _remainder,
    exp.Avg: _average,
    exp.Round: _round,
    exp.Count: _count,
}
