"""What DuckDB answers as Spark does, and how a query is put so that it does.

SQLGlot writes another dialect's words; it doesn't know that DuckDB rounds where Spark cuts, has null for a division by
zero, which Spark refuses, and a double for an average of decimals. So each kind of expression is here by name, as it is
or with what has to hold for it. Of anything else nobody knows that the rows are the same.
"""

from sqlglot import exp

from common.queries.kinds import Node
from common.queries.rules import numbers, texts, times, values
from common.queries.rules.basics import Doubt, Rules, must, name_of
from common.queries.same_nodes import SAME


def put_alike(query: exp.Query) -> tuple[str, ...]:
    """Changes a query, whose columns have types, so that DuckDB answers as Spark; gives what may differ still."""
    doubts = []
    # From the inside out: what is put otherwise is never looked at again.
    for node in reversed(list(query.walk())):
        if type(node) in SAME:
            continue
        try:
            rule = _RULES.get(type(node))
            if rule is None:
                raise Doubt(name_of(node))
            if (instead := rule(node)) is not None:
                instead.type = instead.type or node.type
                node.replace(instead)
        except Doubt as doubt:
            doubts.append(str(doubt))
    return tuple(dict.fromkeys(doubts))


def _stored(node: Node) -> None:
    special = [name for name in ("version", "when", "pivots", "sample", "changes") if node.args.get(name)]
    must(not special, "a table's earlier version, sample or pivot")


def _lateral(node: Node) -> None:
    must(not node.args.get("outer"), "LATERAL VIEW OUTER")


def _function(node: Node) -> Node:
    """Functions that SQLGlot has no name of its own for."""
    name = node.name.lower()
    must(name in ("isnull", "isnotnull") and len(node.expressions) == 1, name)
    null = exp.Is(this=node.expressions[0].copy(), expression=exp.Null())
    return exp.Paren(this=null if name == "isnull" else exp.Not(this=null))


_RULES: Rules = {
    **values.RULES,
    **numbers.RULES,
    **times.RULES,
    **texts.RULES,
    exp.Table: _stored,
    exp.Lateral: _lateral,
    exp.Anonymous: _function,
}
