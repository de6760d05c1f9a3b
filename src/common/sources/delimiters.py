"""Which delimiter a CSV file seems to have whose header was not split."""

from collections.abc import Iterable

_KNOWN = (";", "\t", "|", ",", "^")
"""Delimiters that people use."""


def likely_delimiter(names: Iterable[str], declared: str | None) -> str | None:
    """The delimiter that the only name of a record has many of; None where records have more names, or none is seen.

    It is another than the declared one, or than the comma where none is declared.
    """
    found = list(names)
    if len(found) != 1:
        return None
    skipped = "," if declared is None else declared
    counts = {delimiter: found[0].count(delimiter) for delimiter in _KNOWN if delimiter != skipped}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else None


def delimiter_hint(names: Iterable[str], declared: str | None) -> str:
    """The words of a message that name the delimiter which is likely right; empty where none is."""
    delimiter = likely_delimiter(names, declared)
    if delimiter is None:
        return ""
    written = r'"\t"' if delimiter == "\t" else f'"{delimiter}"'
    return f"this is one field: the delimiter is likely {delimiter!r}, and `delimiter: {written}` declares it"
