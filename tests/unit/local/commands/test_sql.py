"""`lakehouse sql`: what answers, what it says of that, and what it refuses."""

import io
import json
import sys
from pathlib import Path

import pytest
from command_line import lakehouse

from common.errors import FeedError
from delta_tables import a_workspace
from local.commands import sql
from local.commands.rows import Rows


@pytest.fixture(autouse=True)
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Spark is asked, in a workspace with one scored transaction."""
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    a_workspace(tmp_path)
    statements: list[str] = []

    def query(statement: str, limit: int = 0) -> tuple[Rows, bool]:
        statements.append(statement)
        return Rows(["by"], [["spark"]]), False

    monkeypatch.setattr(sql, "query", query)
    return statements


def test_duckdb_answers_a_query(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse("sql", "SELECT decision, score FROM gold.transaction_scores;", "--format", "json") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == [{"decision": "fraud", "score": 0.5}]
    assert (shown.err, asked) == ("", [])


def test_a_query_may_come_from_standard_input(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT decision\nFROM gold.transaction_scores;\n"))
    assert lakehouse("sql", "--format", "csv") == 0
    assert capsys.readouterr().out == "decision\nfraud\n"


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DESCRIBE HISTORY gold.transaction_scores", "DESCRIBE is no query"),
        ("SELECT hash(decision) FROM gold.transaction_scores", "DuckDB may answer this otherwise: hash"),
        (
            "SELECT date_format(decision, 'yyyy') FROM gold.transaction_scores",
            "DuckDB may answer this otherwise: date_format\n",
        ),
        ("SELECT * FROM default.mine", "DuckDB knows no table default.mine"),
        ("SELECT id FROM range(3)", "rows come from a function, RANGE(3)"),
    ],
)
def test_spark_answers_what_duckdb_can_not_and_one_line_says_why(
    asked: list[str], statement: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lakehouse("sql", statement, "--format", "csv") == 0
    shown = capsys.readouterr()
    assert (shown.out, asked) == ("by\nspark\n", [statement])
    assert shown.err.startswith("asking Spark: ")
    assert why in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM gold.nope", "no table gold.nope; gold has fraud_transactions, genuine_transactions, trans"),
        ("SELECT * FROM ops.nope", "there is no table ops.nope; ops has none yet"),
        ("SELCT 1", "no statement begins with SELCT; did you mean SELECT?"),
        ("descibe gold.transaction_scores", "no statement begins with DESCIBE; did you mean DESCRIBE?"),
    ],
)
def test_a_slip_is_named_at_once(
    asked: list[str], statement: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lakehouse("sql", statement) == 1
    assert expected in " ".join(capsys.readouterr().err.split())
    assert asked == []


def test_in_an_empty_workspace_spark_is_asked_for_other_schemas_only(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "empty"))
    for statement in ("SELECT * FROM transactions", "SELECT * FROM silver.transactions"):
        assert lakehouse("sql", statement) == 1
        assert "the workspace has none yet" in " ".join(capsys.readouterr().err.split())
    assert asked == []

    assert lakehouse("sql", "SELECT * FROM default.mine") == 0
    assert asked == ["SELECT * FROM default.mine"]


def test_show_tables_lists_those_of_all_schemas(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse("sql", "show tables;", "--format", "json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {row["table"] for row in listed} >= {"gold.transaction_scores", "gold.fraud_transactions"}
    assert all(row["what it has"] for row in listed)
    assert asked == []


def test_spark_answers_where_duckdb_is_not_there(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from common.queries import duck

    def nowhere(module: str, extra: str) -> None:
        raise FeedError("the libraries could not be fetched")

    monkeypatch.setattr(duck, "client", nowhere)
    assert lakehouse("sql", "SELECT 1") == 0
    assert lakehouse("sql", "--engine", "duckdb", "SELECT 1") == 1
    assert asked == ["SELECT 1"]


def test_an_engine_can_be_forced(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse("sql", "--engine", "spark", "SELECT 1") == 0
    assert lakehouse("sql", "--engine", "spark", "DROP TABLE gold.transaction_scores") == 0
    assert asked == ["SELECT 1", "DROP TABLE gold.transaction_scores"]
    capsys.readouterr()

    assert (
        lakehouse(
            "sql",
            "--engine",
            "duckdb",
            "--format",
            "csv",
            "SELECT length(decision) % 3.5 AS x FROM gold.transaction_scores",
        )
        == 0
    )
    shown = capsys.readouterr()
    assert shown.out == "x\n1.5\n"
    assert "Spark may answer this otherwise" in shown.err
    assert lakehouse("sql", "--engine", "duckdb", "SHOW TABLES IN gold") == 1
    assert "--engine spark may answer it" in " ".join(capsys.readouterr().err.split())
    assert len(asked) == 2


def test_tables_are_only_read_unless_spark_is_named(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for statement in ("DROP TABLE gold.transaction_scores", "MERGE INTO gold.transaction_scores USING x ON true"):
        assert lakehouse("sql", statement) == 1
        assert "--engine spark runs it" in " ".join(capsys.readouterr().err.split())
    assert asked == []


def test_a_table_shows_the_first_hundred_rows(capsys: pytest.CaptureFixture[str]) -> None:
    statement = "SELECT id FROM (VALUES " + ", ".join(f"({n})" for n in range(150)) + ") AS t(id)"
    assert lakehouse("sql", statement) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 101
    assert "the first 100 rows; --limit 0 shows all" in shown.err
    assert lakehouse("sql", statement, "--limit", "0") == 0
    assert len(capsys.readouterr().out.splitlines()) == 151


def test_duckdbs_path_loads_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys; from local.commands.sql import answer; "
        "answer('SELECT decision, round(score, 2) FROM gold.transaction_scores'); "
        "print([m for m in ('pyspark', 'pandas', 'mlflow', 'papermill', 'matplotlib') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
