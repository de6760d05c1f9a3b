"""What a page is narrowed to. Each choice is in the page's address, so that a view can be shared, and goes along from
page to page.
"""

from collections.abc import Sequence

import streamlit as st

from apps.dashboard.queries.days import Days

DAYS = 30
"""Days that are shown where nobody chose any."""


def days(known: Days) -> Days:
    """A range of days, by a calendar; the newest where none is chosen."""
    newest = known.newest(DAYS)
    chosen = st.date_input(
        "Days",
        value=(newest.first, newest.last),
        min_value=known.first,
        max_value=known.last,
        format="YYYY-MM-DD",
        key="days",
        bind="query-params",
        persist_state="session",
        width=230,
    )
    if not isinstance(chosen, tuple):
        return Days(chosen, chosen)
    # While somebody chooses, there is a first day alone.
    return Days(chosen[0], chosen[-1]) if chosen else newest


def country(countries: Sequence[str]) -> str:
    """A country by its code; empty: all."""
    chosen = st.selectbox(
        "Country",
        ["", *countries],
        format_func=lambda code: code or "all",
        key="country",
        bind="query-params",
        persist_state="session",
        width=110,
    )
    return chosen or ""


def text(label: str, key: str, placeholder: str, width: int = 150) -> str:
    """An id as it is typed; empty: all."""
    typed = st.text_input(
        label, key=key, placeholder=placeholder, bind="query-params", persist_state="session", width=width
    )
    return (typed or "").strip()
