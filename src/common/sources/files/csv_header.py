"""What stands above the rows of a CSV file: a line that names the delimiter, blank lines, and the header."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from common.sources.chunks import FileRefused
from common.sources.files.file_format import FileFormat

_NAMES_DELIMITER = re.compile(r'"?sep=([^\r\n])"?[ \t]*[\r\n]*\Z', re.IGNORECASE)
"""Excel's own line above a header, such as `sep=;`."""


_UNSEEN = "\u200b\u2060\ufeff"
"""Characters without width that programs leave around a name."""

_YAML_WORDS = ("yes", "no", "true", "false", "null", "on", "off", "y", "n")


@dataclass(frozen=True)
class Start:
    """Where the rows of a file begin, as an index of its lines, and what parts their fields."""

    index: int
    delimiter: str


def start_of(lines: Iterable[str], layout: FileFormat) -> Start:
    """Skips the rows that are declared to be skipped, a `sep=` line, and blank lines above a header.

    Raises:
        FileRefused: the file names another delimiter than the feed, or has no row.
    """
    index, delimiter = 0, layout.delimiter
    for number, line in enumerate(lines):
        if found := _NAMES_DELIMITER.match(line):
            if layout.delimiter not in (None, found[1]):
                raise FileRefused(
                    f"line {number + 1} of the CSV file says that {found[1]!r} is the delimiter, the feed "
                    f"`delimiter: {layout.delimiter!r}`; leave `delimiter` out, and each file's own line decides"
                )
            delimiter = found[1]
        elif number >= layout.skip_rows and (layout.columns or line.strip(f" \t\r\n{delimiter or ','}")):
            break
        index = number + 1
    return Start(index, delimiter or ",")


def names_of(header: Sequence[str], line: int, layout: FileFormat) -> tuple[list[str], int]:
    """The fields' names, and how many there are without the blank ones at the end.

    A name that is there already gets a number, as in `name_2`. `line` is the number of the header's last line.

    Raises:
        FileRefused: the header is empty, or names a field twice that a map reads.
    """
    stripped = [name.strip().strip(_UNSEEN).strip() for name in header]
    if not any(stripped):
        skipped = " and ".join(f"`{name}: {count}`" for name, count in _skipped(layout).items() if count)
        raise FileRefused(
            f"the CSV file has no header{f' beside the lines that {skipped} leaves out' if skipped else ''}"
        )
    names = _each_once(stripped)
    if doubled := [name for name in layout.mapped if stripped.count(name) > 1]:
        raise FileRefused(
            f"the CSV header names {doubled[0]!r} twice, and the map reads it: name the columns in the feed, by "
            f"`skip_rows: {line}`, `header: false` and `columns: [{', '.join(map(_in_yaml, names))}]`"
        )
    return names, max(number for number, name in enumerate(stripped, start=1) if name)


def _each_once(given: Sequence[str]) -> list[str]:
    taken = set(given)
    following: dict[str, int] = {}
    names = []
    for name in given:
        number = following.get(name, 1)
        while number > 1 and f"{name}_{number}" in taken:
            number += 1
        names.append(f"{name}_{number}" if number > 1 else name)
        taken.add(names[-1])
        following[name] = number + 1
    return names


def _skipped(layout: FileFormat) -> dict[str, int]:
    return {"skip_rows": layout.skip_rows, "skip_footer": layout.skip_footer}


def _in_yaml(name: str) -> str:
    plain = re.fullmatch(r"[^\W\d][\w ./()-]*", name) and name.lower() not in _YAML_WORDS
    return name if plain else "'" + name.replace("'", "''") + "'"
