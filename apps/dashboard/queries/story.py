"""The story of a card: what its holder paid in the weeks around an alert, what happened at the terminal, who it is."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pandas as pd

from apps.dashboard.queries.alerts import said
from apps.dashboard.queries.ask import Ask
from apps.dashboard.queries.days import Days
from apps.dashboard.roles import Role
from common.contracts.ddl import quoted
from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.contracts.silver import CUSTOMER, FRAUD_REPORTS
from common.contracts.verdicts import ALERT_VERDICTS
from common.ml.story_window import DAYS_AFTER, DAYS_BEFORE

_OF_A_PERSON = ("customer_id", "full_name", "email", "phone", "city", "country")


def payments(ask: Ask, there: Collection[str], alert: "pd.Series[Any]") -> pd.DataFrame:
    """The customer's payments around it: event_time, transaction_id, amount_eur, is_alert, is_fraud (known so far).

    Without a customer they are the account's, without an account the transaction alone.
    """
    whose = next((name for name in ("customer_id", "account_id") if alert[name]), "transaction_id")
    columns = f"event_time, transaction_id, amount_eur, ({IS_ALERT}) AS is_alert"
    return _around(ask, there, alert, columns, whose).sort_values(["event_time", "transaction_id"])


def terminal_days(ask: Ask, there: Collection[str], alert: "pd.Series[Any]") -> pd.DataFrame:
    """By day around it, what happened at the terminal: event_date, known (fraud or not), transactions."""
    if not alert["terminal_id"]:
        return pd.DataFrame({"event_date": pd.Series(dtype="datetime64[ns]"), "known": [], "transactions": []})
    rows = _around(ask, there, alert, "event_date, transaction_id", "terminal_id")
    known = rows["is_fraud"].map({True: "known fraud", False: "not known to be fraud"})
    return rows.groupby(["event_date", known.rename("known")]).size().reset_index(name="transactions")


def statements(ask: Ask, there: Collection[str], transaction_id: str, role: Role) -> pd.DataFrame:
    """What was stated on a transaction, in order: stated_at, by, says; notes for who may see persons."""
    has_note = bool(role.readable(ALERT_VERDICTS, "note"))
    note = ("CAST(NULL AS STRING) AS note", "note") if has_note else ()
    columns = {
        FRAUD_REPORTS: ("reported_at AS stated_at", "'report' AS by", "IF(is_fraud, 'fraud', 'genuine') AS says"),
        ALERT_VERDICTS: ("decided_at AS stated_at", "reviewer AS by", "verdict AS says"),
    }
    extra = dict(zip(columns, note, strict=False))
    stated = [
        f"SELECT {', '.join([*of, *([extra[table]] if table in extra else [])])} FROM {table.name} "
        f"WHERE transaction_id = {quoted(transaction_id)}"
        for table, of in columns.items()
        if table.name in there
    ]
    if not stated:
        return pd.DataFrame(columns=["stated_at", "by", "says"])
    return ask(f"SELECT * FROM ({' UNION ALL '.join(stated)}) AS stated ORDER BY stated_at, says")


def person(ask: Ask, there: Collection[str], customer_id: str, role: Role) -> "pd.Series[Any] | None":
    """The customer, as the role may see them; None where they aren't known."""
    table = CUSTOMER.history
    if not customer_id or table.name not in there:
        return None
    columns = ", ".join(role.readable(table, *_OF_A_PERSON))
    found = ask(f"SELECT {columns} FROM {table.name} WHERE is_current AND customer_id = {quoted(customer_id)} LIMIT 1")
    return None if found.empty else found.iloc[0]


def days_around(alert: "pd.Series[Any]") -> Days:
    """The days that the story tells of."""
    day = pd.Timestamp(alert["event_date"]).date()
    return Days(day - timedelta(days=DAYS_BEFORE), day + timedelta(days=DAYS_AFTER))


def _around(ask: Ask, there: Collection[str], alert: "pd.Series[Any]", columns: str, whose: str) -> pd.DataFrame:
    theirs = f"{whose} = {quoted(str(alert[whose]))} AND {days_around(alert).where()}"
    return ask(
        f"SELECT s.*, coalesce(said.is_fraud, FALSE) AS is_fraud FROM (SELECT {columns} FROM {TRANSACTION_SCORES.name} "
        f"WHERE {theirs}) AS s LEFT JOIN ({said(there)}) AS said USING (transaction_id)"
    )
