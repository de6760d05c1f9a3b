"""The shipped warehouse, from Delta tables to a real PostgreSQL: row by row, after whatever may happen to a table."""

from typing import TYPE_CHECKING, Any

import pytest
from publish_builders import noted, publish_killed
from pyspark.sql import functions as F
from warehouse_world import (
    TRANSACTION_SCORES,
    a_score,
    a_version,
    change,
    differing,
    fill,
    frame,
    warehouse,
)

from common.checks.findings import Finding
from common.contracts.ddl import CHANGE_FEED
from common.contracts.ops import DELIVERIES
from common.contracts.silver import CUSTOMER
from common.publish.delivery import FOUND, Delivery
from common.publish.postgres import conservation
from common.publish.publish import publish
from common.publish.writers.postgres import PostgresTables
from common.sources.feed import silent
from common.storage.lake import Lake
from common.storage.vacuum import vacuum_at_once

if TYPE_CHECKING:
    from servers.postgres import Postgres

pytestmark = pytest.mark.spark

USERS = "users"
BY_DECISION = ("fraud_transactions", "genuine_transactions")


def _few(content: dict[str, Any]) -> None:
    content["tables"] = {name: content["tables"][name] for name in (USERS, *BY_DECISION)}


@pytest.fixture(scope="module")
def delivered(lake: Lake, postgres: "Postgres") -> tuple[Lake, "Postgres", PostgresTables]:
    """A lake whose tables are in the warehouse, and an output of three of them, which costs less to compare."""
    postgres.execute("CREATE DATABASE warehouse")
    fill(lake)
    output = warehouse(postgres)
    first = output.deliver(lake, silent)
    assert {d.item: d.failure for d in first if d.failure} == {}
    missing = {"merchant_risk", "customer_spending", "alert_outcomes"}
    modes = {d.item: d.mode for d in first}
    assert modes == {name: "not in the lakehouse" if name in missing else "all loaded" for name in output.tables}
    assert differing(lake, postgres, output) == {}
    assert [finding.passed for finding in output.findings(lake)] == [True] * (len(modes) - len(missing))
    return lake, postgres, warehouse(postgres, edit=_few)


def wrong(output: PostgresTables, lake: Lake) -> list[Finding]:
    """What a check finds of its tables; those that the shipped output declares besides are named by it, too."""
    found = [finding for finding in output.findings(lake) if not finding.passed]
    return [finding for finding in found if finding.check_name != conservation.STILL_SERVED]


def again(world: tuple[Lake, "Postgres", PostgresTables]) -> dict[str, Delivery]:
    """Delivers, and gives what was news, by item; afterwards, all rows are equal and nothing more is new."""
    lake, postgres, output = world
    done = output.deliver(lake, silent)
    assert {d.item: d.failure for d in done if d.failure} == {}
    assert differing(lake, postgres, output) == {}
    assert wrong(output, lake) == []
    assert not any(d.is_news for d in output.deliver(lake, silent))
    return {d.item: d for d in done if d.is_news}


def counts(delivery: Delivery) -> tuple[str, int | None, int | None]:
    return delivery.mode, delivery.rows_written, delivery.rows_deleted


def test_what_changed_is_brought_by_the_change_feed(delivered: Any) -> None:
    lake, _, _ = delivered
    change(
        lake,
        TRANSACTION_SCORES,
        upsert=(a_score(0, "genuine"), a_score(1, score=0.9), a_score(30, "fraud")),
        delete=(a_score(2), a_score(4)),
    )
    change(lake, TRANSACTION_SCORES, upsert=(a_score(2, "fraud"),))
    news = again(delivered)

    assert set(news) == {*BY_DECISION}
    # To fraud come 2 and 30; 0 and 4 leave it. To genuine comes 0, 1 is changed, 2 leaves.
    assert counts(news["fraud_transactions"]) == ("changes", 2, 2)
    assert counts(news["genuine_transactions"]) == ("changes", 2, 1)


def test_of_a_history_the_version_of_today_is_there(delivered: Any) -> None:
    lake, _, _ = delivered
    # c0 moves, c1's old version comes late, c2 changes in place, c3 is deleted by the source, c4 erased, c6 new.
    change(
        lake,
        CUSTOMER.history,
        upsert=(
            a_version("c0", 1, is_current=False, valid_to=a_version("c0", 5)["valid_from"]),
            a_version("c0", 5, city="Moved"),
            a_version("c1", 0, is_current=False, valid_to=a_version("c1")["valid_from"]),
            a_version("c2", phone="1"),
            a_version("c3", 1, is_current=False),
            a_version("c3", 6, is_deleted=True),
            a_version("c6"),
        ),
        delete=(a_version("c4"),),
    )
    news = again(delivered)

    assert set(news) == {USERS}
    assert counts(news[USERS]) == ("changes", 3, 2)


def _vacuumed(lake: Lake) -> None:
    change(lake, TRANSACTION_SCORES, upsert=(a_score(5, "fraud"),), delete=(a_score(6),))
    vacuum_at_once(lake, TRANSACTION_SCORES)


def _restored(lake: Lake) -> None:
    change(lake, TRANSACTION_SCORES, upsert=(a_score(7, "fraud"),))
    name = lake.full_name(TRANSACTION_SCORES)
    lake.spark.sql(f"RESTORE TABLE {name} TO VERSION AS OF {lake.version(TRANSACTION_SCORES) - 1}").collect()
    change(lake, TRANSACTION_SCORES, upsert=(a_score(9, "fraud"),))


def _off_for_a_while(lake: Lake) -> None:
    name = lake.full_name(TRANSACTION_SCORES)
    lake.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('{CHANGE_FEED}' = 'false')")
    change(lake, TRANSACTION_SCORES, upsert=(a_score(10, "fraud"),), delete=(a_score(11),))
    lake.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('{CHANGE_FEED}' = 'true')")


