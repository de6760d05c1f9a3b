"""Histories against a plain-Python oracle: many random worlds, each with keys of its own, in one Spark call."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise, zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.silver import ACCOUNT
from common.silver.derive import DERIVATIONS
from common.silver.history import versions
from common.sources.value_format import USUAL

START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Change:
    """One accepted change of an account: its limit is versioned, its balance carried."""

    account: str
    day: int
    limit: int
    balance: int
    order: int | None
    record: int


def history(changes: list[Change], hash_of: dict[int, str]) -> list[tuple[object, ...]]:
    """(day from, day to, limit, balance) of each version of one account, by reading the changes one by one."""
    found: list[list[object]] = []
    in_order = sorted(
        changes, key=lambda c: (c.day, -1 if c.order is None else c.order, hash_of[c.limit], c.balance, str(c.record))
    )
    for change, following in zip_longest(in_order, in_order[1:]):
        if following is not None and following.day == change.day and change.order is not None:
            continue  # nobody but its own transaction saw it
        if found and found[-1][2] == change.limit:
            found[-1][3] = change.balance
        else:
            found.append([change.day, None, change.limit, change.balance])
    for version, following in pairwise(found):
        version[1] = following[0]
    return [tuple(version) for version in found]


change = st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(0, 2), st.none() | st.integers(0, 9))
worlds = st.lists(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(0, 2), st.none() | st.integers(0, 9)),
        min_size=1,
        max_size=8,
    ),
    min_size=1,
    max_size=25,
)


@pytest.mark.spark
@settings(max_examples=6)
@given(worlds)
def test_versions_equal_the_oracle_for_ties_returns_and_repeats(
    spark: SparkSession, worlds: list[list[tuple[int, int, int, int | None]]]
) -> None:
    changes = [
        Change(f"A{world}", day, limit, balance, order, number)
        for world, rows in enumerate(worlds)
        for number, (day, limit, balance, order) in enumerate(rows)
    ]
    names = (
        "account_id",
        "customer_id",
        "currency",
        "credit_limit",
        "balance",
        "changed_at",
        "change_order",
        "record_id",
    )
    rows = [
        (
            *(c.account, "C1", "EUR", c.limit, c.balance, START + timedelta(days=c.day)),
            *(None if c.order is None else f"{c.order:08d}", str(c.record)),
        )
        for c in changes
    ]
    frame = spark.createDataFrame(
        rows,
        "account_id string, customer_id string, currency string, credit_limit int, balance int, "
        "changed_at timestamp, change_order string, record_id string",
    ).select(*(F.col(n).cast("decimal(18,2)") if n in ("credit_limit", "balance") else F.col(n) for n in names))
    frame = frame.withColumn("is_deleted", F.lit(None).cast("boolean"))
    digested = DERIVATIONS[ACCOUNT.changes.name](frame, USUAL)

    found = versions(digested, ACCOUNT).orderBy("account_id", "valid_from", "content_hash").toPandas()
    hashes = digested.select(F.col("credit_limit").cast("int"), "content_hash").distinct().collect()

    hash_of = {int(row[0]): row[1] for row in hashes}
    expected = [
        (account, *version)
        for account, group in groupby(sorted(changes, key=lambda c: c.account), key=lambda c: c.account)
        for version in sorted(history(list(group), hash_of), key=lambda v: (v[0], hash_of[v[2]]))  # type: ignore[index]
    ]
    derived = [
        (
            row.account_id,
            (row.valid_from.tz_localize("UTC") - START).days,
            None if row.is_current else (row.valid_to.tz_localize("UTC") - START).days,
            int(row.credit_limit),
            int(row.balance),
        )
        for row in found.itertuples()
    ]
    assert derived == expected
    assert set(found.columns) == {column.split()[0] for column in schema_of(ACCOUNT.history).split(", ")}
