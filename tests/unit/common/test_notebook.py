"""A notebook's setup: parameters from its cell, from papermill, or from widgets, always with their types."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import common.notebook
from common.errors import ParameterError
from common.notebook import Lakehouse, open_lakehouse
from common.settings import Settings


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
    monkeypatch.setattr(common.notebook, "spark_session", lambda settings: None)


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


def test_the_result_is_the_exit_value_of_the_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = Lakehouse(None, Settings(tmp_path), {}, Dbutils())  # type: ignore[arg-type]
    with pytest.raises(Ended) as ended:
        lake.result(rows_in=3, note="all well", facts={"alerts": 2})
    assert json.loads(str(ended.value)) == {"rows_in": 3, "note": "all well", "facts": {"alerts": 2}}


def test_what_comes_then_may_fail_before_the_notebook_ends(tmp_path: Path) -> None:
    def refuse() -> None:
        raise ParameterError("not good enough")

    lake = Lakehouse(None, Settings(tmp_path), {}, Dbutils())  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="not good enough"):
        lake.result(rows_in=3, then=refuse)
