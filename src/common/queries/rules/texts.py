"""Texts and arrays."""

import re

from sqlglot import exp

from common.queries.kinds import Kind, Node, is_whole_literal, kind
from common.queries.rules.basics import Rules, call, must, name_of


def _texts(node: Node) -> None:
    parts = (
        node.expressions
        if isinstance(node, exp.Concat)
        else [node.this, *([node.expression] if node.expression else [])]
    )
    must({kind(part) for part in parts} <= {Kind.TEXT, Kind.NULL}, f"{name_of(node)} of what is no text")


def _like(node: Node) -> None:
    _texts(node)
    must(isinstance(node.expression, exp.Literal) and "\\" not in node.expression.name, "a pattern with a backslash")


def _regular_expression(node: Node) -> None:
    _texts(node)
    pattern = node.expression
    plain = isinstance(pattern, exp.Literal) and re.fullmatch(r"\^?[\w .*+|()\[\]-]*", pattern.name) is not None
    must(plain and "++" not in pattern.name, "a regular expression of Java's")


def _part_of_text(node: Node) -> None:
    _texts(exp.Lower(this=node.this))
    start, length = node.args.get("start"), node.args.get("length")
    must(
        is_whole_literal(start, 1) and (length is None or is_whole_literal(length, 0)), "a part of a text from its end"
    )


def _lists(node: Node) -> Node | None:
    must(kind(node.this) is Kind.LIST, f"{name_of(node)} of what is no array")
    return call("spark_array_contains", node.this, node.expression) if isinstance(node, exp.ArrayContains) else None


RULES: Rules = {
    **dict.fromkeys((exp.Lower, exp.Upper, exp.Length, exp.Concat, exp.DPipe, exp.StartsWith), _texts),
    **dict.fromkeys((exp.Like, exp.ILike), _like),
    **dict.fromkeys((exp.ArrayContains, exp.ArraySize, exp.Explode), _lists),
    exp.RegexpLike: _regular_expression,
    exp.Substring: _part_of_text,
}
