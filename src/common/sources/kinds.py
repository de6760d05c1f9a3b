"""The kind of value that an expression of a map gives, and that no record can make it fail.

Under ANSI semantics one bad text in a plain CAST, a comparison with a number or a division ends a whole batch. So an
expression is accepted only if it is made of operations that answer with null instead of an error, and if each
operation gets the kind of value that it takes without a hidden conversion. Fields are text, top-level or nested.
"""

from collections.abc import Sequence
from difflib import get_close_matches

from sqlglot import exp

from common.errors import DeclarationError
from common.sources import map_functions as own
from common.sources.arguments import argument_error
from common.sources.field_paths import DIALECT, is_field, path_of

TEXT, NUMBER, TIME, BOOLEAN, INTERVAL, NULL = "text", "number", "time", "true or false", "interval", "null"

_RESULTS = {
    "trim": TEXT,
    "ltrim": TEXT,
    "rtrim": TEXT,
    "lower": TEXT,
    "upper": TEXT,
    "initcap": TEXT,
    "concat": TEXT,
    "concat_ws": TEXT,
    "substring": TEXT,
    "substr": TEXT,
    "left": TEXT,
    "right": TEXT,
    "replace": TEXT,
    "translate": TEXT,
    "regexp_replace": TEXT,
    "regexp_extract": TEXT,
    "lpad": TEXT,
    "rpad": TEXT,
    "sha2": TEXT,
    "md5": TEXT,
    "length": NUMBER,
    "try_to_timestamp": TIME,
    "try_to_date": TIME,
    "try_divide": NUMBER,
    "try_multiply": NUMBER,
    "try_add": NUMBER,
    "try_subtract": NUMBER,
    **dict.fromkeys(own.UNITS, TIME),
    own.MINOR_UNITS: NUMBER,
    own.ROUND: NUMBER,
    own.SOURCE_REF: TEXT,
    own.ROW_NUMBER: TEXT,
}
_SAME_KIND = {"coalesce", "nullif", "ifnull", "nvl", "if", "greatest", "least"}
FUNCTIONS = frozenset({*_RESULTS, *_SAME_KIND, "try_cast"})
"""The functions that maps have, in lower case."""
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_TRY_CAST_KINDS = {
    "timestamp": TIME,
    "timestampltz": TIME,
    "timestamptz": TIME,
    "timestampntz": TIME,
    "date": TIME,
    "boolean": BOOLEAN,
    "text": TEXT,
    "varchar": TEXT,
}


def _refuse(tree: exp.Expr, why: str) -> DeclarationError:
    return DeclarationError(f"{tree.sql(dialect=DIALECT, normalize_functions=False)!r} {why}")


def kind_of(tree: exp.Expr) -> str:
    """The kind of an expression's value: TEXT, NUMBER, TIME, BOOLEAN, INTERVAL or NULL.

    Raises:
        DeclarationError: it holds something that a record's text could make fail.
    """
    kind = _kind_of_parts(tree)
    if wrong := argument_error(tree):
        raise _refuse(tree, wrong)
    return kind


def _kind_of_parts(tree: exp.Expr) -> str:  # noqa: PLR0911, PLR0912 - one branch a kind of node, in reading order
    if is_field(tree):
        path_of(tree)
        return TEXT
    if isinstance(tree, exp.Literal):
        return TEXT if tree.is_string else NUMBER
    if isinstance(tree, exp.Null):
        return NULL
    if isinstance(tree, exp.Boolean):
        return BOOLEAN
    if isinstance(tree, exp.Neg) and isinstance(tree.this, exp.Literal):
        return NUMBER
    if isinstance(tree, exp.Interval) and isinstance(tree.this, exp.Literal):
        return INTERVAL
    if isinstance(tree, exp.Paren):
        return kind_of(tree.this)
    if isinstance(tree, exp.TryCast):
        kind_of(tree.this)
        return _TRY_CAST_KINDS.get(tree.to.this.name.lower(), NUMBER)
    if isinstance(tree, exp.Cast):
        raise _refuse(tree, "fails on a text that does not convert; write try_cast")
    if isinstance(tree, exp.Not):
        return _all(tree, [tree.this], BOOLEAN, BOOLEAN)
    if isinstance(tree, exp.And | exp.Or):
        return _all(tree, [tree.left, tree.right], BOOLEAN, BOOLEAN)
    if isinstance(tree, exp.Is):
        return _same(tree, [tree.this, tree.expression], BOOLEAN)
    if isinstance(tree, _COMPARISONS):
        return _same(tree, [tree.left, tree.right], BOOLEAN)
    if isinstance(tree, exp.Between):
        return _same(tree, [tree.this, tree.args["low"], tree.args["high"]], BOOLEAN)
    if isinstance(tree, exp.In):
        if tree.args.get("field"):
            raise _refuse(tree, "must name its values in brackets, such as ('Y', '1')")
        query = tree.args.get("query")
        return _same(tree, [tree.this, *tree.expressions, *([query] if query else [])], BOOLEAN)
    if isinstance(tree, exp.Like | exp.ILike | exp.RegexpLike):
        return _all(tree, [tree.this, tree.expression], TEXT, BOOLEAN)
    if isinstance(tree, exp.DPipe):
        return _all(tree, [tree.left, tree.right], TEXT, TEXT)
    if isinstance(tree, exp.Add | exp.Sub):
        if kind_of(tree.left) == TIME and kind_of(tree.right) == INTERVAL:
            return TIME
        raise _refuse(tree, "can overflow or fail on text; write try_add or try_subtract over try_cast")
    if isinstance(tree, exp.Div | exp.Mul | exp.Mod | exp.IntDiv):
        raise _refuse(tree, "can fail on a record; write try_divide or try_multiply over try_cast")
    if isinstance(tree, exp.Case):
        return _case(tree)
    if isinstance(tree, exp.Func):
        return _function(tree)
    raise _refuse(tree, f"is not supported in a map; use fields, literals, CASE and {_known()}")


