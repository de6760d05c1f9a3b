"""What all rules use."""

import re
from collections.abc import Callable

from sqlglot import exp

from common.queries.kinds import Node
from common.queries.statements import DIALECT

Rules = dict[type[Node], Callable[..., Node | None]]
"""A rule raises a Doubt, or gives what is put in an expression's place: None where it stays."""


class Doubt(Exception):
    """What DuckDB may answer otherwise, in words."""


def name_of(node: Node) -> str:
    """What to call an expression in a message: a function as Spark calls it."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    if isinstance(node, exp.TimeStrToTime) and isinstance(node.parent, exp.TimeToStr):
        return name_of(node.parent)  # nobody typed it: SQLGlot reads one function as two
    if isinstance(node, exp.Func) and (typed := re.match(r"([A-Z]\w*)\(", node.sql(dialect=DIALECT))):
        return typed[1].lower()
    return re.sub(r"\B(?=[A-Z])", "_", type(node).__name__).lower()


def must(holds: bool, doubt: str) -> None:
    """Raises a doubt, unless something holds."""
    if not holds:
        raise Doubt(doubt)


def call(name: str, *arguments: Node, gives: str = "") -> Node:
    """A call of a function that gives values of a type of DuckDB's."""
    call = exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])
    if gives:
        call.type = gives
    return call


def cast_to(type_: str, node: Node) -> Node:
    """A conversion to a type of DuckDB's."""
    made = exp.Cast(this=node.copy(), to=exp.DataType.build(type_))
    made.type = type_
    return made
