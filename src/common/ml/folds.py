"""Splits in time: what may be learnt from, what is tested on, and when its labels were known.

A model that goes live at T could have learnt only from transactions whose labels had arrived by then. A fold
says so with dates: train on [T - days, T - delay), test on [T, T + 7 d). (The validation with a delay of the
Fraud Detection Handbook, chapter 5.)
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from common.features.labels import REPORT_ORDER
from common.settings import LABEL_DELAY_DAYS

TEST_DAYS = 7


@dataclass(frozen=True)
class Fold:
    """A training window and the test window after it, half-open, UTC.

    `test_start` is T: the moment that the model could have gone live, and at which training labels are known.
    `labels_known_at` is when the labels of the test window are mature.
    """

    train_start: datetime
    train_end: datetime
    test_start: datetime
    test_end: datetime
    labels_known_at: datetime

    def dates(self) -> dict[str, str]:
        """The boundaries as days (YYYY-MM-DD), for logs and the model card."""
        return {
            name: f"{getattr(self, name):%Y-%m-%d}"
            for name in ("train_start", "train_end", "test_start", "test_end", "labels_known_at")
        }


@dataclass(frozen=True)
class Protocol:
    """The fold that is reported, and the strictly earlier ones that all choices are made on, the newest first.

    All labels of the validation folds are mature at the reported fold's test_start, so choosing by them uses nothing
    that the model could not have known.
    """

    validations: tuple[Fold, ...]
    test: Fold

    @property
    def validation(self) -> Fold:
        """The newest validation fold, which is used however short its training window is."""
        return self.validations[0]

    @property
    def start(self) -> datetime:
        """The first moment whose transactions are needed."""
        return self.validations[-1].train_start


def fold_at(
    test_start: datetime, train_days: int, delay_days: int = LABEL_DELAY_DAYS, test_days: int = TEST_DAYS
) -> Fold:
    """The fold of the model that goes live at T = `test_start`.

    It trains on [T - train_days - delay_days, T - delay_days): `train_days` days of mature labels.
    """
    delay, test = timedelta(days=delay_days), timedelta(days=test_days)
    return Fold(
        train_start=test_start - delay - timedelta(days=train_days),
        train_end=test_start - delay,
        test_start=test_start,
        test_end=test_start + test,
        labels_known_at=test_start + test + delay,
    )


def protocol_at(
    as_of: datetime, train_days: int, delay_days: int = LABEL_DELAY_DAYS, validation_folds: int = 1
) -> Protocol:
    """The folds when transactions up to `as_of` (a day, exclusive) are there.

    The test week is the last whose labels are mature at `as_of`, the first validation week the last whose labels are
    mature at the test week's beginning. Further validation weeks are those before it, each a week earlier.
    """
    back = timedelta(days=delay_days + TEST_DAYS)
    test = fold_at(as_of - back, train_days, delay_days)
    weeks = [test.test_start - back - timedelta(days=TEST_DAYS * number) for number in range(validation_folds)]
    return Protocol(validations=tuple(fold_at(week, train_days, delay_days) for week in weeks), test=test)


def between(frame: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
    """The rows of a frame whose `event_time` lies in [start, end)."""
    return frame[(frame["event_time"] >= start) & (frame["event_time"] < end)]


def labels_known(transaction_ids: "pd.Series[str]", reports: pd.DataFrame, known_at: datetime) -> "pd.Series[bool]":
    """Whether each transaction was known to be fraud at `known_at`.

    `reports` has transaction_id, is_fraud, reported_at; of several reports of one transaction the last that had
    come in by then counts (by `REPORT_ORDER`, as in the features), and one without a report counts as genuine.
    """
    known = reports[reports["reported_at"] <= known_at].sort_values(list(REPORT_ORDER))
    last = known.drop_duplicates("transaction_id", keep="last")
    frauds = last.loc[last["is_fraud"].astype(bool), "transaction_id"]
    return transaction_ids.isin(frauds)


def rows_to_learn(frame: pd.DataFrame, reports: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """The rows to learn from, with `is_fraud` as known at the fold's test_start."""
    rows = between(frame, fold.train_start, fold.train_end)
    return rows.assign(is_fraud=labels_known(rows["transaction_id"], reports, fold.test_start))


def rows_to_judge(frame: pd.DataFrame, reports: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """The rows to be judged by, with `is_fraud` as known when the labels of the test window are mature."""
    rows = between(frame, fold.test_start, fold.test_end)
    return rows.assign(is_fraud=labels_known(rows["transaction_id"], reports, fold.labels_known_at))
