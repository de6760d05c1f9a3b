"""A delivery: what became of one item of an output in one run."""

from dataclasses import dataclass
from datetime import datetime

from common.errors import LakehouseError, first_line

FAILED = "failed"
"""The mode of a delivery that failed, of an item or of an output as a whole."""
READ = "read"
"""The mode of what came in by an output, such as answers: nothing of it was sent."""
FOUND = "found"
"""The mode of what another run had brought and not noted, as one that was killed: the target tells of it."""


@dataclass(frozen=True)
class Delivery:
    """What became of an item of an output, such as a table or a report.

    `source_table` is the Delta table whose `version` is there now, `from_version` the one that was there before; None
    where there was none, or the item is made of several tables. `table_id` is the Delta table's own. `mode` says in a
    word or two how it came there, `destination` where it is, without secrets. A count is None where it has no meaning.
    A `failure` says why it isn't there, and what to do. `is_sent`: something was sent, even where no number says so.
    `delivered_at` is when it came there, of one that was found; None: now.
    """

    item: str
    mode: str
    source_table: str | None = None
    table_id: str | None = None
    from_version: int | None = None
    version: int | None = None
    rows_written: int | None = None
    rows_deleted: int | None = None
    rows_there: int | None = None
    destination: str = ""
    seconds: float = 0.0
    note: str = ""
    failure: str = ""
    is_sent: bool = False
    delivered_at: datetime | None = None

    @property
    def is_news(self) -> bool:
        """Whether something was sent, or failed."""
        came = self.is_sent or self.rows_written or self.rows_deleted or self.mode == FOUND
        return bool(came or self.failure or self.from_version != self.version)


def failed(item: str, error: Exception, destination: str = "") -> Delivery:
    """The delivery of an item that an error kept away. Of one that nobody foresaw, the type is told too."""
    words = str(error) if isinstance(error, LakehouseError) else f"{type(error).__name__}: {first_line(error)}"
    return Delivery(item, FAILED, destination=destination, failure=words)
