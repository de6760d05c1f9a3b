"""Today: alerts, money saved, volumes, freshness. Today is the lakehouse's newest day."""

from collections.abc import Collection

import altair as alt
import pandas as pd
import streamlit as st

from apps.dashboard import data, filters, look
from apps.dashboard.queries import today as queries
from apps.dashboard.queries.alerts import alerts
from apps.dashboard.queries.ask import lacking
from apps.dashboard.queries.days import Days
from apps.dashboard.views.alerts import ALERT, PAGE, alert_table
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.marts import ALERT_OUTCOMES, DAILY_FRAUD_SUMMARY
from common.settings import LABEL_DELAY_DAYS

NEWEST = 8
"""Alerts that are shown here."""

_OUTCOMES = {"confirmed": "confirmed", "still_open": "still open", "genuine": look.CLEARED, "withdrawn": "withdrawn"}


def page() -> None:
    """Draws the page."""
    there, known = data.tables_there(), data.known()
    if known is None:
        st.title("Today")
        look.nothing(
            lacking(there, DAILY_FRAUD_SUMMARY) or "No transaction is there yet. " + lacking((), DAILY_FRAUD_SUMMARY)
        )
        return
    st.title(f"{known.last:%A, %d %B %Y}")
    days = filters.days(known)
    _figures(there, known, days)
    left, right = st.columns(2)
    with left:
        _outcomes(there, days)
    with right:
        _volumes(there, days)
    left, right = st.columns([5, 2])
    with left:
        _newest_alerts(there, days)
    with right:
        _freshness(there)


def _figures(there: Collection[str], known: Days, days: Days) -> None:
    """Today's figures beside the mean of the days before, and what was saved in the days that are chosen."""
    week = known.newest(queries.USUAL_DAYS + 1)
    with st.container(horizontal=True):
        if ALERT_OUTCOMES.name in there:
            outcomes = queries.outcomes_by_day(data.ask, week)
            _metric("Alerts today", queries.figure(outcomes, "alerts", known.last))
        if DAILY_FRAUD_SUMMARY.name in there:
            by_day = queries.by_day(data.ask, week)
            _metric("Transactions today", queries.figure(by_day, "transactions", known.last))
            _metric("Volume today", queries.figure(by_day, "amount_eur", known.last), "€ ")
        if ALERT_OUTCOMES.name in there:
            chosen = queries.outcomes_by_day(data.ask, days)
            saved, confirmed = chosen["saved_eur"].sum(), chosen["confirmed"].sum()
            count = (days.last - days.first).days + 1
            st.metric(
                f"Saved in {count} days",
                look.euros(saved),
                border=True,
                height="stretch",
                help=("Amount of alerts that a report or a verdict confirmed: what stopping them saved."),
            )
            closed = (chosen["alerts"] - chosen["still_open"]).sum()
            precise = f"{confirmed / closed:.0%}" if closed else "unknown"
            st.metric(
                "Alerts confirmed",
                precise,
                border=True,
                height="stretch",
                help=(
                    "Share of the alerts of these days, those still open left out, that turned out to be fraud. "
                    f"One without a report in {LABEL_DELAY_DAYS} days counts as genuine."
                ),
            )


def _metric(label: str, figure: queries.Figure, unit: str = "") -> None:
    """A figure and its change, which is neither good nor bad by itself."""
    change = None
    if figure.change is not None:
        change = f"{'-' if figure.change < 0 else '+'}{unit}{abs(figure.change):,.0f}"
    st.metric(
        label,
        f"{unit}{figure.today:,.0f}",
        delta=change,
        delta_color="off",
        delta_description=f"to the mean of {queries.USUAL_DAYS} days",
        border=True,
        height="stretch",
    )


