"""Values that are compared, chosen from or converted: of one kind, or as both engines convert them."""

import re

from sqlglot import exp

from common.queries.kinds import NUMBERS, TIMES, Kind, Node, kind
from common.queries.rules.basics import Rules, call, must


def _one_kind(node: Node) -> None:
    """Values that are compared or chosen from are of one kind; a text that is written out may stand for a time."""
    if isinstance(node, exp.Between):
        values = [node.this, node.args["low"], node.args["high"]]
    elif isinstance(node, exp.Case):
        values = [branch.args["true"] for branch in node.args["ifs"]] + [v for v in [node.args.get("default")] if v]
        if node.this:
            _of_one_kind([node.this, *(branch.this for branch in node.args["ifs"])])
    elif isinstance(node, exp.If):
        if isinstance(node.parent, exp.Case):
            return
        values = [v for v in (node.args["true"], node.args.get("false")) if v]
    else:
        values = [node.this, *([node.expression] if node.args.get("expression") else []), *node.expressions]
    _of_one_kind(values)


def _in(node: Node) -> None:
    values = [node.this, *node.expressions]
    if query := node.args.get("query"):
        # Elsewhere Spark says false where SQL has a null.
        above = node.parent
        while isinstance(above, exp.And | exp.Not | exp.Paren):
            above = above.parent
        must(isinstance(above, exp.Where), "IN with a query that is no condition of WHERE by itself")
        values.append(query.unnest().selects[0])
    _of_one_kind(values)


def _by_another(node: Node) -> Node:
    """Spark's max_by gives a null that stands beside the greatest; DuckDB's passes over it."""
    must(not node.args.get("count"), "max_by or min_by of several")
    name = "arg_max_null" if isinstance(node, exp.ArgMax) else "arg_min_null"
    return call(name, node.this, node.args["expression"])


def _set_operation(node: Node) -> None:
    for left, right in zip(node.this.unnest().selects, node.expression.unnest().selects, strict=False):
        _of_one_kind([left, right])


def _of_one_kind(values: list[Node]) -> None:
    kinds = {kind(value) for value in values} - {Kind.NULL}
    if kinds & TIMES and Kind.TEXT in kinds:
        texts = [value for value in values if kind(value) is Kind.TEXT]
        if all(_is_time(text) for text in texts):
            kinds -= {Kind.TEXT}
    families = {Kind.WHOLE if k in NUMBERS else Kind.DATE if k in TIMES else k for k in kinds}
    words = " and ".join(sorted(k.value for k in kinds))
    must(len(families) <= 1 and Kind.OTHER not in families, f"{words} compared or mixed")


def _is_time(node: Node) -> bool:
    pattern = r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(\.\d{1,6})?)?"
    return isinstance(node, exp.Literal) and re.fullmatch(pattern, node.name) is not None


def _cast(node: Node) -> Node | None:
    before, after = kind(node.this), kind(node.args["to"])
    if isinstance(node.this, exp.Literal) and not node.this.is_string and after in NUMBERS:
        return None
    if isinstance(node.this, exp.Literal) and node.this.is_string and after in TIMES:
        must(_is_time(node.this), f"'{node.this.name}' as a time")
        return None
    if after is Kind.WHOLE and before in (Kind.DOUBLE, Kind.DECIMAL):  # Spark cuts, DuckDB rounds
        return exp.Cast(this=call("trunc", node.this), to=node.args["to"].copy())
    alike = (
        before is after
        or before is Kind.NULL
        or (before is Kind.WHOLE and after in (*NUMBERS, Kind.TEXT))
        or (before is Kind.DECIMAL and after is Kind.DOUBLE)
        or (before in TIMES and after in TIMES)
        or (before in (Kind.DATE, Kind.TRUTH) and after is Kind.TEXT)
    )
    must(alike, f"a {before.value} converted to a {after.value}")
    return None


RULES: Rules = {
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ), _one_kind),
    **dict.fromkeys((exp.Between, exp.Coalesce, exp.Case, exp.If, exp.Nullif, exp.Greatest, exp.Least), _one_kind),
    **dict.fromkeys((exp.Union, exp.Intersect, exp.Except), _set_operation),
    exp.In: _in,
    exp.ArgMax: _by_another,
    exp.ArgMin: _by_another,
    exp.Cast: _cast,
}
