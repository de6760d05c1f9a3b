"""Patterns and formats that a map's expressions hold as literals: whether Spark takes them, whatever the record.

Spark looks at a pattern only when a record needs it, so that a wrong one ends a batch long after the declaration was
read. Its regular expressions are Java's. What Python's `re` takes is near to that; where the two differ, only what
both take is accepted, so that nothing here needs a session.
"""

import re
import warnings

REPEATS = 100
"""How often a group may repeat: Java goes a call deeper with each repeat, and a long text would end the server."""

_CLASS = r"\[\^?\]?(?:\\.|[^\]\\])*+\]"
_ESCAPE_OR_CLASS = re.compile(rf"\\.|{_CLASS}", re.DOTALL)
_CATEGORY = re.compile(r"\\[pP]\{(?:L|Lu|Ll|M|N|Nd|P|S|Z|Alpha|Digit|Alnum|Upper|Lower|Punct|Space)\}|(\\.)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_ESCAPES = set("AbBdDsSwWZnrtfxu123456789")
_OF_PYTHON_ONLY = re.compile(r"\(\?(?!:|=|!|>|<=|<!|[ims]+[:)])")
_COUNT = r"\{\d{1,4}(?:,\d{0,4})?\}"
_WITHOUT_END = re.compile(r"\)(?:[*+]|\{\d+,\}|\{(?:\d+,)?(\d+)\})")

_FORMAT_RUNS = {
    *("yyyy", "yy", "M", "MM", "MMM", "MMMM", "d", "dd", "DDD", "H", "HH", "h", "hh", "m", "mm", "s", "ss", "a"),
    *("X", "XX", "XXX", "x", "xx", "xxx", "Z", "z", "VV", *("S" * count for count in range(1, 10))),
}


def pattern_error(pattern: str) -> str | None:
    """Why a regular expression is refused; None when Spark takes it."""
    plain = _without_categories(pattern)
    if differing := _read_differently(plain):
        return differing
    try:
        _compiled(plain)
    except (re.error, OverflowError, Warning) as error:
        return str(error)
    return None


def _read_differently(plain: str) -> str | None:
    """What Java reads otherwise than Python, or fails on."""
    bare = _ESCAPE_OR_CLASS.sub("x", plain)
    strange = [e for e in _ESCAPE.findall(plain) if e.isascii() and e.isalnum() and e not in _KNOWN_ESCAPES]
    if strange:
        return f"\\{strange[0]} is no escape that is known here"
    if any(_is_strange(found) for found in _ESCAPE_OR_CLASS.findall(plain)):
        return "a [class] holds a [, &&, \\b or \\1; write a plain one"
    if _OF_PYTHON_ONLY.search(bare):
        return "a group may begin with (, (?:, (?=, (?!, (?<=, (?<!, (?> or flags of i, m and s"
    if "{" in re.sub(_COUNT, "", bare):
        return "{ must be part of {n}, {n,} or {n,m}; write \\{ for the character"
    if any(not most or int(most) > REPEATS for most in _WITHOUT_END.findall(bare)):
        return f"a group is repeated without end, by which a long text ends Spark; repeat it {{0,{REPEATS}}} at most"
    return None


def _is_strange(escape_or_class: str) -> bool:
    if not escape_or_class.startswith("["):
        return False
    inner = escape_or_class[1:-1]
    return bool(re.search(r"&&|\[|\\[bB0-9]", re.sub(r"\\[^bB0-9]", "x", inner, flags=re.DOTALL)))


def _without_categories(pattern: str) -> str:
    """The pattern with a class of Python's in place of those by Unicode category, which Python has none of."""
    return _CATEGORY.sub(lambda found: found[1] or r"\w", pattern)


def _compiled(pattern: str) -> re.Pattern[str]:
    with warnings.catch_warnings():
        # A FutureWarning names what Java reads as sets within sets.
        warnings.simplefilter("error")
        return re.compile(pattern)


def groups_in(pattern: str) -> int:
    """How many groups a pattern has that `pattern_error` finds nothing wrong with."""
    return _compiled(_without_categories(pattern)).groups


def replacement_error(replacement: str, groups: int) -> str | None:
    """Why the text that a regular expression's matches become is refused: it names a group that is not there."""
    for dollar, escaped in re.findall(r"(\$.?)|(\\.?)", replacement, re.DOTALL):
        if escaped == "\\":
            return "it ends in \\; write \\\\ for the character"
        if dollar and not (dollar[1:].isdecimal() and dollar.isascii() and int(dollar[1:]) <= groups):
            return f"{dollar} names none of the pattern's {groups} groups; write \\$ for the character"
    return None


def like_error(pattern: str) -> str | None:
    """Why a pattern of LIKE is refused."""
    wrong = [e for e in re.findall(r"\\(.?)", pattern, re.DOTALL) if e not in ("%", "_", "\\")]
    return "\\ must stand before %, _ or another \\" if wrong else None


def format_error(layout: str) -> str | None:
    """Why a format of times is refused."""
    bare = re.sub(r"'[^']*'", "", layout)
    for found in re.finditer(r"([A-Za-z])\1*", bare):
        if found[0] not in _FORMAT_RUNS:
            return f"{found[0]} is no part of a time that is known here; there are yyyy, MM, dd, HH, mm, ss, SSS, XXX"
    if odd := re.search(r"['\[\]{}#]", bare) or re.search("[0-9]", layout):
        return f"{odd[0]} can't stand in it; coalesce(...) tries several formats"
    return None
