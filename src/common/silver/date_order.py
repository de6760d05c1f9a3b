"""Whether a feed's dates say by themselves in which order day and month are: 03/04/2025 doesn't."""

import re
from collections.abc import Iterable, Mapping

from common.contracts.table import Table
from common.sources.kinds import TEXT
from common.sources.target_map import TargetMap
from common.sources.value_format import ValueFormat

PARTED_DATE = re.compile(r"\s*(\d{1,2})([/.])(\d{1,2})\2\d{4}\b")
"""A date with slashes or points: groups 1 and 3 are day and month, in some order."""

MONTHS = 12
MANY = 20
"""So many dates without one day after the 12th are no accident; of fewer there may be none yet."""


def order_warning(
    records: Iterable[Mapping[str, str | None]], mapping: TargetMap, target: Table, values: ValueFormat
) -> str:
    """A warning where many dates of the records can be read in both orders and none in one only; else nothing.

    Looked at are the top-level fields of the columns that are times or dates. A feed that declares its order is clear.
    """
    if values.date_order is not None:
        return ""
    records = list(records)
    for column in target.mappable:
        expression = mapping.expressions.get(column.name)
        if column.type not in ("timestamp", "date") or expression is None or expression.kind != TEXT:
            continue
        for field in expression.fields:
            if (number := ambiguous_dates(record.get(field) for record in records)) >= MANY:
                return (
                    f"{column.name}: {number:,} dates of the field {field!r} can be read day first and month first, "
                    "and none shows which it is; they are read day first. Declare the feed's `date_order`: day_first "
                    "or month_first"
                )
    return ""


def ambiguous_dates(texts: Iterable[str | None]) -> int:
    """How many of the texts are dates with slashes or points that can be read day first and month first.

    0 where one of them can be read in one order only: it shows the order of all.
    """
    ambiguous = 0
    for text in texts:
        found = PARTED_DATE.match(text or "")
        if found:
            if max(int(found[1]), int(found[3])) > MONTHS:
                return 0
            ambiguous += found[1] != found[3]
    return ambiguous