def _case(tree: exp.Case) -> str:
    if tree.this is not None:
        _same(tree, [tree.this, *(branch.this for branch in tree.args["ifs"])], BOOLEAN)
    else:
        _all(tree, [branch.this for branch in tree.args["ifs"]], BOOLEAN, BOOLEAN)
    results = [branch.args["true"] for branch in tree.args["ifs"]]
    if tree.args.get("default") is not None:
        results.append(tree.args["default"])
    return _same(tree, results, None)


def _function(tree: exp.Func) -> str:
    name = _name(tree)
    arguments = [a for a in tree.iter_expressions() if isinstance(a, exp.Expr)]
    if name in _SAME_KIND:
        if name == "if":
            _all(tree, [tree.this], BOOLEAN, BOOLEAN)
            arguments = [a for a in (tree.args.get("true"), tree.args.get("false")) if a is not None]
        return _same(tree, arguments, None)
    if name not in _RESULTS:
        likely = "".join(f"did you mean {near}? The " for near in get_close_matches(name, FUNCTIONS, n=1))
        raise _refuse(tree, f"uses {name}, which is not known never to fail; {likely}functions are {_known()}")
    if own.name_of(tree):
        return _own_function(tree, name)
    for argument in arguments:
        kind = kind_of(argument)
        if name.startswith("try_") and name not in ("try_to_timestamp", "try_to_date") and kind == TEXT:
            raise _refuse(
                tree, "calculates with text; write try_cast around the field, such as try_cast(x AS DECIMAL(18,2))"
            )
    return _RESULTS[name]


def _own_function(tree: exp.Func, name: str) -> str:
    wanted = [TEXT, NUMBER, NULL]
    for number, argument in enumerate(own.arguments_of(tree)):
        is_base = name in own.UNITS and number == 0 and not isinstance(argument.unnest(), exp.Literal)
        kind, shown = kind_of(argument), argument.sql(dialect=DIALECT)
        if is_base and kind != TIME:
            raise _refuse(tree, f"adds to {shown!r}, which is {kind}; write try_to_timestamp around it")
        if not is_base and kind not in wanted:
            raise _refuse(tree, f"takes a number or a field, but {shown!r} is {kind}")
    return _RESULTS[name]


def _name(tree: exp.Func) -> str:
    """The function's name as Spark spells it: sqlglot gives some functions classes with other names."""
    if found := own.name_of(tree):
        return found
    if isinstance(tree, exp.Anonymous):
        return str(tree.name).lower()
    written = tree.sql(dialect=DIALECT).split("(", 1)[0].strip().lower()
    return written if written.isidentifier() else tree.sql_name().lower()


def _all(tree: exp.Expr, parts: Sequence[exp.Expr], wanted: str, result: str) -> str:
    for part in parts:
        if (kind := kind_of(part)) not in (wanted, NULL):
            raise _refuse(tree, f"takes {wanted}, but {part.sql(dialect=DIALECT)!r} is {kind}")
    return result


def _same(tree: exp.Expr, parts: Sequence[exp.Expr], result: str | None) -> str:
    kinds = [kind for kind in map(kind_of, parts) if kind != NULL]
    if len(set(kinds)) > 1:
        type_, what = ("BOOLEAN", "true or false") if BOOLEAN in kinds else ("DECIMAL(18,2)", "a number")
        raise _refuse(
            tree,
            f"mixes {' and '.join(dict.fromkeys(kinds))}; fields are text, so write try_cast around "
            f"one, such as try_cast(x AS {type_}), or quotes around {what}",
        )
    return result or (kinds[0] if kinds else NULL)


def _known() -> str:
    return ", ".join(sorted(FUNCTIONS))
