"""What a feed of changes declares, as its puller needs it."""

from dataclasses import dataclass

from common.sources.pulling.postgres import names


@dataclass(frozen=True)
class Declared:
    """A feed's tables, publication and slot; `fields` are those that its maps read."""

    feed: str
    tables: tuple[str, ...]
    publication: str
    slot: str
    snapshot: int
    fields: frozenset[str]


def quoted(name: str) -> str:
    """A name in SQL; a table's has its schema before a point."""
    return ".".join(map(names.quoted, name.split(".", 1)))
