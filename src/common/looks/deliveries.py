"""A look at what was delivered."""

from collections.abc import Mapping, Sequence

import pandas as pd

from common.publish.delivery import Delivery


def by_item(came_of: Mapping[str, Sequence[Delivery]]) -> pd.DataFrame:
    """By output and item: how it was brought up to date, rows written, removed and there, version, seconds."""
    shown = [
        "mode",
        "rows_written",
        "rows_deleted",
        "rows_there",
        "version",
        "seconds",
        "destination",
        "note",
        "failure",
    ]
    index = [(output, delivery.item) for output, deliveries in came_of.items() for delivery in deliveries]
    rows = [vars(delivery) for deliveries in came_of.values() for delivery in deliveries]
    of_items = pd.MultiIndex.from_tuples(index, names=["output", "item"]) if index else None
    return pd.DataFrame(rows, columns=shown, index=of_items)
