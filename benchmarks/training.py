"""How long training takes on the whole of the handbook's data, with the search that the job has by default.

    python -m benchmarks.training [FOLDER]

FOLDER (or HANDBOOK_DATA) holds the handbook's Parquet files. Measured is `common.ml.train.train`, from transactions
with their features in memory to a judged model: search on validation folds, calibration, threshold, final fit, figures
with intervals. Spark has no part in it, nor has reading the window from Delta tables.

No customers are left out of the test week, as the Handbook's protocol does it, so that frauds are easier to rank: there
the upper bound of `benchmarks.handbook` has an average precision of .817.
"""

import time
from pathlib import Path

import pandas as pd

from benchmarks.handbook.world import DELAY_DAYS, read, with_features
from benchmarks.measured import Goal, at_most, handbook_folder, show
from common.contracts.features import FEATURE_NAMES
from common.ml.folds import TEST_DAYS, protocol_at
from common.ml.train import train
from common.ml.window import Window
from common.parameters import PARAMETERS

CARDS_PER_DAY = 100


def window_of(source: Path) -> Window:
    """All transactions with their features, and a report of each fraud; features that the data can't feed are null."""
    rows = with_features(read(source))
    rows = rows.assign(transaction_id=rows["transaction_id"].astype(str), customer_id=rows["card"], account_id=None)
    frauds = rows.loc[rows["is_fraud"], ["transaction_id", "is_fraud", "event_time"]]
    reports = frauds.assign(reported_at=frauds["event_time"] + pd.Timedelta(days=DELAY_DAYS))
    absent = {name: float("nan") for name in FEATURE_NAMES if name not in rows}
    return Window(rows.drop(columns="is_fraud").assign(**absent), reports.drop(columns="event_time"))


def whole_days(rows: pd.DataFrame) -> tuple[pd.Timestamp, int]:
    """The day after the last, and the longest training window that leaves room for delay, test and validation."""
    first, end = rows["day"].min(), rows["day"].max() + pd.Timedelta(days=1)
    return end, (end - first).days - 2 * (TEST_DAYS + DELAY_DAYS) - DELAY_DAYS


def main() -> None:
    """Measures and prints; says why where the data are absent."""
    window = window_of(handbook_folder())
    end, train_days = whole_days(window.rows)
    protocol = protocol_at(end.to_pydatetime(), train_days)
    wall, cpu = time.perf_counter(), time.process_time()
    trained = train(
        window,
        rules_hit=pd.Series(dtype="int64"),
        protocol=protocol,
        cards_per_day=CARDS_PER_DAY,
        seed=int(str(PARAMETERS["seed"].default)),
        report=print,
    )
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    show(
        f"Training on {len(window.rows):,} transactions, {train_days} days to learn from, {len(trained.trials)} trials",
        [
            at_most("search, fit and figures", seconds / 60, 15, "minutes"),
            Goal("CPU", f"{cpu_seconds / 60:.1f} minutes", "", None),
            Goal("average precision in the test week", f"{trained.figures['model'].average_precision:.3f}", "", None),
        ],
    )


if __name__ == "__main__":
    main()
