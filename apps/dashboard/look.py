"""How things look on every page: one colour for one meaning, numbers with units, a sentence in place of nothing."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from common.settings import LABEL_DELAY_DAYS

FRAUD, GENUINE, OPEN, VOLUME, WITHDRAWN = "#cf4a4a", "#2f8f83", "#a87a00", "#4f7fb0", "#7d7f86"
"""Each stands out from white and from the dark ground by 3:1 at least."""

CLEARED = f"genuine, or no report in {LABEL_DELAY_DAYS} days"
OUTCOME_COLOURS = {"confirmed": FRAUD, "still open": OPEN, CLEARED: GENUINE, "withdrawn": WITHDRAWN}

PAGES = "pages"
"""Under this name the session has the pages that can be opened."""

_ROW_PIXELS = 33

_CSS = """<style>
.stMainBlockContainer {padding-top: 4rem; padding-bottom: 2rem}
</style>"""

Column = Any
"""What st.column_config makes."""


def euro(label: str) -> Column:
    """A column of amounts."""
    return st.column_config.NumberColumn(label, format="euro")


def count(label: str) -> Column:
    """A column of whole numbers."""
    return st.column_config.NumberColumn(label, format="localized")


def share(label: str, digits: int = 2) -> Column:
    """A column of shares from 0 to 1, which are shown as per cent."""
    return st.column_config.NumberColumn(label, format=f"%.{digits}f %%")


def at(label: str) -> Column:
    """A column of times, UTC."""
    return st.column_config.DatetimeColumn(f"{label} (UTC)", format="YYYY-MM-DD HH:mm")


def day(label: str) -> Column:
    """A column of days."""
    return st.column_config.DateColumn(label, format="YYYY-MM-DD")


def table(rows: pd.DataFrame, heard: str, columns: dict[str, Column], most: int = 8, **options: Any) -> Any:
    """A table with the columns named, in that order, others left out.

    Args:
        rows: what is shown.
        heard: the table's name for who can't see it.
        columns: by name: a label, or one of the functions above.
        most: rows that are seen at once; the others by scrolling.
        **options: of Streamlit's table.
    """
    return st.dataframe(
        rows,
        hide_index=True,
        column_config=columns,
        column_order=list(columns),
        alt=heard,
        height=_ROW_PIXELS * (max(1, min(len(rows), most)) + 1) + 3,
        placeholder="",
        **options,
    )


def chart(drawing: Any, heard: str, height: int = 240) -> None:
    """A chart, and the sentence that tells of it to who can't see it."""
    st.altair_chart(drawing.properties(height=height), alt=heard, width="stretch")


def colours(meanings: dict[str, str]) -> alt.Scale:
    """A scale that gives each meaning its colour."""
    return alt.Scale(domain=list(meanings), range=list(meanings.values()))


def days_axis(title: str | None = None) -> alt.Axis:
    """An axis of days."""
    return alt.Axis(title=title, format="%d %b", labelAngle=0, labelOverlap=True, tickCount=6)


def frame() -> None:
    """What all pages have about them: less room above than Streamlit leaves."""
    st.html(_CSS)


def nothing(sentence: str) -> None:
    """Says why there is nothing to see, and what to do about it; what others wrote in it is `escaped`."""
    st.info(sentence)


def escaped(text: str) -> str:
    """A text that is shown as it is, whatever a sender or an address has in it: no link, picture or colour."""
    for sign in "\\`*_{}[]()<>#+-.!|$~:":
        text = text.replace(sign, f"\\{sign}")
    # A line of its own could begin a list, a heading or code.
    return " ".join(text.split())


def euros(amount: float) -> str:
    """An amount in whole euro."""
    return f"€ {amount:,.0f}"


def listed(names: Sequence[str]) -> str:
    """Names with commas between."""
    return ", ".join(names)


def go_to(page: str, **choices: str) -> None:
    """Opens another page, by its place in the address and with choices there; others go along."""
    for one in st.session_state.get(PAGES, []):
        if one.url_path == page:
            st.switch_page(one, query_params=choices)
