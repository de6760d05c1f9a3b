"""What a page is narrowed to. Each choice is in the page's address, so that a view can be shared, and goes along from
page to page.
"""

from collections.abc import Sequence
from datetime import date

import streamlit as st

from apps.dashboard.queries.days import Days

DAYS = 30
"""Days that are shown where nobody chose any."""


def days(known: Days) -> Days:
    """A range of days, by a calendar; the newest where none is chosen. Of others, those that are known."""
    newest, asked = known.newest(DAYS), _asked(known)
    chosen = st.date_input(
        "Days",
        value=(newest.first, newest.last),
        # A day beyond them would have Streamlit take the newest days in place of all that were asked for.
        min_value=min(known.first, asked.first),
        max_value=max(known.last, asked.last),
        format="YYYY-MM-DD",
        key="days",
        bind="query-params",
        persist_state="session",
        width=230,
    )
    if not isinstance(chosen, tuple):
        chosen = (chosen, chosen)
    # While somebody chooses, there is a first day alone.
    return (Days(chosen[0], chosen[-1]).within(known) if chosen else None) or newest


def _asked(known: Days) -> Days:
    """The days in the address, where some of them are known; else all that are."""
    try:
        given = [date.fromisoformat(day) for day in st.query_params.get_all("days")]
    except ValueError:
        return known
    return Days(given[0], given[-1]) if given and Days(given[0], given[-1]).within(known) else known


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
