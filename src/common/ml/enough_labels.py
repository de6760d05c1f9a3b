"""Which parts of the protocol have labels enough, and what training does where they haven't."""

import pandas as pd

from common.errors import ModelError
from common.ml.booster import Split
from common.ml.folds import Protocol, between, rows_to_judge, rows_to_learn
from common.ml.window import Window

MIN_TRAIN_FRAUDS = 50
MIN_TEST_FRAUDS = 10


class TooFewLabels(ModelError):
    """There are too few frauds to learn from, or to test on."""


def counts(window: Window, protocol: Protocol) -> pd.DataFrame:
    """Transactions, frauds and share of fraud of each part of the protocol."""
    parts = {
        f"{name}, {part}": rows(window.rows, window.reports, fold)
        for name, fold in (("validation", protocol.validation), ("final", protocol.test))
        for part, rows in (("train", rows_to_learn), ("test", rows_to_judge))
    }
    table = pd.DataFrame(
        {name: {"transactions": len(rows), "frauds": int(rows["is_fraud"].sum())} for name, rows in parts.items()}
    ).T
    return table.assign(share_of_fraud=table["frauds"] / table["transactions"].clip(lower=1))


def too_few_labels(train_frauds: int, test_frauds: int) -> str | None:
    """Says so, with the counts, when there are too few frauds to train or to test on."""
    if train_frauds >= MIN_TRAIN_FRAUDS and test_frauds >= MIN_TEST_FRAUDS:
        return None
    return (
        f"not enough labels: {train_frauds} frauds to train on ({MIN_TRAIN_FRAUDS} needed), "
        f"{test_frauds} to test on ({MIN_TEST_FRAUDS} needed)"
    )


def validation_splits(window: Window, protocol: Protocol) -> list[Split]:
    """The validation folds that the data reach back to; at least one.

    The newest is used where it has labels enough, those before it where their whole training window is there, too. In
    data too young for any, the training window's first two thirds and the rest take its place. Either way every label
    was known at the test window's beginning.
    """
    newest, *older = protocol.validations
    oldest_day = window.rows["event_time"].min().floor("D")
    folds = [newest, *(fold for fold in older if oldest_day <= fold.train_start)]
    splits = [
        Split(rows_to_learn(window.rows, window.reports, fold), rows_to_judge(window.rows, window.reports, fold))
        for fold in folds
    ]
    if enough := [split for split in splits if not _lacks_labels(split)]:
        return enough
    learnt = rows_to_learn(window.rows, window.reports, protocol.test)
    first, end = learnt["event_time"].min().floor("D"), protocol.test.train_end
    middle = (first + (end - first) * 2 / 3).floor("D")
    return [Split(between(learnt, first, middle), between(learnt, middle, end))]


def _lacks_labels(split: Split) -> bool:
    return too_few_labels(int(split.train["is_fraud"].sum()), int(split.valid["is_fraud"].sum())) is not None
