"""Whether merchants were on the watchlist, by their history in this process: `with_watchlist` for a few rows."""

from datetime import datetime

import pyarrow as pa

from common.contracts.silver import MERCHANT
from common.storage.lake import Lake
from common.storage.table_state import TableState

Version = tuple[bool | None, datetime, datetime | None]
"""Whether it is on the watchlist, from when on, and until when; null: still."""


class Watchlist:
    """Merchants' history, read again when its table has another version.

    A join with the table would be jobs of Spark for each micro-batch, and merchants change seldom.
    """

    def __init__(self) -> None:
        self._state: TableState | None = None
        self._versions: dict[str | None, list[Version]] = {}

    def flags(self, lake: Lake, rows: pa.Table) -> pa.Array:
        """`is_watchlisted` of rows that have merchant_id and event_time; null where the merchant is not known."""
        state = lake.state(MERCHANT.history)
        if state is None or state != self._state:
            self._versions = _versions(lake)
            self._state = state
        places = zip(rows["merchant_id"].to_pylist(), rows["event_time"].to_pylist(), strict=True)
        return pa.array([self._at(*place) for place in places], pa.bool_())

    def _at(self, merchant: str | None, time: datetime) -> bool | None:
        for is_watchlisted, since, until in self._versions.get(merchant, ()):
            if since <= time and (until is None or time < until):
                return is_watchlisted
        return None


def _versions(lake: Lake) -> dict[str | None, list[Version]]:
    history = lake.table(MERCHANT.history).select(MERCHANT.key, "is_watchlisted", "valid_from", "valid_to").toArrow()
    found: dict[str | None, list[Version]] = {}
    for merchant, is_watchlisted, since, until in zip(*(c.to_pylist() for c in history), strict=True):
        found.setdefault(merchant, []).append((is_watchlisted, since, until))
    return found