def _made_again(lake: Lake) -> None:
    kept = frame(lake, TRANSACTION_SCORES, *(a_score(n, "fraud" if n < 3 else "genuine") for n in range(8)))
    lake.spark.sql(f"DROP TABLE {lake.full_name(TRANSACTION_SCORES)}")
    lake.ensure(TRANSACTION_SCORES)
    lake.append(kept, TRANSACTION_SCORES)


@pytest.mark.parametrize(
    ("happens", "mode", "note"),
    [
        (_restored, "changes", ""),
        (_vacuumed, "all compared", "can't be read"),
        (_off_for_a_while, "all compared", "can't be read"),
        (_made_again, "all compared", "gold.transaction_scores was made again"),
    ],
)
def test_whatever_happens_to_a_table_its_rows_are_there(delivered: Any, happens: Any, mode: str, note: str) -> None:
    happens(delivered[0])
    news = again(delivered)

    assert set(news) == {*BY_DECISION}
    assert {d.mode for d in news.values()} == {mode}
    assert all(note in d.note for d in news.values())


def test_a_table_that_is_older_than_its_change_feed_is_compared_once(delivered: Any) -> None:
    lake, _, output = delivered
    name = lake.full_name(TRANSACTION_SCORES)
    lake.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('{CHANGE_FEED}' = 'false')")
    change(lake, TRANSACTION_SCORES, upsert=(a_score(12, "fraud"),), delete=(a_score(13),))
    # To switch the feed on is a commit, which is news once more.
    modes = {d.item: d.mode for d in output.deliver(lake, silent)}
    assert {modes[item] for item in BY_DECISION} == {"all compared"}
    change(lake, TRANSACTION_SCORES, upsert=(a_score(13), a_score(14, "fraud")), delete=(a_score(12),))
    assert {d.mode for d in again(delivered).values()} == {"changes"}


@pytest.mark.parametrize(
    ("by_hand", "words"),
    [
        ("UPDATE fraud.users SET city = 'Elsewhere' WHERE customer_id = 'c5'", "changed by hand"),
        ("DELETE FROM fraud.users WHERE customer_id = 'c5'", "rows there"),
        ("INSERT INTO fraud.users (customer_id) VALUES ('intruder')", "rows there"),
        ("DROP TABLE fraud.users", "was dropped there"),
    ],
)
def test_what_others_changed_there_is_found_and_mended(delivered: Any, by_hand: str, words: str) -> None:
    lake, postgres, output = delivered
    before = output.state(lake.settings)
    postgres.execute(by_hand, database="warehouse")
    found = wrong(output, lake)

    assert [(f.subject, f.check_name) for f in found] == [("warehouse: users", "output_complete")]
    assert words in found[0].details
    # A step that was up to date is so no more.
    assert output.state(lake.settings) != before
    assert {*again(delivered)} <= {USERS}


def test_a_table_that_cannot_be_written_holds_up_none_of_another(delivered: Any) -> None:
    lake, postgres, output = delivered
    change(lake, TRANSACTION_SCORES, upsert=(a_score(40, "fraud"),))
    change(lake, CUSTOMER.history, upsert=(a_version("c8"),))
    postgres.execute("ALTER TABLE fraud.users ALTER city TYPE varchar(9) USING left(city, 9)", database="warehouse")
    done = {d.item: d for d in output.deliver(lake, silent)}

    assert "city is character varying(9) there and text by the contract" in done[USERS].failure
    assert counts(done["fraud_transactions"]) == ("changes", 1, 0)
    postgres.execute("ALTER TABLE fraud.users ALTER city TYPE text", database="warehouse")
    output.findings(lake)
    assert {*again(delivered)} == {USERS}


def test_what_a_killed_run_brought_is_noted_by_the_next(delivered: Any) -> None:
    lake, postgres, output = delivered
    change(lake, TRANSACTION_SCORES, upsert=(a_score(41, "fraud"),))
    publish_killed(lake, [output])
    assert noted(lake, output) == []
    publish(lake, [output])

    rows = postgres.execute(
        "SELECT item, version, row_count, delivered_at FROM fraud.delivered_versions WHERE item LIKE '%_transactions'",
        database="warehouse",
    )
    kept = lake.table(DELIVERIES).where((F.col("mode") == FOUND) & F.col("item").isin(*BY_DECISION)).orderBy("item")
    seconds = F.col("delivered_at").cast("double").alias("at")
    found = kept.select("item", "source_table", "version", "rows_there", seconds, "destination").collect()
    assert [(row.item, row.version, row.rows_there) for row in found] == sorted(row[:3] for row in rows)
    assert [row.at for row in found] == pytest.approx([row[3].timestamp() for row in sorted(rows)], abs=0.001)
    assert {row.source_table for row in found} == {TRANSACTION_SCORES.name}
    assert all(row.destination.endswith(f"/warehouse/fraud.{row.item}") for row in found)


def _without_phone(content: dict[str, Any]) -> None:
    _few(content)
    users = content["tables"][USERS]
    users["columns"].remove("phone")
    users["readers"] = {"fraud_analysts": {}}


def test_a_column_that_is_declared_later_comes_with_its_rows(delivered: Any) -> None:
    lake, postgres, output = delivered
    postgres.execute("ALTER TABLE fraud.users DROP COLUMN phone", database="warehouse")
    narrow = warehouse(postgres, edit=_without_phone)  # as the release before declared it
    narrow.deliver(lake, silent)
    assert differing(lake, postgres, narrow) == {}
    done = {d.item: d for d in output.deliver(lake, silent)}

    assert done[USERS].note == "its columns or conditions have changed"
    assert again(delivered) == {}
