"""The model: which version is champion and why, its figures week by week, and drift."""

import altair as alt
import pandas as pd
import streamlit as st

from apps.dashboard import data, look
from apps.dashboard.queries import model as queries
from apps.dashboard.queries.ask import lacking
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.monitoring import DRIFT, MODEL_MONITORING, PERFORMANCE
from common.contracts.ops import MODEL_PROMOTIONS
from common.ml.figure_text import figure_text

WEEKS = 12
"""Weeks of drift that are drawn, the newest."""

_LIMITS = {"value": "measured", "baseline": "usual"}


def page() -> None:
    """Draws the page."""
    st.title("Model")
    there = data.tables_there()
    decisions = queries.decisions(data.ask) if MODEL_PROMOTIONS.name in there else pd.DataFrame()
    in_use = queries.in_use(data.ask) if TRANSACTION_SCORES.name in there else ""
    if decisions.empty and not in_use:
        return look.nothing(lacking(there - {TRANSACTION_SCORES.name}, TRANSACTION_SCORES))
    _champion(decisions, in_use)
    if not decisions.empty:
        _decisions(decisions)
    if sentence := lacking(there, MODEL_MONITORING):
        return look.nothing(sentence)
    figures = queries.monitoring(data.ask)
    if figures.empty:
        return look.nothing(
            "No week has been measured yet: the first is, when a whole week has been scored since the model went live."
        )
    _performance(figures)
    _drift(figures)
    return None


def _champion(decisions: pd.DataFrame, in_use: str) -> None:
    """The version that scores, and since when."""
    if not in_use:
        return look.nothing("There is no champion: no version has passed the gate yet. What kept them out is below.")
    won = (
        decisions[(decisions["decision"] == "promoted") & (decisions["model_version"] == in_use)]
        if len(decisions)
        else decisions
    )
    with st.container(horizontal=True):
        st.metric("Version that scores", in_use, border=True)
        if len(won):
            st.metric("Promoted (UTC)", f"{won['decided_at'].iloc[0]:%Y-%m-%d}", border=True)
            st.metric("Criteria met", f"{won['criteria_met'].iloc[0]:,} of {won['criteria'].iloc[0]:,}", border=True)
            st.metric("Judged on the week from", f"{won['test_start'].iloc[0]:%Y-%m-%d}", border=True)
            st.metric("Judged against", str(won["judged_against"].iloc[0]), border=True)
    return None


def _decisions(decisions: pd.DataFrame) -> None:
    last = decisions.iloc[0]
    words = str(last["decision"]).replace("_", " ")
    st.header(f"Last decision: version {look.escaped(str(last['model_version']))}, {look.escaped(words)}")
    criteria = queries.criteria(data.ask, last)
    look.table(
        criteria.assign(figure=criteria["figure"].map(figure_text, na_action="ignore")),
        "Criteria of the last decision",
        {
            "passed": st.column_config.CheckboxColumn("met"),
            "criterion": "criterion",
            "figure": st.column_config.TextColumn("figure", alignment="right"),
            "bound": "must be",
            "sentence": st.column_config.TextColumn("in words", width="large"),
        },
        most=len(criteria),
    )
    with st.expander(f"All decisions ({len(decisions):,})"):
        look.table(
            decisions.assign(decision=decisions["decision"].str.replace("_", " ")),
            "All decisions",
            {
                "decided_at": look.at("decided"),
                "model_version": "version",
                "decision": "decision",
                "judged_against": "against",
                "criteria_met": look.count("criteria met"),
                "criteria": look.count("of"),
            },
        )


def _performance(figures: pd.DataFrame) -> None:
    """Figures of weeks whose labels are mature, and alerted cards a day, beside what is usual."""
    st.header("Since it went live, week by week")
    metrics = (*PERFORMANCE, "alerted_cards_per_day")
    shown = figures[figures["metric"].isin(metrics) & (figures["subject"] == "model")]
    if shown.empty:
        return look.nothing("No week's labels are mature yet.")
    for place, (metric, rows) in enumerate(shown.groupby("metric", sort=False)):
        if place % 3 == 0:
            columns = st.columns(3)
        with columns[place % 3]:
            _measured(str(metric).replace("_", " "), rows)
    return None


def _measured(name: str, rows: pd.DataFrame) -> None:
    long = rows.rename(columns=_LIMITS).melt("period_start", list(_LIMITS.values()), "what", "figure").dropna()
    lines = alt.Chart(long).encode(
        x=alt.X("yearmonthdate(period_start):T", axis=look.days_axis()),
        y=alt.Y("figure:Q", title=None),
        color=alt.Color(
            "what:N",
            scale=look.colours({"measured": look.VOLUME, "usual": look.WITHDRAWN}),
            legend=alt.Legend(orient="top", title=None),
        ),
        tooltip=[alt.Tooltip("period_start:T", title="week from"), "what:N", alt.Tooltip("figure:Q", format=".4~g")],
    )
    # Where both are the same, the one lies on the other: what is usual is a broad band, under a line with points.
    usual = lines.transform_filter(alt.datum.what == "usual").mark_line(strokeWidth=7, opacity=0.5)
    measured = lines.transform_filter(alt.datum.what == "measured").mark_line(point=True)
    breached = int((rows["is_breached"] == True).sum())  # noqa: E712 - null is no verdict
    st.markdown(f"**{name}**" + (f", beyond its limit in {breached} weeks" if breached else ""))
    newest = rows.dropna(subset="value")
    heard = f"{name} by week, newest {newest['value'].iloc[-1]:.3f}" if len(newest) else f"{name}: nothing measured"
    look.chart(usual + measured, heard, height=170)


def _drift(figures: pd.DataFrame) -> None:
    st.header("Drift of features and of the score")
    rows = figures[(figures["metric"] == DRIFT[0])].dropna(subset="value")
    if rows.empty:
        return look.nothing("Drift has not been measured: the version's training window is not known.")
    weeks = sorted(rows["period_start"].unique())[-WEEKS:]
    shown = rows[rows["period_start"].isin(weeks)].assign(
        week=lambda found: found["period_start"].dt.strftime("%Y-%m-%d"),
        verdict=lambda found: (
            found["is_breached"].map({True: "beyond its limit", False: "within"}).fillna("no verdict")
        ),
        of_limit=lambda found: (found["value"] / found["at_most"]).clip(upper=2),
    )
    beyond = shown[shown["verdict"] == "beyond its limit"]
    cells = (
        alt.Chart(shown)
        .mark_rect()
        .encode(
            x=alt.X("week:N", title="week from", axis=alt.Axis(labelAngle=-45)),
            y=alt.Y("subject:N", title=None, axis=alt.Axis(labelLimit=240)),
            color=alt.Color("of_limit:Q", title="of its limit", scale=alt.Scale(scheme="reds", domain=[0, 2])),
            tooltip=[
                "subject",
                "week",
                alt.Tooltip("value:Q", title="stability index", format=".3f"),
                alt.Tooltip("at_most:Q", title="limit", format=".3f"),
                "verdict",
            ],
        )
    )
    sentence = f"{len(beyond)} of {len(shown)} figures are beyond their limit" + (
        f": {look.listed(sorted(beyond['subject'].unique()))}" if len(beyond) else ""
    )
    st.caption(f"Population stability index beside its limit, by week. {sentence}.")
    look.chart(cells, sentence, height=22 * shown["subject"].nunique() + 90)
    return None
