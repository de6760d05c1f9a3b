"""What to write for a field whose name is no name in SQL: most mistakes in a first map are such names."""

import json
import re

LONGEST_NAME = 120
_WORDS = r"(?i)\b(case|when|then|and|or|not|like|rlike|between|as|is)\b|\b(select|drop)\s|[<>=!]=? |::"
_CALCULATES = re.compile(r"[-+*/%]\s*[0-9]+([.][0-9]+)?\s*\)*\s*$")


def in_backticks(name: str) -> str:
    """A field's name as a map has it, in the quotes that YAML needs around it."""
    doubled = name.replace("`", "``")
    return json.dumps(f"`{doubled}`", ensure_ascii=False)


def may_be_a_name(sql: str, functions: frozenset[str]) -> bool:
    """Whether the text of an expression that is refused looks rather like one field's name.

    `functions` are those that maps have, in lower case.
    """
    if not 0 < len(sql.strip()) <= LONGEST_NAME or not sql.isprintable() or re.search("['\"`]", sql):
        return False
    if sql.count("(") != sql.count(")"):
        return False
    called = {name.lower() for name in re.findall(r"(\w+)\s*\(", sql)}
    return not (called & functions or re.search(_WORDS, sql) or _CALCULATES.search(sql))


def may_be_an_expression(sql: str) -> bool:
    """Whether such a text may be meant as an expression all the same: it calculates, or chooses."""
    return re.search(r"(?i) [-+*/%] |\w\[| in ", sql) is not None


def calls(sql: str) -> bool:
    """Whether such a text looks like a call: most names with brackets have a blank before them."""
    return re.match(r"[A-Za-z_]+\(.*\)$", sql) is not None


def quoting_error(sql: str) -> str | None:
    """Why the quotes of an expression are wrong; None when each is closed."""
    for quote, kind in (("`", "name"), ("'", "text")):
        outside = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`", "", sql, flags=re.DOTALL)
        if quote in outside:
            return f"a {quote} is not closed; a {kind} stands between two of them, such as {quote}a b{quote}"
    return None
