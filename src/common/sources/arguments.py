"""Arguments of a map's functions that must be literals, or whole numbers: with another value the function fails."""

from collections.abc import Callable

from sqlglot import exp

from common.sources import map_functions as own
from common.sources.patterns import format_error, groups_in, like_error, pattern_error, replacement_error

LONGEST_PADDING = 10_000
_LARGEST_INT = 2**31 - 1
_WHOLE: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Substring: ("start", "length"),
    exp.Left: ("expression",),
    exp.Right: ("expression",),
}
_INT_TYPES = (exp.DataType.Type.INT, exp.DataType.Type.SMALLINT, exp.DataType.Type.TINYINT)
_FORMATTED = ("try_to_timestamp", "try_to_date")


def argument_error(tree: exp.Expr) -> str | None:  # noqa: PLR0911 - one line a function
    """What is wrong with the arguments of an operator or a function by itself; None for nothing."""
    if isinstance(tree, exp.Like | exp.ILike):
        return _literal_error("pattern", tree.expression, like_error)
    if isinstance(tree, exp.RegexpLike):
        return _literal_error("pattern", tree.expression, pattern_error)
    if isinstance(tree, exp.RegexpReplace):
        return _replace_error(tree)
    if isinstance(tree, exp.RegexpExtract):
        return _extract_error(tree)
    if isinstance(tree, exp.Pad):
        return _number_error("length", tree.expression, 0, LONGEST_PADDING)
    if isinstance(tree, exp.SHA2) and tree.args.get("length"):
        return _hash_error(tree.args["length"])
    if isinstance(tree, exp.Anonymous) and tree.name.lower() in _FORMATTED and len(tree.expressions) > 1:
        return _literal_error("format", tree.expressions[1], format_error)
    if name := own.name_of(tree):
        return _own_error(name, own.arguments_of(tree))
    parts = [tree.args.get(name) for name in _WHOLE.get(type(tree), ())]
    return next((_not_whole(part) for part in parts if part is not None and not _is_whole(part)), None)


_LITERAL = "write it as one text in quotes"


def _literal_error(name: str, given: exp.Expr, error_of: Callable[[str], str | None]) -> str | None:
    given = given.unnest()
    if not isinstance(given, exp.Literal) or not given.is_string:
        return f"takes its {name} from {given.sql(dialect='databricks')!r}, which a record could make fail; {_LITERAL}"
    wrong = error_of(str(given.this))
    return f"has the {name} {given.this!r}, which is refused: {wrong}" if wrong else None


def _replace_error(tree: exp.RegexpReplace) -> str | None:
    if wrong := _literal_error("pattern", tree.expression, pattern_error):
        return wrong
    position = tree.args.get("position")
    if position and (wrong := _number_error("position", position, 1, _LARGEST_INT)):
        return wrong
    if tree.args.get("replacement") is None:
        return None
    groups = groups_in(str(tree.expression.unnest().this))
    return _literal_error("replacement", tree.args["replacement"], lambda text: replacement_error(text, groups))


def _extract_error(tree: exp.RegexpExtract) -> str | None:
    if wrong := _literal_error("pattern", tree.expression, pattern_error):
        return wrong
    groups = groups_in(str(tree.expression.unnest().this))
    # Spark's default is the first group.
    return _number_error("group", tree.args.get("group") or exp.Literal.number(1), 0, groups)


def _hash_error(length: exp.Expr) -> str | None:
    # With another length Spark gives null, for every record.
    if _number(length) in (0, 224, 256, 384, 512):
        return None
    return f"has {length.sql(dialect='databricks')!r} as its length; it must be 224, 256, 384 or 512"


def _own_error(name: str, given: list[exp.Expr]) -> str | None:
    if name in own.UNITS:
        if len(given) != 2:
            return f"must have a base date and an offset, such as {name}('2024-01-01', step)"
        base = given[0].unnest()
        return _literal_error("base date", base, _date_error) if isinstance(base, exp.Literal) else None
    if name in (own.SOURCE_REF, own.ROW_NUMBER):
        return f"takes no argument; write {name}()" if given else None
    least = 1 if name == own.ROUND else 2
    if not least <= len(given) <= 2:
        return f"must have an amount and a number of digits, such as {name}(amount, 2)"
    return _number_error("number of digits", given[1], 0, own.MOST_DIGITS[name]) if len(given) > 1 else None


def _date_error(text: str) -> str | None:
    try:
        own.base_date(text)
    except ValueError:
        return "it is no date of ISO 8601, such as 2024-01-01 or 2024-01-01T08:30:00+01:00"
    return None


def _number_error(name: str, given: exp.Expr, least: int, most: int) -> str | None:
    number = _number(given)
    if number is not None and least <= number <= most:
        return None
    shown = given.sql(dialect="databricks")
    return f"has {shown!r} as its {name}; it must be written as a whole number from {least} to {most:,}"


def _number(given: exp.Expr) -> int | None:
    given = given.unnest()
    if isinstance(given, exp.Neg):
        number = _number(given.this)
        return None if number is None else -number
    is_whole = isinstance(given, exp.Literal) and not given.is_string and str(given.this).isdecimal()
    return int(str(given.this)) if is_whole else None


def _is_whole(given: exp.Expr) -> bool:
    given = given.unnest()
    number = _number(given)
    if number is not None:
        return abs(number) <= _LARGEST_INT
    return isinstance(given, exp.Length | exp.Null) or (isinstance(given, exp.TryCast) and given.to.this in _INT_TYPES)


def _not_whole(given: exp.Expr) -> str:
    shown = given.sql(dialect="databricks")
    return f"counts by {shown!r}, which a record could make fail; write a whole number, or try_cast(... AS INT)"
