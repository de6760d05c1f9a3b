"""What a text is likely to be, for messages to people: nothing is read by a guess."""

import re
from collections.abc import Collection, Iterable, Sequence

DELIMITERS = {
    ";": '";"',
    "\t": r'"\t"',
    "|": '"|"',
    ",": '","',
    "~": '"~"',
    "^": '"^"',
    "\x01": r'"\x01"',
    "\x1f": r'"\x1f"',
}
"""Characters that part fields, and how YAML writes them."""

_DATA = re.compile(
    r"[-+]?[\d.,' ]*\d[\d.,' ]*[%€$£]?"  # a number
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?"  # a date or a time
    r"|[^@\s]+@[^@\s]+\.[^@\s]+",  # an e-mail address
)


def likely_delimiter(names: Sequence[str]) -> tuple[str, int] | None:
    """A character that parts names of a header into more fields than there are names, and how often it is there."""
    counts = {delimiter: sum(name.count(delimiter) for name in names) for delimiter in DELIMITERS}
    delimiter = max(counts, key=lambda name: counts[name])
    return (delimiter, counts[delimiter]) if counts[delimiter] >= len(names) else None


def delimiter_of_quoted(line: str, quote: str) -> str | None:
    """The character that parts fields of a line each of which is quoted, as in `"a";"b"`."""
    return next((delimiter for delimiter in DELIMITERS if f"{quote}{delimiter}{quote}" in line), None)


def are_mostly_data(names: Collection[str]) -> bool:
    """Whether more than half of a header's names are numbers, dates or e-mail addresses."""
    return sum(map(is_data, names)) * 2 > len(names)


def is_data(name: str) -> bool:
    """Whether a name is a number, a date or an e-mail address."""
    return _DATA.fullmatch(name.strip()) is not None


def shown(names: Sequence[str]) -> str:
    """Names for a person to see; of names that look like somebody's data their number and first letters only."""
    if not are_mostly_data(names):
        return ", ".join(names)
    return f"{len(names)} that begin with {', '.join(_first(names))}"


def _first(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.strip()[:1] for name in names if name.strip()))
