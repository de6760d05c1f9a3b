"""What a micro-batch costs whose features come from the running state, as history gets longer.

    python -m benchmarks.state [FOLDER]

FOLDER (or HANDBOOK_DATA) holds the handbook's Parquet files. Batches of 500 rows from the same moment on, after 30, 90
and 180 days of history (or as many as the data have). No Spark is needed.
"""

import time
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.handbook.world import DELAY_DAYS, read, with_features
from benchmarks.measured import Goal, at_most, handbook_folder, show
from common.contracts.features import FEATURES
from common.features.customers import PLACES
from common.features.state import FeatureState
from common.features.state.feature_state import KEPT_DAYS
from common.features.timeline import DAY_MICROS

BATCH_ROWS = 500
BATCHES = 40
WARM_UP = 4
HISTORY_DAYS = (30, 90, 180)
GOAL_MICROSECONDS = 300
GOAL_RATIO = 1.2
GOAL_MEGABYTES = 500


@dataclass(frozen=True)
class Measured:
    """Microseconds of CPU a row (a batch's lower quartile), rows read a batch, megabytes, rows held, and features."""

    microseconds: float
    gathered: float
    megabytes: float
    held: int
    features: pa.Table


def transactions(rows: pd.DataFrame) -> pa.Table:
    """Rows of `world.read` as silver has them."""
    times = pa.array(rows["event_time"].astype("int64").to_numpy()).cast(pa.timestamp("us", "UTC"))
    cents = pa.array(rows["cents"].to_numpy()).cast(pa.decimal128(19, 0))
    unknown = pa.nulls(len(rows), pa.string())
    return pa.table(
        {
            # Ids of one length sort as the numbers do.
            "transaction_id": pc.utf8_lpad(_text(rows["transaction_id"]), 9, "0"),
            "event_time": times,
            "event_date": times.cast(pa.date32()),
            "customer_id": _text(rows["customer"]),
            "account_id": unknown,
            "terminal_id": _text(rows["terminal"]),
            "amount_eur": pc.multiply(cents, pa.scalar(Decimal("0.01"))).cast(pa.decimal128(18, 2)),
            **dict.fromkeys(PLACES, unknown),
        }
    )


def labels(rows: pd.DataFrame) -> pa.Table:
    """The frauds among the rows, each reported after the delay."""
    frauds = transactions(rows[rows["is_fraud"]])
    reported_at = pc.add(frauds["event_time"], pa.scalar(DELAY_DAYS * DAY_MICROS, pa.duration("us")))
    is_fraud = pa.array(np.ones(frauds.num_rows, bool))
    return pa.table({"transaction_id": frauds["transaction_id"], "is_fraud": is_fraud, "reported_at": reported_at})


def measure(history: pd.DataFrame, batches: list[pd.DataFrame]) -> Measured:
    """Loads the history into a state and lets the batches arrive."""
    start = int(batches[0]["event_time"].astype("int64").iloc[0])
    loaded, reported = transactions(history), labels(pd.concat([history, *batches]))
    arriving = [transactions(batch) for batch in batches]
    before = psutil.Process().memory_info().rss
    state = FeatureState(start - KEPT_DAYS * DAY_MICROS, DELAY_DAYS)
    state.learn(reported)
    state.add(loaded)
    megabytes = (psutil.Process().memory_info().rss - before) / 1e6
    found, seconds = [], []
    state.rows_gathered = 0
    for batch in arriving:
        began = time.process_time()
        found.append(state.features(batch))
        seconds.append(time.process_time() - began)
    microseconds = float(np.quantile(seconds[WARM_UP:], 0.25)) / BATCH_ROWS * 1e6
    return Measured(microseconds, state.rows_gathered / len(batches), megabytes, len(state), pa.concat_tables(found))


def equal_rows(found: pa.Table, rows: pd.DataFrame) -> int:
    """How many rows equal those of the functions called on all rows at once, in every feature and to the last bit."""
    full = with_features(rows, "float64").iloc[-found.num_rows :]
    is_equal = np.ones(found.num_rows, bool)
    for feature in FEATURES:
        ours = found[feature.name].cast(pa.float64()).to_numpy()
        theirs = full[feature.name].to_numpy("float64")
        is_equal &= (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    return int(is_equal.sum())


def main() -> None:
    """Measures and prints; says why where the data are absent."""
    rows = read(handbook_folder()).sort_values(["event_time", "transaction_id"], ignore_index=True)
    micros = rows["event_time"].astype("int64").to_numpy()
    first = len(rows) - BATCHES * BATCH_ROWS
    batches = [rows.iloc[at : at + BATCH_ROWS] for at in range(first, len(rows), BATCH_ROWS)]
    most_days = int((micros[first] - micros[0]) // DAY_MICROS)
    goals, measured = [], {}
    for days in dict.fromkeys(min(days, most_days) for days in HISTORY_DAYS):
        begin = int(np.searchsorted(micros, micros[first] - days * DAY_MICROS))
        found = measured[days] = measure(rows.iloc[begin:first], batches)
        what = f"after {days} days of history"
        goals += [
            at_most(f"{what}, CPU a row", found.microseconds, GOAL_MICROSECONDS, "microseconds"),
            Goal(f"{what}, rows read a batch", f"{found.gathered:,.0f}", "", None),
            at_most(f"{what}, memory for {found.held:,} rows", found.megabytes, GOAL_MEGABYTES, "MB"),
        ]
        equal = equal_rows(found.features, rows.iloc[begin:])
        asked = found.features.num_rows
        goals.append(Goal(f"{what}, rows equal to the full computation", f"{equal:,}", f"{asked:,}", equal == asked))
    shortest, longest = min(measured), max(measured)
    ratio = measured[longest].microseconds / measured[shortest].microseconds
    goals.append(at_most(f"CPU after {longest} days over {shortest} days", ratio, GOAL_RATIO, "times"))
    show(f"Features of micro-batches of {BATCH_ROWS} rows from the running state, handbook data", goals)


def _text(numbers: "pd.Series[int]") -> pa.Array:
    return pa.array(numbers.to_numpy()).cast(pa.string())


if __name__ == "__main__":
    main()