def _outcomes(there: Collection[str], days: Days) -> None:
    st.header("Alerts by what became of them")
    if sentence := lacking(there, ALERT_OUTCOMES):
        return look.nothing(sentence)
    rows = queries.outcomes_by_day(data.ask, days)
    if rows.empty:
        return look.nothing("There was no alert in these days.")
    named = rows.drop(columns="alerts").rename(columns=_OUTCOMES)
    long = named.melt("event_date", list(_OUTCOMES.values()), "outcome", "alerts")
    met = {outcome: colour for outcome, colour in look.OUTCOME_COLOURS.items() if named[outcome].any()}
    drawn = (
        alt.Chart(long[long["alerts"] > 0])
        .mark_bar()
        .encode(
            x=alt.X("yearmonthdate(event_date):T", axis=look.days_axis()),
            y=alt.Y("alerts:Q", title="alerts", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "outcome:N", scale=look.colours(met), legend=alt.Legend(orient="top", title=None, labelLimit=0)
            ),
            tooltip=[alt.Tooltip("event_date:T", title="day"), "outcome:N", "alerts:Q"],
        )
    )
    totals = look.listed([f"{int(rows[name].sum()):,} {label}" for name, label in _OUTCOMES.items()])
    look.chart(drawn, f"Alerts by day and outcome: {totals} from {days.first} to {days.last}")
    return None


def _volumes(there: Collection[str], days: Days) -> None:
    st.header("Transactions, and the share reported as fraud")
    if sentence := lacking(there, DAILY_FRAUD_SUMMARY):
        return look.nothing(sentence)
    rows = queries.by_day(data.ask, days)
    shown = rows.assign(fraud_percent=rows["fraud_rate"] * 100)
    x = alt.X("yearmonthdate(event_date):T", axis=look.days_axis())
    tips = [
        alt.Tooltip("event_date:T", title="day"),
        alt.Tooltip("transactions:Q", format=","),
        alt.Tooltip("amount_eur:Q", title="volume, €", format=",.0f"),
        alt.Tooltip("fraud_percent:Q", title="reported as fraud, %", format=".2f"),
    ]
    bars = (
        alt.Chart(shown)
        .mark_bar(color=look.VOLUME, opacity=0.75)
        .encode(x=x, y=alt.Y("transactions:Q", title="transactions"), tooltip=tips)
    )
    line = (
        alt.Chart(shown)
        .mark_line(color=look.FRAUD, point=alt.OverlayMarkDef(color=look.FRAUD, size=25))
        .encode(x=x, y=alt.Y("fraud_percent:Q", title="reported as fraud, %"), tooltip=tips)
    )
    total = max(int(rows["transactions"].sum()), 1)
    mean = (
        f"{rows['transactions'].mean():,.0f} transactions a day, {rows['frauds'].sum() / total:.2%} reported as fraud"
    )
    look.chart(alt.layer(bars, line).resolve_scale(y="independent"), f"By day: {mean}")
    return None


def _newest_alerts(there: Collection[str], days: Days) -> None:
    st.header("Newest alerts")
    if sentence := lacking(there, TRANSACTION_SCORES):
        return look.nothing(sentence)
    rows = alerts(data.ask, there, days, limit=NEWEST)
    if rows.empty:
        return look.nothing("There was no alert in these days.")
    chosen = alert_table(rows, "newest_alerts", "rerun")["selection"]["rows"]
    if chosen:
        look.go_to(PAGE, **{ALERT: str(rows["transaction_id"].iloc[chosen[0]])})
    return None


def _freshness(there: Collection[str]) -> None:
    st.header("How new the data are")
    rows = queries.freshness(data.ask, there)
    look.table(
        rows,
        "Newest transaction, report, score and alert",
        {
            "what": "what",
            "newest": look.at("newest"),
            "hours_behind": st.column_config.NumberColumn("behind, hours", format="%.1f"),
        },
    )
    batch = queries.last_batch(data.ask, there)
    if batch is not None:
        st.caption(f"The last batch was taken in at {pd.Timestamp(batch):%Y-%m-%d %H:%M} UTC.")
