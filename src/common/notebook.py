"""What a notebook's setup cell opens: parameters with types, the tables, the source, and a way to say what was done."""

import html
import json
from collections.abc import Mapping, MutableMapping
from functools import cached_property
from typing import Any

from common.errors import LakehouseError, ParameterError
from common.parameters import PARAMETERS, Parameter, Value
from common.publish.declaration import load_outputs
from common.publish.output import Output
from common.result import RESULT_TYPE, UP_TO_DATE, Result
from common.session import spark_session
from common.settings import Settings, repository, settings_from
from common.sources.declaration import Source, load_source
from common.storage import last_success
from common.storage.checkpoints import adopt_earlier_names
from common.storage.lake import Lake
from common.storage.last_success import Began, Step, Success
from common.storage.streams import Trigger

NO_DEPENDENCIES = ("run_id", "src", "force", "trigger", "interval_seconds")
"""Parameters that change nothing of what a step makes."""

SETTINGS = ("catalog", "schema_prefix", "landing", "experiment", "run_id")
"""The parameters that say where things are."""


class Lakehouse(Lake):
    """A `Lake` as a notebook sees it, with the notebook's typed parameters, and its `dbutils` on Databricks."""

    def __init__(self, settings: Settings, parameters: Mapping[str, Value], dbutils: Any = None) -> None:
        super().__init__(lambda: spark_session(settings, self._jars), settings)
        self.parameters = parameters
        self.dbutils = dbutils
        self._began: Began | None = None

    @cached_property
    def source(self) -> Source:
        """The declaration that the parameter `source` names."""
        return load_source(repository() / "sources", str(self.parameters["source"]))

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """The declarations that the parameter `outputs` names."""
        return load_outputs(repository() / "outputs", str(self.parameters["outputs"]))

    def _jars(self) -> frozenset[str]:
        """The lists of jars that the notebook's source needs of Spark."""
        return self.source.jars if "source" in self.parameters else frozenset()

    @property
    def trigger(self) -> Trigger:
        """The trigger that the parameters `trigger` and `interval_seconds` ask for."""
        return Trigger(
            str(self.parameters.get("trigger", "available_now")), int(self.parameters.get("interval_seconds", 10))
        )

    def begin(self, step: Step) -> None:
        """Declares what the notebook's work depends on. Where nothing of it has changed, a job's notebook ends here.

        It then shows what its last success came to. Opened by hand, without a `run_id`, a notebook always works, and so
        does one with `force`, or one that goes on for ever.
        """
        adopt_earlier_names(self.settings)
        chosen = {name: value for name, value in self.parameters.items() if name not in NO_DEPENDENCIES}
        self._began = last_success.begin(self, step, chosen)
        may_end = bool(self.parameters.get("run_id")) and not self.parameters.get("force")
        if may_end and not self.trigger.goes_on:
            success = last_success.still_valid(self, self._began)
            if success is not None:
                self._show_up_to_date(success)
                return
        last_success.forget(self, step)

    def result(self, result: Result, error: LakehouseError | None = None) -> None:
        """Shows what the notebook did and reports it to the job: its last cell. On Databricks the notebook ends here.

        Raises:
            LakehouseError: `error`, which fails the task, once the result is shown.
        """
        if error is None and self._began is not None and not self.trigger.goes_on:
            last_success.succeed(self, self._began, result)
        self._show(result.as_json(), error)

    def _show(self, payload: Mapping[str, Any], error: LakehouseError | None = None) -> None:
        _display({RESULT_TYPE: payload, "text/html": _as_html(payload), "text/plain": _as_text(payload)})
        if error is not None:
            raise error
        self._end(payload)

    def _show_up_to_date(self, success: Success) -> None:
        payload = {"rows_in": 0, "rows_out": 0, "facts": dict(success.result.facts), UP_TO_DATE: True}
        last = ", ".join(f"{name}: {value}" for name, value in _flat(success.result.as_json()))
        text = (
            f"Up to date: nothing has changed since {success.at:%Y-%m-%d %H:%M} UTC. The last result: {last or 'none'}"
        )
        _display({RESULT_TYPE: payload, "text/plain": text})
        self._end(payload)

    def _end(self, payload: Mapping[str, Any]) -> None:
        if self.dbutils is not None:
            self.dbutils.notebook.exit(json.dumps(payload, default=str))


def open_lakehouse(notebook: MutableMapping[str, Any]) -> Lakehouse:
    """Opens the lakehouse for a notebook, whose `globals()` hold the values of its `parameters` cell.

    On Databricks each parameter is a widget as well: a job's value, or a person's, wins over the cell's. Afterwards
    those variables hold typed values, wherever they came from.

    Raises:
        ParameterError: a value has the wrong type or breaks a rule, or on Databricks no catalog is given.
        EngineError: Spark can't be found, started or reached.
    """
    dbutils = notebook.get("dbutils")
    parameters = {
        name: declared.typed(_given(declared, notebook[name], dbutils))
        for name, declared in PARAMETERS.items()
        if name in notebook
    }
    notebook.update(parameters)
    given = {name: str(parameters[name]) for name in SETTINGS if name in parameters}
    settings = settings_from(**given)
    if settings.platform.has_unity_catalog and settings.catalog == PARAMETERS["catalog"].default:
        raise ParameterError(
            f"catalog={settings.catalog!r}: is the laptop's, and no other is given. A notebook that is opened by "
            "hand needs widgets with the values that the deployment's jobs have as parameters: catalog, schema_prefix, "
            "and where they are, experiment and source. Set them, and run this cell again"
        )
    return Lakehouse(settings, parameters, dbutils)


def _given(declared: Parameter, value: object, dbutils: Any) -> object:
    """The widget's value on Databricks; a widget that isn't there yet is made, with the cell's value."""
    if dbutils is None:
        return value
    if declared.choices:
        dbutils.widgets.dropdown(declared.name, str(value), list(declared.choices), declared.meaning)
    else:
        dbutils.widgets.text(declared.name, str(value), declared.meaning)
    return dbutils.widgets.get(declared.name)


def _flat(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for name, value in payload.items():
        for key, item in value.items() if isinstance(value, dict) else [("", value)]:
            label = key if name == "facts" else name
            rows.append((label.replace("_", " "), _shown(item)))
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _as_html(payload: Mapping[str, Any]) -> str:
    cells = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
        for name, value in _flat(payload)
    )
    return f"<table>{cells}</table>"


def _as_text(payload: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in _flat(payload))


def _display(bundle: Mapping[str, Any]) -> None:
    try:
        from IPython.display import display
    except ImportError:
        print(bundle["text/plain"])
        return
    display(dict(bundle), raw=True)  # type: ignore[no-untyped-call]
