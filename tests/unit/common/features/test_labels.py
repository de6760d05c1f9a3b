"""Which of a transaction's labels counts, whoever made it."""

from dataclasses import replace
from itertools import product

import pandas as pd
import pytest
from feature_worlds import Report, at, reports_frame, verdicts_frame
from pyspark.sql import DataFrame, SparkSession

from common.features.labels import labels, last_labels
from common.ml.folds import labels_known

pytestmark = pytest.mark.spark

REPORTS = (
    Report("withdrawn", True, at(1)),
    Report("withdrawn", False, at(5)),
    Report("again", True, at(1)),
    Report("again", False, at(2)),
    Report("again", True, at(3)),
    Report("late", True, at(10)),
    Report("taken back", True, at(3)),
    Report("taken back", False, at(3, micros=1)),
    Report("both", False, at(1)),
    Report("both", True, at(1)),
)


KNOWN = {"withdrawn": False, "again": True, "late": True, "both": True, "taken back": False}


def labels_of(spark: SparkSession, rows: list[Report]) -> DataFrame:
    said = [[row for row in rows if row.by_reviewer == by_reviewer] for by_reviewer in (False, True)]
    return labels(reports_frame(spark, said[0]), verdicts_frame(spark, said[1]))


def test_the_last_label_counts_whoever_made_it_and_of_those_at_one_time_fraud(spark: SparkSession) -> None:
    most = max(sum(row.transaction_id == id_ for row in REPORTS) for id_ in KNOWN)
    # Each history once for every choice of who stated what; the frame of verdicts adds some that are unsure.
    made = []
    for choice, by_reviewer in enumerate(product((False, True), repeat=most)):
        for id_ in KNOWN:
            theirs = [row for row in REPORTS if row.transaction_id == id_]
            named = [replace(row, transaction_id=f"{id_} {choice}") for row in theirs]
            made += [replace(row, by_reviewer=by) for row, by in zip(named, by_reviewer, strict=False)]

    rows = last_labels(labels_of(spark, made)).collect()

    found = {row["transaction_id"]: row["is_fraud"] for row in rows}
    assert found == {f"{id_} {choice}": known for id_, known in KNOWN.items() for choice in range(2**most)}
    assert len(rows) == len(found)
    assert all(row["was_fraud"] for row in rows)


def test_a_reviewer_who_is_unsure_states_nothing_and_one_who_clears_makes_no_withdrawal(spark: SparkSession) -> None:
    unsure = verdicts_frame(spark, [Report("unsure", True, at(1))]).where("verdict = 'unsure'")
    assert last_labels(labels(reports_frame(spark, []), unsure)).collect() == []

    cleared = last_labels(labels_of(spark, [Report("cleared", False, at(1), by_reviewer=True)])).collect()
    assert [row.asDict() for row in cleared] == [{"transaction_id": "cleared", "is_fraud": False, "was_fraud": False}]


def test_training_takes_the_same_label_as_features_from_statements_that_contradict_each_other_or_come_twice(
    spark: SparkSession,
) -> None:
    twice = [*REPORTS, *(replace(row, by_reviewer=True) for row in REPORTS), *REPORTS]
    ids = pd.Series([*KNOWN, "never reported"])

    said = labels_of(spark, twice).toPandas()

    assert len(said) > len(REPORTS)
    known = labels_known(ids, said.assign(reported_at=said["reported_at"].dt.tz_localize("UTC")), at(100))
    assert dict(zip(ids, known, strict=True)) == KNOWN | {"never reported": False}
