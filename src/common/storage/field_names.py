"""Names of fields, and what is none: in a file without a header, the first person's data are in their place."""

import re
from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

UNUSUAL = "(unusual names)"
"""Stands for all names that don't look like names."""

_NAME = "[A-Za-z_][A-Za-z0-9_.:-]{0,63}"


def looks_like_a_name(text: str) -> bool:
    """Whether it may be shown and kept as a field's name."""
    return re.fullmatch(_NAME, text) is not None


SHOWN = 30
SHOWN_CHARACTERS = 200
_DATA = re.compile(
    r"@"  # an address
    r"|\d[\d .:/-]{3,}\d"  # a date, a time, a telephone number
    r"|\d{5}"  # an account, an id
    r"|^\W*\d[\d.,]*\W*$"  # an amount
)


def looks_like_data(names: Iterable[str]) -> bool:
    """Whether one of the names of a record is rather a value, as where a first row stands in the place of a header.

    Such a name may be a person's, and so may all others beside it. Of a header that was not split at its delimiter, the
    parts are looked at.
    """
    return any(_DATA.search(part.strip()) for name in names for part in re.split(r"[;,|\t]", name))


def shown_names(names: Iterable[str]) -> str:
    """The names in order, as they are; where some look like data, of those and of unusual ones the first letters."""
    distinct = sorted(set(names))
    hidden = (
        [n for n in distinct if looks_like_data([n]) or not looks_like_a_name(n)] if looks_like_data(distinct) else []
    )
    shown = [name[:SHOWN_CHARACTERS] for name in distinct if name not in hidden]
    more = [f"{len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    if hidden:
        letters = ", ".join(sorted({name.strip()[:1] for name in hidden} - {""}))
        more.append(f"{len(hidden)} that may be a person's data, not names (they begin with {letters or 'nothing'})")
    return ", ".join([*shown[:SHOWN], *more])


def usual_name(name: Column) -> Column:
    """The name, or UNUSUAL where it doesn't look like one."""
    return F.when(name.rlike(rf"\A{_NAME}\z"), name).otherwise(F.lit(UNUSUAL))
