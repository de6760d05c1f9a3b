"""A notebook's setup: parameters from its cell, from papermill, or from widgets, always with their types."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from common import notebook as of_notebooks
from common.errors import ParameterError, QualityError
from common.notebook import Lakehouse, open_lakehouse
from common.parameters import Value
from common.result import Result
from common.settings import Settings
from common.storage.last_success import Step


class Ended(Exception):
    """What `dbutils.notebook.exit` does: nothing after it runs."""


class Dbutils:
    """Widgets and notebook of Databricks: all values are text, and a job's win over the widget's own."""

    def __init__(self, **given: str) -> None:
        self.given, self.made = given, dict[str, str]()
        self.widgets = self.notebook = self

    def text(self, name: str, default: str, label: str) -> None:
        assert isinstance(default, str)
        assert label
        self.made.setdefault(name, default)

    def dropdown(self, name: str, default: str, choices: Sequence[str], label: str) -> None:
        assert default in choices
        self.text(name, default, label)

    def get(self, name: str) -> str:
        assert name in self.made, f"InputWidgetNotDefined: {name}"
        return self.given.get(name, self.made[name])

    def exit(self, value: str) -> None:
        raise Ended(value)


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_notebooks, "spark_session", lambda settings: None)


def cell(**others: Any) -> dict[str, Any]:
    """What the `parameters` cell assigns."""
    return {"catalog": "spark_catalog", "train_days": 60, "trigger": "available_now", **others}


def test_defaults_of_the_cell() -> None:
    notebook = cell()
    lake = open_lakehouse(notebook)
    assert (lake.settings.catalog, notebook["train_days"], lake.dbutils) == ("spark_catalog", 60, None)


def test_a_job_gives_text_and_the_variables_have_types() -> None:
    notebook = cell(dbutils=Dbutils(train_days="90", catalog="main", unknown="x"))
    lake = open_lakehouse(notebook)

    assert notebook["train_days"] == 90
    assert lake.settings.catalog == "main"
    assert lake.trigger.kind == "available_now"
    assert "unknown" not in notebook


def test_a_person_at_the_notebook_sees_a_widget_for_each_parameter() -> None:
    dbutils = Dbutils()
    open_lakehouse(cell(dbutils=dbutils))
    assert dbutils.made == {"catalog": "spark_catalog", "train_days": "60", "trigger": "available_now"}


@pytest.mark.parametrize("way", ["papermill", "widget"])
def test_a_wrong_value_is_refused_by_name_and_rule(way: str) -> None:
    notebook = cell(train_days="soon") if way == "papermill" else cell(dbutils=Dbutils(train_days="soon"))
    with pytest.raises(ParameterError, match=r"train_days='soon': must be a whole number \(days of transactions"):
        open_lakehouse(notebook)


def test_on_databricks_somebody_says_which_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "client.4.9")
    with pytest.raises(ParameterError, match=r"catalog='spark_catalog': is the laptop's.* schema_prefix"):
        open_lakehouse(cell(dbutils=Dbutils()))
    assert open_lakehouse(cell(dbutils=Dbutils(catalog="main"))).settings.catalog == "main"


def test_settings_come_from_the_parameters() -> None:
    given = Dbutils(schema_prefix="dev_a_", landing="/data", experiment="/Users/a/x", run_id="77")
    own = {"schema_prefix": "", "landing": "", "experiment": "fraud_model", "run_id": "", "dbutils": given}
    settings = open_lakehouse(cell(**own)).settings

    assert settings.table("gold") == "spark_catalog.dev_a_gold"
    assert (settings.landing, settings.experiment, settings.run_id) == ("/data", "/Users/a/x", "77")


def test_the_result_is_the_exit_value_of_the_notebook(tmp_path: Path) -> None:
    lake = Lakehouse(Settings(tmp_path), {}, Dbutils())
    with pytest.raises(Ended) as ended:
        lake.result(Result(3, note="all well", facts={"alerts": 2}))
    assert json.loads(str(ended.value)) == {"rows_in": 3, "note": "all well", "facts": {"alerts": 2}}


def test_an_error_fails_the_task_once_the_result_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = Lakehouse(Settings(tmp_path), {}, Dbutils())
    with pytest.raises(QualityError, match="not good enough"):
        lake.result(Result(3), QualityError("not good enough"))


STEP = Step("test.notebook")


def a_run(home: Path, dbutils: Dbutils | None = None, **parameters: Value) -> Lakehouse:
    """A notebook of a job's run, whose step reads nothing: it is up to date once it has succeeded."""
    return Lakehouse(Settings(home), {"run_id": "7", "days": 3, "force": False} | parameters, dbutils)


def outputs(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """What notebooks show from now on."""
    shown: list[Mapping[str, Any]] = []
    monkeypatch.setattr(of_notebooks, "_display", shown.append)
    return shown


def test_a_notebook_ends_with_its_last_result_where_nothing_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = a_run(tmp_path)
    first.begin(STEP)
    first.result(Result(3, 2, "two are new", {"alerts": 2}))

    with pytest.raises(Ended) as ended:
        a_run(tmp_path, Dbutils()).begin(STEP)
    assert json.loads(str(ended.value)) == {"rows_in": 0, "rows_out": 0, "facts": {"alerts": 2}, "up_to_date": True}

    shown = outputs(monkeypatch)
    a_run(tmp_path, run_id="8").begin(STEP)
    (last,) = shown
    assert last[of_notebooks.RESULT_TYPE]["up_to_date"]
    assert "two are new" in last["text/plain"]


@pytest.mark.parametrize(
    "how",
    [{"run_id": ""}, {"force": True}, {"trigger": "processing_time"}, {"days": 4}],
    ids=lambda how: next(iter(how)),
)
def test_a_notebook_works_when_a_person_opens_it_forces_it_or_gives_it_another_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Value]
) -> None:
    first = a_run(tmp_path)
    first.begin(STEP)
    first.result(Result(3))

    shown = outputs(monkeypatch)
    a_run(tmp_path, **how).begin(STEP)
    assert not shown


def test_a_notebook_that_failed_works_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = a_run(tmp_path)
    first.begin(STEP)
    with pytest.raises(QualityError):
        first.result(Result(3), QualityError("not good enough"))

    shown = outputs(monkeypatch)
    a_run(tmp_path).begin(STEP)
    assert not shown
