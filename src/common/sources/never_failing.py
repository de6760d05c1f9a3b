"""The checked expressions of a map as SQL that no record can make fail.

Two operations that a map may hold fail in Spark all the same, and end the batch: a time plus an interval beyond the
year 294247, and try_cast of a text such as 1e2147483647 to a decimal. Here the first becomes try_add or try_subtract,
and the second sees only texts that are numbers of a sane length.
"""

import sqlglot
from sqlglot import exp

NUMBER = r"^\s*[+-]?([0-9]{1,400}([.][0-9]{0,400})?|[.][0-9]{1,400})([eE][+-]?[0-9]{1,3})?\s*$"


def never_failing(sql: str) -> str:
    """The expression with those operations replaced; as it was written where it has none of them."""
    tree = sqlglot.parse_one(sql, dialect="databricks")
    if not any(_is_risky(node) for node in tree.walk()):
        return sql
    return tree.transform(_replaced).sql(dialect="databricks")


def _is_risky(node: exp.Expr) -> bool:
    if isinstance(node, exp.TryCast):
        return node.to.is_type(exp.DataType.Type.DECIMAL)
    return isinstance(node, exp.Add | exp.Sub)


def _replaced(node: exp.Expr) -> exp.Expr:
    if not _is_risky(node):
        return node
    if isinstance(node, exp.TryCast):
        inner = node.this.transform(_replaced)
        text = exp.cast(inner.copy(), "string", dialect="databricks")
        number = exp.Anonymous(this="rlike", expressions=[text, exp.Literal.string(NUMBER)])
        return exp.If(this=number, true=exp.TryCast(this=inner, to=node.to.copy()), false=exp.null())
    name = "try_add" if isinstance(node, exp.Add) else "try_subtract"
    return exp.Anonymous(this=name, expressions=[node.this.transform(_replaced), node.expression.copy()])
