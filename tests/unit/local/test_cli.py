"""The command line: what it prints where, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import lakehouse

from common.settings import repository
from local.run.run_record import RunRecord, TaskRecord
from local.workspace import Workspace


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize(
    "verb", ["run", "sql", "simulate", "up", "down", "status", "lab", "ui", "reset", "doctor", "source"]
)
def test_every_verb_has_help_with_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse(verb, "--help") == 0
    shown = capsys.readouterr().out
    assert f"lakehouse {verb}" in shown or verb == "down"


def test_simulate_offers_every_setting_of_the_world(capsys: pytest.CaptureFixture[str]) -> None:
    import dataclasses

    from local.simulate import World

    lakehouse("simulate", "--help")
    shown = capsys.readouterr().out
    missing = [f.name for f in dataclasses.fields(World) if f"--{f.name.replace('_', '-')}" not in shown]
    assert missing == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("dance",),
        ("run",),
        ("run", "lakehouse", "--param", "source"),
        ("run", "lakehouse", "--from", "a", "--only", "b"),
        ("run", "lakehouse", "--parallel", "0"),
        ("sql", "SELECT 1", "--format", "xml"),
        ("sql", " ; "),
        ("simulate", "--days", "0"),
        ("simulate", "--custmers", "5"),
    ],
)
def test_wrong_usage_is_exit_code_2(home: Path, arguments: tuple[str, ...]) -> None:
    assert lakehouse(*arguments) == 2
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "lakehose"), "did you mean lakehouse?"),
        (("run", "lakehouse", "--from", "bronze_feed"), "did you mean bronze_feeds?"),
        (("run", "lakehouse", "--param", "sauce=x"), "did you mean source?"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_1(
    home: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lakehouse(*arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in " ".join(shown.err.split())
    assert "Traceback" not in shown.err


def test_a_programs_start_loads_nothing_heavy() -> None:
    code = "import sys, local.cli; print([m for m in ('pyspark', 'papermill', 'mlflow', 'pandas') if m in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(repository() / "src")}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_status_in_json_is_a_list_of_objects(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse("status", "--format", "json") == 0
    (engine,) = json.loads(capsys.readouterr().out)
    assert (engine["kind"], engine["state"], engine["since"]) == ("engine", "stopped", None)


def test_reset_removes_what_runs_made_after_asking(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    (Workspace(home).create().runs / "file").write_text("x")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert lakehouse("reset", "--all") == 1
    assert home.joinpath("runs", "file").exists()
    assert "runs" in capsys.readouterr().out
    assert lakehouse("reset", "--all", "--yes") == 0
    assert list(home.iterdir()) == []


@pytest.fixture
def checkpoint(home: Path) -> Path:
    """The checkpoint of a stream that has run, in a workspace."""
    folder = Workspace(home).create().home / "checkpoints" / "silver" / "transactions"
    (folder / "commits").mkdir(parents=True)
    (folder / "metadata").write_text('{"id": "a"}')
    (folder / "commits" / "0").touch()
    return folder


@pytest.mark.parametrize("verb", ["reset", "rewind"])
def test_without_a_name_the_streams_are_listed_and_nothing_is_removed(
    checkpoint: Path, verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 3))
    assert lakehouse(verb) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "silver/transactions 1" in shown
    assert "`lakehouse reset --all` removes the whole workspace" in shown
    assert (checkpoint / "metadata").exists()


def test_what_removed_the_whole_workspace_once_removes_nothing(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["--yes"], ["-y"], ["silver/transactions", "--all", "--yes"], ["silver/transactions", "--yes"]):
        assert lakehouse("reset", *arguments) == 2
        assert "--all" in capsys.readouterr().err
        assert (checkpoint / "metadata").exists()


@pytest.mark.parametrize("verb", ["reset", "rewind"])
def test_a_stream_that_is_reset_has_no_checkpoint_and_its_table_stays(
    home: Path, checkpoint: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = home / "warehouse" / "silver.db" / "transactions"
    table.mkdir(parents=True)
    assert lakehouse(verb, "silver/other") == 1
    assert "there are: silver/transactions" in capsys.readouterr().err
    assert lakehouse(verb, "silver/transactions") == 0
    assert "silver/transactions will read everything again: 1 micro-batches" in capsys.readouterr().out
    assert not checkpoint.exists()
    assert table.exists()


def begun(home: Path, stream: str) -> Path:
    """The checkpoint of a stream that has begun."""
    folder = Workspace(home).create().home / "checkpoints" / stream
    folder.mkdir(parents=True)
    (folder / "metadata").write_text('{"id": "a"}')
    return folder


def test_a_topic_is_read_again_from_where_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "bronze/simulated_kafka/transactions"
    note = home / "checkpoints" / "bronze" / "simulated_kafka" / "transactions.starts"
    assert lakehouse("reset", "--from", "earliest") == 2
    assert lakehouse("reset", name, "--from", "latest") == 1
    assert not note.exists(), "a stream that never ran keeps its declared start"
    checkpoint = begun(home, name)
    assert lakehouse("reset", name, "--from", "nonsense") == 1
    assert "says no start: write earliest, latest, a time" in capsys.readouterr().err
    assert checkpoint.exists()
    assert lakehouse("reset", name, "--from", '{"0": 17}') == 0
    assert (note.read_text(), checkpoint.exists()) == ('{"0": 17}', False)
    begun(home, name)
    assert lakehouse("reset", name) == 0
    assert note.read_text() == "earliest"


def test_who_reads_files_reads_all_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoints = [begun(home, name) for name in ("bronze/simulated/transactions", "silver/transactions")]
    assert lakehouse("reset", "bronze/simulated/transactions", "--from", "latest") == 1
    assert "`reader: files`, which reads all again" in capsys.readouterr().err
    assert lakehouse("reset", "silver/transactions", "--from", "latest") == 1
    assert "no feed that a source declares" in capsys.readouterr().err
    assert all(checkpoint.exists() for checkpoint in checkpoints)


def test_reset_leaves_other_peoples_folders_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    (home / "thesis.txt").write_text("x")
    assert lakehouse("reset", "--all", "--yes") == 1
    assert (home / "thesis.txt").exists()
    assert "doesn't look like" in " ".join(capsys.readouterr().err.split())


def test_reset_is_refused_while_a_run_goes_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from datetime import UTC, datetime

    folder = Workspace(home).create().runs / "20260101T000000-aaaa"
    record = RunRecord(folder.name, "trial", {}, {"one": TaskRecord("one")}, folder, datetime.now(UTC))
    with record.changed():
        pass
    assert lakehouse("reset", "--all", "--yes") == 1
    assert folder.is_dir()
    assert folder.name in " ".join(capsys.readouterr().err.split())


@pytest.mark.spark
def test_sql_prints_rows_and_nothing_else(spark: object, capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT 1.50BD AS amount, TIMESTAMP '2026-01-01 00:00:00' AS at, null AS nothing;"
    assert lakehouse("sql", query, "--format", "json") == 0
    assert capsys.readouterr().out == '[{"amount": 1.50, "at": "2026-01-01T00:00:00Z", "nothing": null}]\n'
    assert lakehouse("sql", "SELECT id FROM range(3) ORDER BY 1", "--format", "csv", "--limit", "2") == 0
    assert capsys.readouterr().out == "id\n0\n1\n"


@pytest.mark.spark
def test_sql_reads_standard_input(
    spark: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 'in' AS a"))
    assert lakehouse("sql", "--format", "csv") == 0
    assert capsys.readouterr().out == "a\nin\n"


@pytest.mark.spark
def test_sql_names_tables_near_to_one_that_does_not_exist(
    spark: "object", database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spark.sql(f"CREATE TABLE {database}.transactions (id INT) USING delta")  # type: ignore[attr-defined]
    assert lakehouse("sql", "--engine", "spark", "SELECT * FROM transaction") == 1
    shown = " ".join(capsys.readouterr().err.split())
    assert f"no table transaction; did you mean {database}.transactions" in shown
    assert lakehouse("sql", f"SELECT idd FROM {database}.transactions") == 1
    shown = capsys.readouterr().err
    assert "idd" in shown
    assert "JVM" not in shown
