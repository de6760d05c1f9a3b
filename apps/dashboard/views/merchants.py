"""Merchants and countries: where fraud is, month by month."""

from collections.abc import Collection

import altair as alt
import pandas as pd
import streamlit as st

from apps.dashboard import data, filters, look
from apps.dashboard.queries import merchants as queries
from apps.dashboard.queries.ask import lacking
from apps.dashboard.queries.days import Days
from common.contracts.marts import COUNTRY_CHANNEL_MATRIX, MERCHANT_RISK

COUNTRIES = 20
"""Countries that are drawn, those with most transactions."""


def page() -> None:
    """Draws the page."""
    st.title("Merchants and countries")
    there, known = data.tables_there(), data.known()
    if sentence := lacking(there, MERCHANT_RISK, COUNTRY_CHANNEL_MATRIX):
        return look.nothing(sentence)
    if known is None:
        return look.nothing("No transaction is there yet.")
    with st.container(horizontal=True):
        days = filters.days(known)
        rows = queries.countries(data.ask, days)
        country = filters.country(sorted(queries.countries(data.ask, known)["country"].unique()))
        merchant = filters.text("Merchant", "merchant", "its id")
    st.caption(f"Sums are of whole months: those that have a day from {days.first} to {days.last}.")
    _merchants(there, days, country, merchant)
    if merchant:
        _months(merchant)
    if rows.empty:
        look.nothing("There was no transaction in these months.")
    else:
        _countries(rows, country)
    return None


def _merchants(there: Collection[str], days: Days, country: str, merchant: str) -> None:
    st.header("Riskiest merchants")
    rows = queries.riskiest(data.ask, there, days, country, merchant)
    if rows.empty:
        return look.nothing("No such merchant had a transaction in these months.")
    shown = rows.assign(
        smoothed=rows["smoothed_fraud_rate"] * 100, rate=100 * rows["frauds"] / rows["transactions"].clip(lower=1)
    )

    def chosen() -> None:
        places = st.session_state["riskiest"]["selection"]["rows"]
        if places:
            st.session_state["merchant"] = str(rows["merchant_id"].iloc[places[0]])

    look.table(
        shown,
        "Merchants by fraud rate, the riskiest first",
        {
            "name": "merchant",
            "merchant_id": "id",
            "country": "country",
            "category_code": st.column_config.TextColumn("category", help="Merchant category code, ISO 18245"),
            "smoothed": st.column_config.ProgressColumn(
                "fraud rate, smoothed",
                format="%.2f %%",
                min_value=0,
                max_value=float(shown["smoothed"].max()) or 1.0,
                help="Of the newest of these months; drawn to that of all merchants where transactions are few",
            ),
            "rate": look.share("fraud rate"),
            "frauds": look.count("frauds"),
            "fraud_amount_eur": look.euro("fraud"),
            "alerts": look.count("alerts"),
            "transactions": look.count("transactions"),
            "amount_eur": look.euro("volume"),
        },
        key="riskiest",
        on_select=chosen,
        selection_mode="single-row",
        most=9,
    )
    return None


def _months(merchant: str) -> None:
    st.header(f"Months of {look.escaped(merchant)}")
    rows = queries.months_of(data.ask, merchant)
    if rows.empty:
        return look.nothing(f"{look.escaped(merchant)} had no transaction.")
    shown = rows.assign(rate=rows["fraud_rate"] * 100, month=rows["month"].dt.strftime("%Y-%m"))
    look.table(
        shown,
        f"Months of {merchant}",
        {
            "month": "month",
            "transactions": look.count("transactions"),
            "amount_eur": look.euro("volume"),
            "frauds": look.count("frauds"),
            "rate": look.share("fraud rate"),
            "risk_rank": look.count("place by risk"),
            "alerts": look.count("alerts"),
        },
    )
    return None


def _countries(rows: pd.DataFrame, country: str) -> None:
    by_country = rows.groupby("country")[["transactions", "amount_eur", "frauds", "fraud_amount_eur", "alerts"]].sum()
    most = by_country.nlargest(COUNTRIES, "transactions").index
    shown = rows[rows["country"].isin({*most, country})].assign(
        rate=lambda found: 100 * found["frauds"] / found["transactions"].clip(lower=1),
        channel=lambda found: found["channel"].str.replace("_", " "),
    )
    left, right = st.columns(2)
    with left:
        st.header("Fraud rate by country and channel")
        order = list(by_country.loc[by_country.index.isin({*most, country})].sort_values("transactions").index[::-1])
        x = alt.X("channel:N", title=None, axis=alt.Axis(labelAngle=0, orient="top"))
        y = alt.Y("country:N", title=None, sort=order)
        middle = float(shown["rate"].max()) / 4
        cells = (
            alt.Chart(shown)
            .mark_rect()
            .encode(
                x=x,
                y=y,
                color=alt.Color("rate:Q", title="fraud, %", scale=alt.Scale(scheme="reds", type="sqrt"), legend=None),
                tooltip=[
                    "country",
                    "channel",
                    alt.Tooltip("rate:Q", title="fraud, %", format=".2f"),
                    "frauds",
                    "transactions",
                ],
            )
        )
        numbers = (
            alt.Chart(shown)
            .mark_text(fontSize=11)
            .encode(
                x=x,
                y=y,
                text=alt.Text("rate:Q", format=".2f"),
                color=alt.condition(alt.datum.rate > middle, alt.value("#ffffff"), alt.value("#1b2733")),
            )
        )
        worst = shown.nlargest(1, "rate").iloc[0]
        where = f"{worst['country']}, {worst['channel']}"
        heard = f"Fraud rate of {len(order)} countries by channel; the highest is {worst['rate']:.2f} % in {where}"
        look.chart(alt.layer(cells, numbers), heard, height=24 * len(order) + 40)
    with right:
        st.header("Countries where cards were used")
        summed = by_country.sort_values("frauds", ascending=False).reset_index()
        if country:
            summed = summed[summed["country"] == country]
        look.table(
            summed.assign(rate=100 * summed["frauds"] / summed["transactions"].clip(lower=1)),
            "Countries by frauds",
            {
                "country": "country",
                "frauds": look.count("frauds"),
                "rate": look.share("fraud rate"),
                "fraud_amount_eur": look.euro("fraud"),
                "alerts": look.count("alerts"),
                "transactions": look.count("transactions"),
                "amount_eur": look.euro("volume"),
            },
            most=14,
        )
