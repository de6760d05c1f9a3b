"""Runs: what each did, how long it took, and what became of its records."""

import streamlit as st

from apps.dashboard import data, look
from apps.dashboard.queries import runs as queries
from apps.dashboard.queries.ask import lacking, on_databricks
from common.contracts.ops import BATCHES


def page() -> None:
    """Draws the page."""
    st.title("Runs")
    if on_databricks():
        st.caption("Runs themselves are in Jobs & Pipelines. Below is what they did.")
    else:
        _runs()
    st.header("What became of the records")
    there = data.tables_there()
    if sentence := lacking(there, BATCHES):
        return look.nothing(sentence)
    rows = queries.batches_by_run(data.ask)
    if rows.empty:
        return look.nothing("No batch was taken in yet.")
    counts = {
        "records_read": "read",
        "accepted": "accepted",
        "duplicates": "duplicates",
        "quarantined": "quarantined",
        "not_selected": "not selected",
    }
    look.table(
        rows,
        "Records by run",
        {"committed_at": look.at("last batch"), "run_id": "run", "kind": "kind", "batches": look.count("batches")}
        | {name: look.count(label) for name, label in counts.items()},
    )
    return None


def _runs() -> None:
    """The runs of this machine, and the tasks of the one that is chosen."""
    runs = queries.last_runs()
    if not runs:
        return look.nothing("No job was run here yet: `lakehouse run lakehouse` runs the main one.")
    table = queries.run_table(runs)
    columns = {
        "started": look.at("started"),
        "job": "job",
        "state": "state",
        "seconds": st.column_config.NumberColumn("seconds", format="%.1f"),
        "succeeded": look.count("tasks that succeeded"),
        "tasks": look.count("of"),
        "run_id": "run",
    }

    def chosen() -> None:
        places = st.session_state["run_list"]["selection"]["rows"]
        if places:
            st.session_state["run"] = str(runs[places[0]]["run_id"])

    look.table(table, "Runs, the newest first", columns, key="run_list", on_select=chosen, selection_mode="single-row")
    ids = [str(run["run_id"]) for run in runs]
    run_id = st.selectbox("Run", ids, key="run", bind="query-params", persist_state="session", width=300)
    run = runs[ids.index(run_id)] if run_id in ids else runs[0]
    st.header(f"Tasks of {look.escaped(str(run['job']))}, {str(run['state']).lower()}")
    look.table(
        queries.task_table(run),
        f"Tasks of the run {run['run_id']}",
        {
            "key": "task",
            "state": "state",
            "seconds": st.column_config.NumberColumn("seconds", format="%.1f"),
            "rows_in": look.count("rows in"),
            "rows_out": look.count("rows out"),
            "attempts": look.count("attempts"),
            "note": st.column_config.TextColumn("note", width="large"),
        },
        most=20,
    )
    return None
