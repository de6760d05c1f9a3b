"""DuckDB on Delta tables: what it lets be, what it says of mistakes, what it refuses, and that it needs no network."""

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import pytest

from common.errors import QueryError
from common.queries.duck import Duck
from common.queries.rows import rows
from common.queries.statements import NotAnswered, NotRead
from common.queries.translation import Question
from common.settings import Settings, settings_from
from delta_tables import COLUMNS, a_delta_table, a_workspace


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That table in a workspace of the test's own."""
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    return a_workspace(tmp_path)


@pytest.fixture
def own(folder: Path) -> Iterator[Duck]:
    """DuckDB on the test's own workspace."""
    made = Duck(settings_from())
    yield made
    made.close()


@pytest.fixture(scope="module")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Duck]:
    """DuckDB on a workspace that tests only read."""
    home = tmp_path_factory.mktemp("home")
    a_workspace(home)
    made = Duck(Settings(home))
    yield made
    made.close()


def asked(duck: Duck, statement: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = duck.answer(statement).to_pylist()
    return found


def test_tables_and_views_of_the_contracts_are_there(duck: Duck) -> None:
    assert asked(duck, "SELECT transaction_id, score FROM gold.transaction_scores") == [
        {"transaction_id": "T1", "score": 0.5}
    ]
    assert asked(duck, "SELECT count(*) AS n FROM gold.fraud_transactions") == [{"n": 1}]
    assert asked(duck, "SELECT count(*) AS n FROM gold.genuine_transactions") == [{"n": 0}]


def test_rows_have_sparks_types(duck: Duck) -> None:
    statement = "SELECT count(*), sum(1) AS n, max(event_time) AS t, avg(amount_eur) AS a FROM gold.transaction_scores"
    table = duck.answer(statement)
    assert table.column_names == ["count(1)", "n", "t", "a"]
    assert [str(type_) for type_ in table.schema.types[:3]] == ["int64", "int64", "timestamp[us, tz=UTC]"]
    assert table.schema.types[3].scale == 6


def test_a_schemas_prefix_is_respected(folder: Path) -> None:
    folder.parent.rename(folder.parents[1] / "dev_me_gold.db")
    duck = Duck(replace(settings_from(), schema_prefix="dev_me_"))
    for schema in ("gold", "dev_me_gold"):
        assert asked(duck, f"SELECT count(*) AS n FROM {schema}.transaction_scores") == [{"n": 1}]
    duck.close()


def test_new_rows_and_columns_are_seen_at_once(folder: Path, own: Duck) -> None:
    assert asked(own, "SELECT count(*) AS n FROM gold.transaction_scores") == [{"n": 1}]
    a_delta_table(folder, COLUMNS | {"note": "string"}, [{"transaction_id": "T2", "note": "new"}], 1)
    statement = "SELECT transaction_id, note FROM gold.transaction_scores ORDER BY transaction_id"
    assert [row["note"] for row in asked(own, statement)] == [None, "new"]


def test_threads_may_ask_at_once(folder: Path, own: Duck) -> None:
    found: list[int] = []

    def ask() -> None:
        for _ in range(5):
            found.extend(row["n"] for row in asked(own, "SELECT count(*) AS n FROM gold.fraud_transactions"))

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 20


def test_ctrl_c_ends_a_query_and_no_more(folder: Path, own: Duck) -> None:
    endless = Question("SELECT sum(a.range * b.range) FROM range(100000000) a, range(1000000) b", ("n",), ())
    pressed = Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    pressed.start()
    with pytest.raises(KeyboardInterrupt):
        own.values(endless)
    pressed.join()
    assert asked(own, "SELECT count(*) AS n FROM gold.transaction_scores") == [{"n": 1}]


def test_nothing_is_asked_of_the_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> None:
        raise AssertionError(f"the network is asked: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refused)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # an extension that is fetched fails
    monkeypatch.setenv("HOME", str(folder.parent))  # none that was fetched before is there
    duck = Duck(settings_from())
    assert asked(duck, "SELECT date_trunc('day', max(event_time)) AS t FROM gold.transaction_scores") == [{"t": None}]
    assert not (folder.parent / ".duckdb").exists()
    duck.close()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT * FROM gold.transaction_score", "there is no table gold.transaction_score; did you mean gold.tr"),
        ("SELECT * FROM transaction_scores", "there is no table transaction_scores; did you mean gold.transaction_s"),
        (
            "SELECT * FROM silver.transaction_scores",
            "there is no table silver.transaction_scores; did you mean gold.tr",
        ),
        ("SELECT scor FROM gold.transaction_scores", "there is no column scor; did you mean score"),
        ("SELECT s.scor FROM gold.transaction_scores s", "there is no column s.scor; did you mean score"),
        ("SELECT 1 / (score - 0.5) FROM gold.transaction_scores", "division by zero"),
        ("SELECT 1; SELECT 2", "these are 2 statements"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(duck: Duck, statement: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as raised:
        duck.answer(statement)
    assert not isinstance(raised.value, NotAnswered), "nobody need start Spark to hear it"


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE gold.transaction_scores",
        "CREATE TABLE x AS SELECT 1",
        "DELETE FROM gold.transaction_scores",
        "UPDATE gold.transaction_scores SET score = 1",
        "MERGE INTO gold.transaction_scores t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
        "WITH a AS (SELECT 1) INSERT INTO gold.transaction_scores SELECT * FROM a",
        "FROM gold.transaction_scores INSERT INTO x SELECT 1",
        "-- only a look\nDROP TABLE gold.transaction_scores",
        # SQLGlot doesn't understand these, and Spark isn't asked either.
        "WITH a AS (SELECT FROM WHERE) INSERT /* so */ INTO x SELECT * FROM a",
        "WITH a AS (SELECT FROM WHERE) UPDATE gold.transaction_scores SET score = 1",
        "WITH a AS (SELECT FROM WHERE) MERGE INTO x USING a ON true WHEN MATCHED THEN DELETE",
        "WITH a AS (SELECT 'it\\'s' FROM WHERE) DELETE FROM x",
        "OPTIMIZE gold.transaction_scores",
        "VACUUM gold.transaction_scores",
        "COPY gold.transaction_scores TO '/tmp/x'",
        "ATTACH '/tmp/x' AS x",
        "SET a = 1",
    ],
)
def test_what_changes_something_is_refused(duck: Duck, statement: str) -> None:
    with pytest.raises(NotRead, match="only read"):
        duck.answer(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SHOW TABLES IN gold",
        "DESCRIBE TABLE gold.transaction_scores",
        "EXPLAIN SELECT 1",
        "SELECT * FROM default.mine",
        "SELECT FROM WHERE",
        "VALUES (1)",
        "-- hi\nSHOW TABLES",
        "/* hi */ SHOW TABLES",
        "SELECT replace(decision, 'a', 'b') FROM WHERE",
        "SELECT 'insert into; update' FROM WHERE -- delete from",
        "SELECT `delete from` FROM WHERE",
        "SELECT * FROM range(3)",
        "SELECT * FROM read_csv('/etc/passwd')",
    ],
)
def test_what_is_no_query_on_these_tables_is_left_to_spark(duck: Duck, statement: str) -> None:
    with pytest.raises(NotAnswered):
        duck.question(statement)


@pytest.mark.parametrize(
    "expression",
    [
        "sum(amount_eur) / count(*)",  # Spark's quotient of decimals has digits that DuckDB's double hasn't
        "avg(amount_eur * 2)",
        "count(DISTINCT decision, customer_id)",
        "max(decision) > 3",
        "coalesce(max(decision), 0)",
        "CAST(max(score) AS STRING)",
        "CAST(max(decision) AS INT)",
        "max(event_time) - min(event_time)",
        "max(decision) RLIKE '\\\\d+$'",
        "substring(max(decision), -3)",
        "max(decision) LIKE 'a\\\\_%'",
        "collect_list(decision)[0]",
        "approx_count_distinct(decision)",
        "try_divide(1, 0)",
        "count(*) % max(score)",
        "hash(max(decision))",
        "max(score) IN (SELECT 0.5)",
    ],
)
def test_what_duckdb_would_answer_otherwise_is_doubted(duck: Duck, expression: str) -> None:
    assert duck.question(f"SELECT {expression} AS x FROM gold.transaction_scores").doubts


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT decision FROM gold.transaction_scores UNION ALL SELECT score FROM gold.transaction_scores",
        "SELECT e FROM gold.transaction_scores LATERAL VIEW OUTER explode(split(decision, 'a')) t AS e",
        "SELECT score FROM gold.transaction_scores VERSION AS OF 0",
        "SELECT score FROM gold.transaction_scores TABLESAMPLE (10 PERCENT)",
    ],
)
def test_queries_that_duckdb_would_answer_otherwise_are_doubted(duck: Duck, statement: str) -> None:
    assert duck.question(statement).doubts


