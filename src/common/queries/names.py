"""The names that Spark gives to the columns of a query."""

from sqlglot import exp

from common.queries.kinds import Node

_OPERATORS: dict[type[Node], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.EQ: "=", exp.GT: ">", exp.GTE: ">=",
    exp.LT: "<", exp.LTE: "<=", exp.NullSafeEQ: "<=>", exp.And: "AND", exp.Or: "OR",
}  # fmt: skip
_FUNCTIONS = exp.Count | exp.Sum | exp.Avg | exp.Min | exp.Max | exp.Round | exp.Lower | exp.Upper | exp.Abs


def column_names(query: exp.Query) -> tuple[str | None, ...]:
    """Of each expression in the query's SELECT the name of its column; None for a star, which stands for several."""
    return tuple(None if selected.is_star else _name(selected) for selected in query.selects)


def _name(selected: Node) -> str:
    """Its alias, its own name, or what it is computed by, as Spark writes the usual ones."""
    if isinstance(selected, exp.Alias | exp.Column | exp.Dot):
        return selected.alias_or_name
    return "col" if isinstance(selected, exp.Explode) else _written(selected)


def _written(node: Node) -> str:
    """An expression as Spark writes it: texts without quotes, functions in small letters, brackets around operators."""
    if isinstance(node, exp.Paren | exp.Literal):
        return node.name if isinstance(node, exp.Literal) else _written(node.this)
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return "count(1)"
    if operator := _OPERATORS.get(type(node)):
        return f"({_written(node.this)} {operator} {_written(node.args['expression'])})"
    if isinstance(node, _FUNCTIONS):
        given = [node.this, *(digits for digits in (node.args.get("decimals"),) if digits)]
        return f"{type(node).__name__.lower()}({', '.join(map(_written, given))})"
    if isinstance(node, exp.Distinct):
        return "DISTINCT " + ", ".join(map(_written, node.expressions))
    return node.sql(dialect="databricks", normalize_functions="lower")
