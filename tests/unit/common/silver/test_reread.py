from datetime import UTC, date, datetime

import pytest

from common.silver.reread import read_before
from common.storage.batches import Counts, QueryCounts

TODAY = date(2025, 6, 30)
OLD = QueryCounts("old", "cards", datetime(2025, 6, 1, 12, tzinfo=UTC), Counts(5))
NEW = QueryCounts("new", "cards", datetime(2025, 6, 20, 12, tzinfo=UTC), Counts(5))


@pytest.mark.parametrize(
    ("queries", "query", "expected"),
    [
        ([], None, None),
        ([NEW], "new", None),
        ([OLD], None, TODAY),
        ([OLD], "new", TODAY),
        ([OLD, NEW], "new", date(2025, 6, 20)),
    ],
    ids=["first run", "the only query", "lost checkpoint", "nothing committed yet", "reset before"],
)
def test_records_that_came_until_the_query_began_may_have_been_read(
    queries: list[QueryCounts], query: str | None, expected: date | None
) -> None:
    assert read_before(queries, query, TODAY) == expected
