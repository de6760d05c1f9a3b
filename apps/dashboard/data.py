"""What the pages ask, remembered for a minute: a table that changes is seen after that."""

import pandas as pd
import streamlit as st

from apps.dashboard.queries import ask as queries
from apps.dashboard.queries.days import Days, known_days
from apps.dashboard.roles import Role, role_of

SECONDS = 60
"""How long an answer is remembered."""


@st.cache_data(ttl=SECONDS, max_entries=500, show_spinner="Asking the lakehouse")
def ask(statement: str) -> pd.DataFrame:
    """The rows of a query, see `queries.ask`."""
    return queries.ask(statement)


@st.cache_data(ttl=SECONDS, show_spinner=False)
def tables_there() -> frozenset[str]:
    """The tables that are there."""
    return queries.tables_there()


def known() -> Days | None:
    """The days that the lakehouse knows of."""
    return known_days(ask, tables_there())


def role() -> Role:
    """Who looks. Asked once a session: the workspace is asked then, not on every click."""
    if "role" not in st.session_state:
        st.session_state["role"] = role_of(st.context.headers)
    found: Role = st.session_state["role"]
    return found
