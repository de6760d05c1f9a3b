"""Alerts with their reasons, and the story of a card."""

from collections.abc import Callable, Collection
from typing import Any

import pandas as pd
import streamlit as st

from apps.dashboard import data, filters, look
from apps.dashboard.queries import alerts as queries
from apps.dashboard.queries.ask import lacking
from apps.dashboard.queries.merchants import countries
from apps.dashboard.views.story import story
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.marts import COUNTRY_CHANNEL_MATRIX
from common.settings import LABEL_DELAY_DAYS

ALERT = "alert"
"""In the address: the transaction whose story is told."""

PAGE = "alerts"
"""In the address: this page."""


def page() -> None:
    """Draws the page."""
    st.title("Alerts")
    there, known = data.tables_there(), data.known()
    if known is None or TRANSACTION_SCORES.name not in there:
        return look.nothing(lacking(there, TRANSACTION_SCORES) or "Nothing has been scored yet.")
    with st.container(horizontal=True):
        days = filters.days(known)
        codes = sorted(countries(data.ask, known)["country"].unique()) if COUNTRY_CHANNEL_MATRIX.name in there else []
        chosen = queries.Chosen(
            country=filters.country(codes),
            merchant=filters.text("Merchant", "merchant", "its id"),
            customer=filters.text("Customer or account", "customer", "its id", width=170),
        )
    rows = queries.alerts(data.ask, there, days, chosen)
    if rows.empty:
        look.nothing(f"There is no such alert from {days.first} to {days.last}.")
    else:
        _summary(rows)

        def tell() -> None:
            places = st.session_state["alert_list"]["selection"]["rows"]
            if places:
                st.session_state[ALERT] = str(rows["transaction_id"].iloc[places[0]])

        alert_table(rows, "alert_list", tell, most=9)
    _story(there)
    return None


def alert_table(rows: pd.DataFrame, key: str, on_select: Callable[[], None] | str, **options: Any) -> Any:
    """A list of alerts, of which one can be chosen; what was chosen."""
    shown = rows.assign(
        why=[_why(reasons) for reasons in rows["reasons"]], who=rows["customer_id"].fillna(rows["account_id"])
    )
    columns = {
        "event_time": look.at("when"),
        "amount_eur": look.euro("amount"),
        "score": st.column_config.NumberColumn("score", format="%.3f", help="The model's probability of fraud, 0 to 1"),
        "known": st.column_config.TextColumn("known so far"),
        "who": "customer",
        "merchant": "merchant",
        "country": "country",
        "why": st.column_config.TextColumn("reason that counts most", width="large"),
    }
    return look.table(
        shown, "Alerts, the newest first", columns, key=key, on_select=on_select, selection_mode="single-row", **options
    )


def _why(reasons: Any) -> str:
    return str(reasons[0]) if reasons is not None and len(reasons) else ""


def _summary(rows: pd.DataFrame) -> None:
    known = rows["known"].value_counts()
    counted = look.listed([f"{number:,} {what}" for what, number in known.items()])
    most = f"the newest {queries.SHOWN} of them" if len(rows) == queries.SHOWN else f"{len(rows):,}"
    st.caption(
        f"{most} alerts, {look.euros(rows['amount_eur'].sum())}. Known so far, by reports and verdicts: {counted}. "
        f"What nothing is known of in {LABEL_DELAY_DAYS} days counts as genuine on the page Today. "
        "Choose a row, and the card's story is told below."
    )


def _story(there: Collection[str]) -> None:
    transaction_id = filters.text("Transaction", ALERT, "its id: tells the card's story", width=320)
    if not transaction_id:
        return
    found = queries.scored(data.ask, there, transaction_id)
    if found is None:
        asked = look.escaped(transaction_id)
        look.nothing(f"The transaction {asked} was not scored, and only what was scored has a story.")
    else:
        story(there, found)
