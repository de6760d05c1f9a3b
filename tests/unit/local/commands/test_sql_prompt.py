"""The prompt of `lakehouse sql`, typed into through a pipe."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from common.settings import Settings
from delta_tables import a_workspace
from local.commands import sql
from local.commands.rows import Format
from local.commands.sql_prompt import HISTORY, Names, prompt


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    a_workspace(tmp_path)
    return tmp_path


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


def typed(keyboard: PipeInput, home: Path, text: str) -> list[str]:
    """What is asked for where someone types, and then Ctrl-D."""
    asked: list[str] = []
    keyboard.send_text(text + "\x04")
    prompt(Settings(home), asked.append)
    return asked


def completed(home: Path, text: str) -> list[str]:
    document = Document(text, len(text))
    return [found.text for found in Names(Settings(home)).get_completions(document, CompleteEvent())]


def test_a_query_goes_on_until_its_semicolon(keyboard: PipeInput, home: Path) -> None:
    assert typed(keyboard, home, "SELECT 1,\n2\n;\nSELECT 3;\n") == ["SELECT 1,\n2\n;", "SELECT 3;"]


def test_what_was_asked_is_kept_in_the_workspace(keyboard: PipeInput, home: Path) -> None:
    assert typed(keyboard, home, "SELECT 1;\n") == ["SELECT 1;"]
    assert "SELECT 1;" in (home / HISTORY).read_text()
    assert typed(keyboard, home, "\x1b[A\n") == ["SELECT 1;"]  # arrow up


def test_what_was_asked_is_for_its_owner_alone(keyboard: PipeInput, home: Path) -> None:
    (home / HISTORY).touch(mode=0o644)
    typed(keyboard, home, "SELECT 1;\n")
    assert stat.S_IMODE((home / HISTORY).stat().st_mode) == 0o600


def test_quit_ends_it_and_so_does_ctrl_c_not(keyboard: PipeInput, home: Path) -> None:
    assert typed(keyboard, home, "SELECT 1\x03SELECT 2;\nquit\nSELECT 3;\n") == ["SELECT 2;"]


def test_ctrl_c_during_a_query_leaves_the_prompt(keyboard: PipeInput, home: Path) -> None:
    asked: list[str] = []

    def interrupted(text: str) -> None:
        asked.append(text)
        raise KeyboardInterrupt

    keyboard.send_text("SELECT 1;\nSELECT 2;\n\x04")
    prompt(Settings(home), interrupted)
    assert asked == ["SELECT 1;", "SELECT 2;"]


def test_tables_and_their_columns_are_described(
    keyboard: PipeInput, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert typed(keyboard, home, "tables\ndescribe gold.fraud_transactions\nhelp\ndescribe gold.fraud\n") == []
    shown = capsys.readouterr()
    assert "gold.transaction_scores" in shown.out
    assert "silver.transactions" not in shown.out, "only what is there"
    assert "decimal(18,2)" in shown.out
    assert "Ctrl-D" in shown.out
    assert "there is no table gold.fraud; did you mean gold.fraud_transactions" in " ".join(shown.err.split())


def test_an_error_is_shown_and_the_prompt_stays(
    keyboard: PipeInput, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keyboard.send_text(
        "SELECT nothing FROM gold.transaction_scores;\nSELECT decision FROM gold.transaction_scores;\n\x04"
    )
    sql._prompt(Format.CSV, 0, None)
    shown = capsys.readouterr()
    assert "there is no column nothing" in " ".join(shown.err.split())
    assert shown.out == "decision\nfraud\n"


@pytest.mark.parametrize(
    ("text", "found", "others"),
    [
        ("SEL", ["SELECT"], []),
        ("sel", ["select"], []),
        ("select * from go", ["gold."], []),
        ("SELECT * FROM gold.", ["gold.transaction_scores", "gold.fraud_transactions"], ["gold.merchant_risk"]),
        ("SELECT sco", ["score", "scored_at"], []),
        ("SELECT * FROM gold.fraud_transactions f WHERE f.sco", ["score", "scored_at"], []),
        ("SELECT ", [], ["SELECT"]),
        ("desc", ["describe", "desc"][:1], []),
    ],
)
def test_names_are_completed(home: Path, text: str, found: list[str], others: list[str]) -> None:
    offered = completed(home, text)
    assert set(found) <= set(offered)
    assert not set(others) & set(offered)
