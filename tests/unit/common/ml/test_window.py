from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import pytest
from ml_builders import day
from pyspark.sql import DataFrame, SparkSession

from common.contracts.ddl import schema_of
from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import FRAUD_REPORTS
from common.contracts.table import Table
from common.contracts.verdicts import ALERT_VERDICTS
from common.errors import ModelError
from common.ml.window import code_commit, newest_event, read_window

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Tables:
    """What a `Lake` reads, from rows that name only the columns that matter."""

    spark: SparkSession
    rows: dict[str, list[dict[str, object]]]

    def exists(self, table: Table) -> bool:
        return table.name in self.rows

    def table(self, table: Table) -> DataFrame:
        values = [tuple(row.get(name) for name in table.column_names) for row in self.rows[table.name]]
        return self.spark.createDataFrame(values, schema_of(table))


def a_transaction(transaction_id: str, event_time: datetime, **others: object) -> dict[str, object]:
    known = {"transaction_id": transaction_id, "event_time": event_time, "event_date": event_time.date()}
    return {**known, "customer_id": "c1", "amount_eur": 12.5, "is_night": False, **others}


class TablesOfBefore(Tables):
    """Tables of an earlier release, which computed fewer features."""

    def table(self, table: Table) -> DataFrame:
        return super().table(table).drop("amount_to_usual")


@pytest.mark.spark
def test_features_that_were_not_computed_yet_are_named_with_the_way_to_them(spark: SparkSession) -> None:
    lake = TablesOfBefore(spark, {TRANSACTION_FEATURES.name: [], FRAUD_REPORTS.name: []})
    with pytest.raises(ModelError, match=r"amount_to_usual. Compute them first: .*transaction_features"):
        read_window(lake, day(1), day(2), day(3))  # type: ignore[arg-type]


@pytest.mark.spark
def test_a_window_is_half_open_in_utc_and_has_the_labels_of_its_days(spark: SparkSession) -> None:
    start, end, known_at = day(10, 0), day(20, 0), day(27, 0)
    features = [
        a_transaction("before", start - SECOND),
        a_transaction("first", start, account_id="a1"),
        a_transaction("last", end - SECOND),
        a_transaction("after", end),
    ]
    reports = [
        {"transaction_id": "last", "is_fraud": True, "reported_at": known_at},
        {"transaction_id": "first", "is_fraud": True, "reported_at": known_at + SECOND},
    ]
    verdicts = [
        {"transaction_id": "first", "verdict": "genuine", "decided_at": start + SECOND},
        {"transaction_id": "first", "verdict": "unsure", "decided_at": start + 2 * SECOND},
        {"transaction_id": "first", "verdict": "fraud", "decided_at": known_at + SECOND},
    ]
    tables = {TRANSACTION_FEATURES.name: features, FRAUD_REPORTS.name: reports, ALERT_VERDICTS.name: verdicts}
    lake = Tables(spark, tables)
    window = read_window(lake, start, end, known_at)  # type: ignore[arg-type]
    rows = window.rows.set_index("transaction_id")
    assert rows["event_time"].to_dict() == {"first": pd.Timestamp(start), "last": pd.Timestamp(end - SECOND)}
    assert rows["card"].to_dict() == {"first": "a1", "last": "c1"}
    assert set(FEATURE_NAMES) < set(rows.columns)
    known = window.reports.set_index("transaction_id")
    assert known["reported_at"].to_dict() == {"last": pd.Timestamp(known_at), "first": pd.Timestamp(start + SECOND)}
    assert known["is_fraud"].to_dict() == {"last": True, "first": False}
    assert newest_event(lake) == end  # type: ignore[arg-type]


@pytest.mark.spark
def test_without_features_there_is_no_newest_event(spark: SparkSession) -> None:
    assert newest_event(Tables(spark, {})) is None  # type: ignore[arg-type]
    assert newest_event(Tables(spark, {TRANSACTION_FEATURES.name: []})) is None  # type: ignore[arg-type]


def test_the_commit_is_a_digest_or_unknown() -> None:
    commit = code_commit().removesuffix("+changes")
    assert commit == "unknown" or (len(commit) == 40 and int(commit, 16) >= 0)
