"""The page of alerts: which there are, why, and what is known of each so far."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd

from apps.dashboard.queries.ask import Ask
from apps.dashboard.queries.days import Days
from common.contracts.ddl import quoted
from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS
from common.contracts.star import DIMENSIONS, FACT_TRANSACTION
from common.contracts.verdicts import ALERT_VERDICTS, FRAUD, UNSURE

SHOWN = 500
"""Alerts that are listed at most, the newest first."""

NOTHING_KNOWN = "nothing yet"
_OF_A_SCORE = (
    "transaction_id, event_time, event_date, customer_id, account_id, merchant_id, terminal_id, amount_eur, score, "
    "threshold, rules_hit, reasons, model_version"
)


@dataclass(frozen=True)
class Chosen:
    """Which alerts are meant; empty texts choose nothing."""

    country: str = ""
    merchant: str = ""
    customer: str = ""

    def where(self) -> str:
        """The SQL condition over the columns of the list; `customer` is the customer's id, or the account's."""
        conditions = [f"country = {quoted(self.country)}"] if self.country else []
        conditions += [f"merchant_id = {quoted(self.merchant)}"] if self.merchant else []
        if self.customer:
            conditions.append(f"(customer_id = {quoted(self.customer)} OR account_id = {quoted(self.customer)})")
        return " AND ".join(conditions) or "TRUE"


def alerts(ask: Ask, there: Collection[str], days: Days, chosen: Chosen = Chosen(), limit: int = SHOWN) -> pd.DataFrame:
    """The newest alerts: who, where, how much, score, reasons, and `known`, what is known of each so far."""
    return ask(
        f"SELECT * FROM ({_told(there, f'{IS_ALERT} AND {days.where()}')}) AS told WHERE {chosen.where()} "
        f"ORDER BY event_time DESC, transaction_id LIMIT {limit}"
    )


def scored(ask: Ask, there: Collection[str], transaction_id: str) -> "pd.Series[Any] | None":
    """One transaction as `alerts` has it, alert or not; None where it was not scored."""
    found = ask(_told(there, f"transaction_id = {quoted(transaction_id)}"))
    return None if found.empty else found.iloc[0]


def said(there: Collection[str]) -> str:
    """The query of what is known so far: transaction_id, is_fraud. As `features.labels` has it, in SQL.

    The last statement counts, whoever made it; of those at the same time, fraud is believed.
    """
    statements = {
        FRAUD_REPORTS: "SELECT transaction_id, is_fraud, reported_at FROM silver.fraud_reports",
        ALERT_VERDICTS: f"SELECT transaction_id, verdict = '{FRAUD}' AS is_fraud, decided_at AS reported_at "
        f"FROM silver.alert_verdicts WHERE verdict <> '{UNSURE}'",
    }
    stated = [query for table, query in statements.items() if table.name in there]
    if not stated:
        return "SELECT '' AS transaction_id, FALSE AS is_fraud WHERE FALSE"
    last = "row_number() OVER (PARTITION BY transaction_id ORDER BY reported_at DESC, is_fraud DESC) AS place"
    ranked = f"SELECT transaction_id, is_fraud, {last} FROM ({' UNION ALL '.join(stated)}) AS stated"
    return f"SELECT transaction_id, is_fraud FROM ({ranked}) AS ranked WHERE place = 1"


def _told(there: Collection[str], condition: str) -> str:
    """Scores under a condition, with country, channel and merchant's name where the star schema is there."""
    known = f"CASE WHEN said.is_fraud THEN 'fraud' WHEN NOT said.is_fraud THEN 'genuine' ELSE '{NOTHING_KNOWN}' END"
    columns, joins = [f"s.*, {known} AS known"], [f"LEFT JOIN ({said(there)}) AS said USING (transaction_id)"]
    if FACT_TRANSACTION.name in there and DIMENSIONS["merchant"].name in there:
        columns.append("f.country, f.channel, m.name AS merchant, m.category_code")
        joins.append(
            "LEFT JOIN gold.fact_transaction AS f ON f.transaction_id = s.transaction_id "
            "AND f.event_date = s.event_date LEFT JOIN gold.dim_merchant AS m ON m.merchant_key = f.merchant_key"
        )
    else:
        columns.append(", ".join(f"CAST(NULL AS STRING) AS {name}" for name in _OF_THE_STAR))
    scores = f"SELECT {_OF_A_SCORE} FROM {TRANSACTION_SCORES.name} WHERE {condition}"
    return f"SELECT {', '.join(columns)} FROM ({scores}) AS s {' '.join(joins)}"


_OF_THE_STAR = ("country", "channel", "merchant", "category_code")
