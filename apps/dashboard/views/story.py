"""The story of a card around one of its transactions."""

from collections.abc import Collection
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from apps.dashboard import data, look
from apps.dashboard.queries import story as queries
from common.ml.story_window import BAND_DAYS, BAND_SHARE, usual_eur

PAYMENT, KNOWN_FRAUD, ANOTHER_ALERT, THIS = "payment", "known fraud", "another alert", "this one"
_COLOURS = {PAYMENT: look.VOLUME, KNOWN_FRAUD: look.FRAUD, ANOTHER_ALERT: look.OPEN, THIS: look.OPEN}
_SHAPES = {PAYMENT: "circle", KNOWN_FRAUD: "cross", ANOTHER_ALERT: "triangle-up", THIS: "diamond"}
_TERMINAL = {"not known to be fraud": look.VOLUME, "known fraud": look.FRAUD}


def story(there: Collection[str], alert: "pd.Series[Any]") -> None:
    """Draws it: the decision and its reasons, what was stated, the card's payments, the terminal's days."""
    when = pd.Timestamp(alert["event_time"])
    at_whom = alert["merchant"] or alert["merchant_id"] or "an unknown merchant"
    st.header(f"€ {alert['amount_eur']:,.2f} at {look.escaped(str(at_whom))}, {when:%d %B %Y %H:%M} UTC")
    left, right = st.columns([3, 2])
    with left:
        st.markdown(_reasons(alert))
    with right:
        st.markdown(_facts(there, alert))
    stated = queries.statements(data.ask, there, str(alert["transaction_id"]), data.role())
    if not stated.empty:
        columns = {"stated_at": look.at("when"), "by": "by", "says": "says"} | (
            {"note": "note"} if "note" in stated else {}
        )
        look.table(stated, "What was stated on this transaction", columns)
    left, right = st.columns([3, 2])
    with left:
        _payments(there, alert)
    with right:
        _terminal(there, alert)


def _reasons(alert: "pd.Series[Any]") -> str:
    reasons = [str(reason) for reason in alert["reasons"]]
    return (
        "\n".join(f"1. {look.escaped(reason)}" for reason in reasons) or "Decided to be genuine: there are no reasons."
    )


def _facts(there: Collection[str], alert: "pd.Series[Any]") -> str:
    """Score, place, who: in lines. Names, where the role may see them."""
    facts = {
        "score": f"{alert['score']:.3f}, threshold {alert['threshold']:.3f}, model version {alert['model_version']}",
        "known so far": alert["known"],
        "where": ", ".join(str(part) for part in (alert["channel"], alert["country"], alert["terminal_id"]) if part),
        "customer": alert["customer_id"],
        "account": alert["account_id"],
        "transaction": alert["transaction_id"],
    }
    person = queries.person(data.ask, there, str(alert["customer_id"] or ""), data.role())
    if person is not None:
        told = person.drop("customer_id").dropna()
        facts["customer"] = f"{alert['customer_id']}: {', '.join(map(str, told))}"
    return "\n".join(f"- **{name}** {look.escaped(str(value))}" for name, value in facts.items() if value)


def _payments(there: Collection[str], alert: "pd.Series[Any]") -> None:
    rows = queries.payments(data.ask, there, alert)
    kind = pd.Series(PAYMENT, rows.index).mask(rows["is_alert"], ANOTHER_ALERT).mask(rows["is_fraud"], KNOWN_FRAUD)
    shown = rows.assign(what=kind.mask(rows["transaction_id"] == alert["transaction_id"], THIS))
    shown = shown.dropna(subset="amount_eur")
    amounts = shown["amount_eur"]
    wide = len(amounts) > 0 and amounts.min() > 0 and amounts.max() > 50 * amounts.median()
    usual = usual_eur(rows, pd.Timestamp(alert["event_time"]))
    st.markdown("**Payments of the card's holder**")
    points = (
        alt.Chart(shown)
        .mark_point(filled=True, opacity=0.9)
        .encode(
            x=alt.X("event_time:T", axis=look.days_axis()),
            y=alt.Y("amount_eur:Q", title="euro", scale=alt.Scale(type="log" if wide else "linear")),
            color=alt.Color("what:N", scale=look.colours(_COLOURS), legend=alt.Legend(orient="top", title=None)),
            shape=alt.Shape("what:N", scale=look.colours(_SHAPES)),
            size=alt.condition(alt.datum.what == THIS, alt.value(220), alt.value(55)),
            tooltip=[
                alt.Tooltip("event_time:T", format="%Y-%m-%d %H:%M"),
                "amount_eur:Q",
                "what:N",
                "transaction_id:N",
            ],
        )
    )
    layers: list[alt.Chart] = [points]
    sentence = f"{len(shown)} payments, the largest of {look.euros(amounts.max() if len(amounts) else 0)}"
    if usual:
        band = pd.DataFrame({"low": [usual[0]], "high": [usual[1]]})
        rule = alt.Chart(band).mark_rect(color=look.GENUINE, opacity=0.2).encode(y="low:Q", y2="high:Q")
        layers.insert(0, rule)
        between = f"between {usual[0]:,.2f} and {usual[1]:,.2f} euro"
        sentence += f"; {BAND_SHARE:.0%} of those of the {BAND_DAYS} days before lie {between}"
    look.chart(alt.layer(*layers), sentence)
    st.caption(f"{sentence}{' (the band)' if usual else ''}.")


def _terminal(there: Collection[str], alert: "pd.Series[Any]") -> None:
    terminal = look.escaped(str(alert["terminal_id"] or ""))
    st.markdown(f"**Terminal {terminal}**" if terminal else "**No terminal is known**")
    days = queries.terminal_days(data.ask, there, alert)
    if days.empty:
        return
    bars = (
        alt.Chart(days)
        .mark_bar()
        .encode(
            x=alt.X("yearmonthdate(event_date):T", axis=look.days_axis()),
            y=alt.Y("transactions:Q", title="transactions a day", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("known:N", scale=look.colours(_TERMINAL), legend=alt.Legend(orient="top", title=None)),
            tooltip=[alt.Tooltip("event_date:T", title="day"), "known:N", "transactions:Q"],
        )
    )
    frauds = int(days.loc[days["known"] == "known fraud", "transactions"].sum())
    sentence = f"{int(days['transactions'].sum())} transactions in these weeks, {frauds} known to be fraud"
    look.chart(bars, sentence)
    st.caption(f"{sentence}.")
