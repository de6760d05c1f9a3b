"""Transactions of the Handbook's kind, with their features, in memory.

The features come from the functions that Spark calls on each part of the data (`common.features.customers`,
`.terminals`), called here on all of it at once: seconds, and no Spark. That both ways give the same is tested in
tests/unit/common/features/. Every fraud is reported exactly DELAY_DAYS after it happened, as the Handbook has it.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from common.contracts.features import FEATURES
from common.features.customers import PLACES, Habit, customer_features
from common.features.payments import payment_features
from common.features.rows import SPANS, codes_of, rows_of
from common.features.terminals import terminal_features
from common.features.timeline import DAY_MICROS

DELAY_DAYS = 7
_COLUMNS = ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD", "TX_FRAUD_SCENARIO"]


def read(source: Path) -> pd.DataFrame:
    """The Handbook's Parquet files as `with_features` takes them."""
    found = pd.concat([pd.read_parquet(file, columns=_COLUMNS) for file in sorted(source.glob("*.parquet"))])
    return pd.DataFrame(
        {
            "transaction_id": found["TRANSACTION_ID"].astype("int64"),
            "event_time": found["TX_DATETIME"].dt.tz_localize("UTC").astype("datetime64[us, UTC]"),
            "customer": found["CUSTOMER_ID"].astype("int64"),
            "terminal": found["TERMINAL_ID"].astype("int64"),
            "cents": (found["TX_AMOUNT"] * 100).round().astype("int64"),
            "is_fraud": found["TX_FRAUD"].astype(bool),
            "scenario": found["TX_FRAUD_SCENARIO"].astype("int64"),
        }
    )


def with_features(transactions: pd.DataFrame, kind: str = "float32") -> pd.DataFrame:
    """The transactions by time, with their features, `day`, `card`, `amount_eur` and a new index.

    Takes transaction_id, event_time, customer, terminal, cents, is_fraud and whatever else it is to keep. Where they
    are there, the columns of `PLACES` count, as do `known_from` and `until`: when it was first reported as fraud, and
    when that was withdrawn. Otherwise each fraud is reported DELAY_DAYS after it happened.
    Features are numbers of `kind`.
    """
    rows = transactions.sort_values(["event_time", "transaction_id"], ignore_index=True)
    micros = rows["event_time"].astype("int64")
    found: dict[str, np.ndarray] = {}
    is_explained = np.zeros(len(rows), bool)
    for key in ("customer", "terminal"):
        order = np.lexsort((micros, rows[key]))
        table = _table(rows.iloc[order], f"{key}_id", rows[key].iloc[order])
        ours = rows_of(table, codes_of(table[f"{key}_id"]), f"{key}_id")
        if key == "customer":
            habit = Habit.unknown(len(rows))
            values = customer_features(ours, table, habit=habit)
            is_explained[order] = habit.is_explained
        else:
            values = terminal_features(ours, is_explained[order], DELAY_DAYS)
        for name, column in values.items():
            found[name] = np.empty(len(rows), kind)
            found[name][order] = np.ma.filled(np.ma.asarray(column).astype(kind), np.nan)
    times, cents = np.asarray(micros, "int64"), np.asarray(rows["cents"], "int64")
    of_payment = payment_features(times, times // DAY_MICROS, cents, np.ones(len(rows), bool))
    found |= {name: of_payment[name].data.astype("float32") for name in ("is_weekend", "is_night")}
    return rows.assign(
        day=rows["event_time"].dt.floor("D"),
        card=rows["customer"].astype(str).astype(object),
        amount_eur=rows["cents"] / 100,
        **{feature.name: found[feature.name] for feature in FEATURES if feature.name in found},
    )


def _table(rows: pd.DataFrame, key: str, keys: "pd.Series[int]") -> pa.Table:
    happened = rows["event_time"]
    if "known_from" in rows:
        known_from, until = rows["known_from"], rows["until"]
    else:
        known_from = (happened + pd.Timedelta(days=DELAY_DAYS)).where(rows["is_fraud"])
        until = pd.Series(pd.NaT, rows.index, happened.dtype)
    is_known = known_from.notna().to_numpy()
    spans = pa.StructArray.from_arrays(
        [pa.array(times[is_known]).cast(pa.timestamp("us")).cast("int64") for times in (known_from, until)],
        ["known_from", "until"],
    )
    offsets = np.concatenate([[0], np.cumsum(is_known)]).astype("int32")
    return pa.table(
        {
            key: pa.array(keys.to_numpy()),
            "event_micros": happened.astype("int64").to_numpy(),
            "cents": rows["cents"].to_numpy(),
            SPANS: pa.ListArray.from_arrays(pa.array(offsets), spans),
            **{
                place: pa.array(rows[place], pa.string()) if place in rows else pa.nulls(len(rows), pa.string())
                for place in PLACES
            },
        }
    )
