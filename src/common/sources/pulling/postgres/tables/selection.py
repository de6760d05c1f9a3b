"""Which tables are pulled and how, as it is declared."""

from collections.abc import Sequence
from dataclasses import dataclass

XMIN = "xmin"
"""The watermark that every table has: the transaction that wrote a row's version."""


@dataclass(frozen=True)
class Selection:
    """The tables of a schema but some, or the ones that are listed; and how they are pulled.

    `watermark` are the columns of which a table's first is used. `keyless` says what becomes of tables without a
    primary key. `deletes_every` is in seconds; None where deletes aren't looked for.
    """

    schema: str | None = None
    leave_out: frozenset[str] = frozenset()
    listed: Sequence[str] = ()
    watermark: Sequence[str] = (XMIN,)
    overlap_seconds: int = 600
    deletes_every: int | None = 3600
    keyless: str = "refuse"
    timeout_seconds: int = 1800
    part_bytes: int = 64 * 1024**2