def test_a_doubted_query_has_no_rows_that_might_be_others_than_sparks(duck: Duck) -> None:
    with pytest.raises(NotAnswered, match="otherwise than Spark"):
        duck.answer("SELECT approx_count_distinct(decision) AS n FROM gold.transaction_scores")


def test_the_value_of_the_greatest_may_be_null(folder: Path, own: Duck) -> None:
    # DuckDB's own max_by passes over rows whose value is null; Spark's gives it.
    a_delta_table(folder, COLUMNS, [{"transaction_id": "T2", "decision": None}, {"decision": "none has an id"}], 1)
    found = asked(
        own,
        "SELECT max_by(decision, transaction_id) AS x, min_by(decision, transaction_id) AS n "
        "FROM gold.transaction_scores",
    )
    assert found == [{"x": None, "n": "fraud"}]


def test_rows_stop_at_the_limit(folder: Path, own: Duck) -> None:
    a_delta_table(folder, COLUMNS, [{"transaction_id": f"T{n}"} for n in range(50)], 1)
    question = own.question("SELECT transaction_id FROM gold.transaction_scores ORDER BY transaction_id DESC")
    assert own.values(question, 3) == (["transaction_id"], [("T9",), ("T8",), ("T7",)])


def test_rows_come_from_the_workspace_that_the_environment_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_WAREHOUSE_ID", raising=False)
    assert rows("SELECT decision FROM gold.transaction_scores").to_pylist() == [{"decision": "fraud"}]
    monkeypatch.setenv("LAKEHOUSE_HOME", str(folder.parent))
    with pytest.raises(QueryError, match="there is no table"):
        rows("SELECT decision FROM gold.transaction_scores")
