"""What a change feed comes to, against a plain-Python oracle: many random histories, each with its own key, at once."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from common.contracts.ddl import schema_of
from common.contracts.silver import MERCHANT
from common.publish.postgres.delta import batches_of, net_changes
from common.publish.postgres.served import served_table

pytestmark = pytest.mark.spark

SERVED = served_table("merchants", MERCHANT.history, columns=["merchant_id", "name"])
FEED = f"{schema_of(MERCHANT.history)}, _change_type string, _commit_version bigint"

Version = tuple[str, bool, bool]
"""A version of one merchant: its name, whether it is current, and whether the source deleted the merchant."""

history = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=0, max_size=3).map(
    # Of a history the last version is the current one.
    lambda rows: [(name, place == len(rows) - 1, deleted) for place, (name, deleted) in enumerate(rows)]
)
worlds = st.lists(st.lists(st.tuples(history, st.booleans()), min_size=2, max_size=5), min_size=20, max_size=30)


def feed_of(key: str, commits: list[tuple[list[Version], bool]]) -> list[tuple[Any, ...]]:
    """The feed of one merchant's history: what each commit takes out and puts in, in Delta's four words.

    A commit that rewrites takes out and puts in what stays as it is, too, as a RESTORE may.
    """
    rows = []
    for number, ((before, _), (now, rewrites)) in enumerate(pairwise(commits)):
        for place in range(max(len(before), len(now))):
            old = before[place] if place < len(before) else None
            new = now[place] if place < len(now) else None
            if old == new and not rewrites:
                continue
            words = ("update_preimage", "update_postimage") if old and new and not rewrites else ("delete", "insert")
            rows += [
                (key, place, version, word, number)
                for version, word in zip((old, new), words, strict=True)
                if version is not None
            ]
    return rows


def served_name(versions: list[Version]) -> str | None:
    """The oracle: the name of the version of today of what isn't deleted."""
    return next((name for name, is_current, is_deleted in versions if is_current and not is_deleted), None)


def as_rows(feed: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    names = MERCHANT.history.column_names
    return [
        (
            *(
                {
                    "merchant_id": key,
                    "name": name,
                    "is_current": current,
                    "is_deleted": deleted,
                    "content_hash": place,
                }.get(column)
                for column in names
            ),
            word,
            number,
        )
        for key, place, (name, current, deleted), word, number in ((k, str(p), v, w, n) for k, p, v, w, n in feed)
    ]


@settings(max_examples=4)
@given(worlds)
def test_what_changed_applied_to_what_was_there_gives_what_is_there(
    spark: SparkSession, cases: list[list[tuple[list[Version], bool]]]
) -> None:
    by_key = {f"m{number}": commits for number, commits in enumerate(cases)}
    feed = [row for key, commits in by_key.items() for row in feed_of(key, commits)]
    there = {key: served_name(commits[0][0]) for key, commits in by_key.items()}

    changes = net_changes(spark.createDataFrame(as_rows(feed), FEED), SERVED)
    found = [row for batch in batches_of(changes) for row in batch.to_pylist()]
    for row in found:
        there[row["merchant_id"]] = None if row["gone"] else row["name"]

    assert len({row["merchant_id"] for row in found}) == len(found)
    assert there == {key: served_name(commits[-1][0]) for key, commits in by_key.items()}
