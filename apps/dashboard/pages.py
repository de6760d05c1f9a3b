"""Which pages there are, in the order of the navigation."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from apps.dashboard import look
from apps.dashboard.views import alerts, merchants, model, quality, runs, today
from common.errors import LakehouseError

Draw = Callable[[], None]

PAGES: dict[str, tuple[str, Draw]] = {
    "today": ("Today", today.page),
    alerts.PAGE: ("Alerts", alerts.page),
    "merchants": ("Merchants", merchants.page),
    "quality": ("Data quality", quality.page),
    "model": ("Model", model.page),
    "runs": ("Runs", runs.page),
}
"""By their place in the address: title, and what draws the page. The first is what opens."""


def pages() -> list[Any]:
    """The pages as Streamlit has them."""
    return [
        st.Page(drawer(place), title=title, url_path=place, default=place == next(iter(PAGES)))
        for place, (title, _) in PAGES.items()
    ]


def drawer(place: str) -> Draw:
    """What draws a page, with a sentence in place of a traceback where the lakehouse can't answer."""

    def drawn() -> None:
        try:
            PAGES[place][1]()
        except LakehouseError as error:
            st.error(f"The lakehouse doesn't answer: {look.escaped(str(error))}")

    return drawn
