"""Of which kind an expression's values are, as far as two engines could treat them differently."""

from enum import Enum

from sqlglot import exp

Node = exp.Expr


class Kind(Enum):
    """Kinds of values. What comes together in one expression has to be of one, or it is converted silently."""

    WHOLE = "whole number"
    DECIMAL = "decimal"
    DOUBLE = "double"
    TEXT = "text"
    DATE = "date"
    TIME = "timestamp"
    TRUTH = "truth value"
    LIST = "array"
    STRUCT = "struct"
    NULL = "null"
    OTHER = "value of an unknown type"


NUMBERS = frozenset({Kind.WHOLE, Kind.DECIMAL, Kind.DOUBLE})
TIMES = frozenset({Kind.DATE, Kind.TIME})

_T = exp.DataType.Type
_KINDS = {
    Kind.WHOLE: (_T.TINYINT, _T.SMALLINT, _T.INT, _T.BIGINT, _T.INT128),
    Kind.DECIMAL: (_T.DECIMAL,),
    Kind.DOUBLE: (_T.DOUBLE, _T.FLOAT),
    Kind.TEXT: (_T.TEXT, _T.VARCHAR),
    Kind.DATE: (_T.DATE,),
    Kind.TIME: (_T.TIMESTAMPTZ,),
    Kind.TRUTH: (_T.BOOLEAN,),
    Kind.LIST: (_T.ARRAY, _T.LIST),
    Kind.STRUCT: (_T.STRUCT,),
    Kind.NULL: (_T.NULL,),
}
_BY_TYPE = {type_: kind_ for kind_, types in _KINDS.items() for type_ in types}


def kind(node: Node) -> Kind:
    """The kind of an expression whose type was found, or of a data type."""
    if isinstance(node, exp.Null):
        return Kind.NULL
    type_ = node if isinstance(node, exp.DataType) else node.type
    return _BY_TYPE.get(type_.this, Kind.OTHER) if isinstance(type_, exp.DataType) else Kind.OTHER


def scale(node: Node) -> int:
    """Digits after the point of a decimal."""
    digits = [int(parameter.name) for parameter in node.type.expressions] if isinstance(node.type, exp.DataType) else []
    return digits[1] if len(digits) > 1 else 0


def is_of_table(column: Node) -> bool:
    """Whether an expression is a column of a stored table: of what is computed, the digits are not known."""
    if not isinstance(column, exp.Column):
        return False
    select = column.find_ancestor(exp.Select)
    sources = [source.this for source in _sources(select)] if select else []
    return any(isinstance(s, exp.Table) and s.db and s.alias_or_name == column.table for s in sources)


def _sources(select: exp.Select) -> list[Node]:
    start = select.args.get("from_")
    return [*([start] if start else []), *select.args.get("joins", ())]


def is_whole_literal(node: Node | None, least: int) -> bool:
    """Whether an expression is a whole number written out, of at least so much."""
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit() and int(node.name) >= least
