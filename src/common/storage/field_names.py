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


def usual_names(names: Iterable[str]) -> list[str]:
    """The names in order, each once, with UNUSUAL for those that don't look like names."""
    return sorted({name if looks_like_a_name(name) else UNUSUAL for name in names})


def usual_name(name: Column) -> Column:
    """The name, or UNUSUAL where it doesn't look like one."""
    return F.when(name.rlike(rf"\A{_NAME}\z"), name).otherwise(F.lit(UNUSUAL))
