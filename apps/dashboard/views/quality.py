"""Data quality and quarantine: which checks hold, that nothing was lost, and what was refused and why."""

from collections.abc import Collection

import altair as alt
import streamlit as st

from apps.dashboard import data, look
from apps.dashboard.queries import quality as queries
from apps.dashboard.queries.ask import lacking
from common.contracts.ops import BATCHES, QUALITY_RESULTS
from common.contracts.silver import QUARANTINE


def page() -> None:
    """Draws the page."""
    st.title("Data quality")
    there = data.tables_there()
    if sentence := lacking(there, QUALITY_RESULTS) if not there else "":
        return look.nothing(sentence)
    _checks(there)
    _reasons(there)
    _conservation(there)  # has eight columns, which half a page is too narrow for
    _records(there)
    return None


def _checks(there: Collection[str]) -> None:
    if sentence := lacking(there, QUALITY_RESULTS):
        return look.nothing(sentence)
    rows = queries.last_checks(data.ask)
    if rows.empty:
        return look.nothing("Nothing has been checked yet.")
    broken = rows[~rows["passed"]]
    failed = broken[broken["severity"] == "failure"]
    with st.container(horizontal=True):
        st.metric("Checks that hold", f"{rows['passed'].sum():,} of {len(rows):,}", border=True)
        st.metric("Failures", f"{len(failed):,}", border=True)
        st.metric("Warnings", f"{len(broken) - len(failed):,}", border=True)
        st.metric("Last checked (UTC)", f"{rows['checked_at'].max():%Y-%m-%d %H:%M}", border=True)
    columns = {
        "subject": "what was checked",
        "check_name": "check",
        "severity": "severity",
        "details": st.column_config.TextColumn("the numbers", width="large"),
        "checked_at": look.at("checked"),
    }
    if broken.empty:
        st.success(f"All {len(rows):,} checks hold.")
    else:
        look.table(broken, "Checks that don't hold", columns)
    with st.expander("All checks"):
        held = {"passed": st.column_config.CheckboxColumn("holds")}
        look.table(rows, "All checks", held | columns)
    return None


def _reasons(there: Collection[str]) -> None:
    st.header("Quarantined, by check")
    if sentence := lacking(there, QUARANTINE):
        return look.nothing(sentence)
    rows = queries.quarantined_by_check(data.ask)
    if rows.empty:
        return look.nothing("No record is in quarantine.")
    bars = (
        alt.Chart(rows.head(20))
        .mark_bar(color=look.VOLUME)
        .encode(
            x=alt.X("records:Q", title="records", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("check_name:N", title=None, sort="-x", axis=alt.Axis(labelLimit=220, labelOverlap=False)),
            tooltip=["target", "check_name", "records"],
        )
    )
    first = rows.iloc[0]
    heard = f"Quarantined records by check: most, {first['records']:,}, by {first['check_name']} of {first['target']}"
    look.chart(bars, heard, height=320)
    return None


def _conservation(there: Collection[str]) -> None:
    st.header("Every record read, and what became of it")
    if sentence := lacking(there, BATCHES):
        return look.nothing(sentence)
    rows = queries.conservation(data.ask)
    if rows.empty:
        return look.nothing("No batch was taken in yet.")
    names = ("records_read", "accepted", "duplicates", "quarantined", "not_selected", "lost")
    labels = ("read", "accepted", "duplicates", "quarantined", "not selected", "lost")
    counts = {name: look.count(label) for name, label in zip(names, labels, strict=True)}
    look.table(rows, "Records by feed and target", {"feed": "feed", "target": "target"} | counts)
    lost = int(rows["lost"].sum())
    st.caption(
        "None is lost: read = accepted + duplicates + quarantined + not selected."
        if not lost
        else f"{lost:,} records are lost."
    )
    return None


def _records(there: Collection[str]) -> None:
    if QUARANTINE.name not in there:
        return
    rows = queries.quarantined(data.ask, data.role())
    if rows.empty:
        return
    st.header("Newest quarantined records")
    columns: dict[str, look.Column] = {
        "quarantined_at": look.at("quarantined"),
        "target": "target",
        "feed": "feed",
        "reasons": st.column_config.TextColumn("reasons", width="large"),
    }
    if "payload" in rows:
        columns["payload"] = st.column_config.TextColumn("as received", width="large")
    columns["source_ref"] = "where it was"
    look.table(rows, "Newest quarantined records with their reasons", columns)
    hidden = "" if "payload" in rows else " Records as received may name a person: the fraud team sees them."
    mended = look.escaped(str(rows["target"].iloc[0]))
    st.caption(
        f"After a map or a check was mended, the job replay_quarantine tries them again (table={mended}).{hidden}"
    )
