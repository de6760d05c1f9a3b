"""The page of merchants and countries: where fraud is, by month."""

from collections.abc import Collection

import pandas as pd

from apps.dashboard.queries.ask import Ask
from apps.dashboard.queries.days import Days
from common.contracts.ddl import quoted
from common.contracts.marts import COUNTRY_CHANNEL_MATRIX, MERCHANT_RISK
from common.contracts.star import DIMENSIONS

SHOWN = 25
"""Merchants that are listed, the riskiest first."""

_SUMS = "sum(transactions) AS transactions, sum(amount_eur) AS amount_eur, sum(frauds) AS frauds, "
_MORE_SUMS = "sum(fraud_amount_eur) AS fraud_amount_eur, sum(alerts) AS alerts"


def riskiest(ask: Ask, there: Collection[str], days: Days, country: str = "", merchant: str = "") -> pd.DataFrame:
    """Merchants by their smoothed fraud rate of the newest month that days lie in, with sums over all such months.

    Args:
        ask: see `ask`.
        there: the tables that are there.
        days: their months are meant.
        country: where the merchant is established; empty: any.
        merchant: its id; empty: all.
    """
    risk = f"max_by(smoothed_fraud_rate, month) AS smoothed_fraud_rate, {_SUMS}{_MORE_SUMS}"
    summed = f"SELECT merchant_id, {risk} FROM {MERCHANT_RISK.name} WHERE {days.where_month()} GROUP BY merchant_id"
    dimension = DIMENSIONS["merchant"].name
    names = f"SELECT merchant_id, name, category_code, country FROM {dimension} WHERE is_current"
    if dimension not in there:
        names = "SELECT '' AS merchant_id, '' AS name, '' AS category_code, '' AS country WHERE FALSE"
    conditions = [f"country = {quoted(country)}"] if country else []
    conditions += [f"merchant_id = {quoted(merchant)}"] if merchant else []
    return ask(
        f"SELECT * FROM ({summed}) AS risk LEFT JOIN ({names}) AS named USING (merchant_id) "
        f"WHERE {' AND '.join(conditions) or 'TRUE'} "
        f"ORDER BY smoothed_fraud_rate DESC, frauds DESC, merchant_id LIMIT {SHOWN}"
    )


def months_of(ask: Ask, merchant: str) -> pd.DataFrame:
    """A merchant's months: transactions, amount_eur, frauds, alerts, fraud rates and rank."""
    return ask(
        "SELECT month, transactions, amount_eur, frauds, fraud_rate, smoothed_fraud_rate, risk_rank, alerts "
        f"FROM {MERCHANT_RISK.name} WHERE merchant_id = {quoted(merchant)} ORDER BY month"
    )


def countries(ask: Ask, days: Days) -> pd.DataFrame:
    """By country and channel of use: transactions, amount_eur, frauds, fraud_amount_eur, alerts."""
    return ask(
        f"SELECT coalesce(country, 'unknown') AS country, coalesce(channel, 'unknown') AS channel, {_SUMS}{_MORE_SUMS} "
        f"FROM {COUNTRY_CHANNEL_MATRIX.name} WHERE {days.where_month()} GROUP BY country, channel "
        "ORDER BY transactions DESC, country, channel"
    )
