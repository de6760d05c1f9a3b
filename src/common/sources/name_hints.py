"""What to write for a field whose name is no name in SQL: most mistakes in a first map are such names."""

import re

LONGEST_NAME = 120
_WORDS = r"(?i)\b(case|when|then|and|or|not|like|rlike|between|as|is)\b|\b(select|drop)\s|[<>=!]=? |::"
_CALCULATES = re.compile(r"[-+*/%]\s*[0-9]+([.][0-9]+)?\s*\)*\s*$")


def in_backticks(name: str) -> str:
    """A field's name as a map has it, in the quotes that YAML needs around it."""
    doubled = name.replace("`", "``")
    return quoted(f"`{doubled}`")


def quoted(text: str) -> str:
    """A text in double quotes as YAML reads it, in one line."""
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    return (
        f"\\x{ord(letter):02x}"
        if ord(letter) < 256
        else f"\\u{ord(letter):04x}"
        if ord(letter) < 65536
        else f"\\U{ord(letter):08x}"
    )


def may_be_a_name(sql: str, functions: frozenset[str]) -> bool:
    """Whether the text of an expression that is refused looks rather like one field's name.

    `functions` are those that maps have, in lower case.
    """
    if not _is_one_line(sql) or re.search("['\"`]", sql):
        return False
    if sql.count("(") != sql.count(")"):
        return False
    called = {name.lower() for name in re.findall(r"(\w+)\s*\(", sql)}
    return not (called & functions or re.search(_WORDS, sql) or _CALCULATES.search(sql))


def has_words_of_a_name(sql: str) -> bool:
    """Whether such a text may be a name though it has words or signs of SQL in it: `Date and Time`, `it's`."""
    if not _is_one_line(sql) or re.search(r"[\"`<>=]|::|\w\(|(?i:\b(then|select|drop)\b)", sql) or sql.count("'") > 1:
        return False
    return sql.count("(") == sql.count(")") and not (re.search("[^\\W\\d]", sql) and _CALCULATES.search(sql))


def name_with_brackets(sql: str, functions: frozenset[str]) -> str | None:
    """A word and brackets behind a blank, as in `Betrag (EUR) > 0`: rather a name than a call."""
    found = re.search(r"([^\W\d]\w*) \([^()]*\)", sql)
    is_sql = found is None or found[1].lower() in functions or re.search(_WORDS, found[1]) or found[1].lower() == "in"
    return None if found is None or is_sql else found[0]


def _is_one_line(sql: str) -> bool:
    return 0 < len(sql.strip()) <= LONGEST_NAME and all(
        c.isprintable() or (c.isspace() and c not in "\r\n") for c in sql
    )


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
