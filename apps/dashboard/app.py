"""The dashboard's entry: `streamlit run apps/dashboard/app.py`, which `lakehouse dashboard` does."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Streamlit runs a file, and knows its folder alone. Databricks Apps have no package `common` installed either.
for folder in (ROOT / "src", ROOT):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import streamlit as st  # noqa: E402

from apps.dashboard import data, look  # noqa: E402
from apps.dashboard.pages import pages  # noqa: E402

st.session_state[look.PAGES] = pages()
page = st.navigation(st.session_state[look.PAGES], position="top")
st.set_page_config(page_title=f"{page.title}, fraud lakehouse", layout="wide")
look.frame()
page.run()
st.caption(f"Seen as {data.role().value}. Times are UTC. Answers are at most {data.SECONDS} seconds old.")
