"""Which versions of the model there are, for a step that asks whether it has anything to do.

On a laptop MLflow's store is a file, of which two columns are read. MLflow's client takes three seconds of CPU to load
for the same answer, more than everything else that such a step does.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from common.settings import Settings

ALIAS = "champion"
"""The alias of the version that scoring uses."""

CHALLENGER = "challenger"
"""The alias of the version that awaits a decision, or a person's approval; it is scored with beside the champion."""

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow's stores answer for an alias, or a model, that is not there."""

RETRAIN_DUE = "retrain_due"
"""Tag of a version that monitoring found to need a successor: why."""

_FILE = "sqlite:///"


def newest_version(settings: Settings) -> str | None:
    """The number of the version registered last; empty where there is none, None where that is unknown."""
    # MLflow keeps the row of a deleted version.
    query = "SELECT max(version) FROM model_versions WHERE name = ? AND current_stage <> 'Deleted_Internal'"
    return _answer(settings, query, lambda: _newest_by_client(settings))


def champion_version(settings: Settings) -> str | None:
    """The number of the version that scoring uses; empty where there is none, None where that is unknown."""
    return version_with(settings, ALIAS)


def version_with(settings: Settings, alias: str) -> str | None:
    """The number of the version that has an alias; empty where none has, None where that is unknown."""
    query = f"SELECT max(version) FROM registered_model_aliases WHERE name = ? AND alias = '{alias}'"
    return _answer(settings, query, lambda: _version_by_client(settings, alias))


def approval(settings: Settings) -> str | None:
    """The challenger's number and its tag `approval`; empty where a person has not said so, None: unknown."""
    query = _tag_query("tag.version || ' ' || tag.value", CHALLENGER, "approval")
    return _answer(settings, query, lambda: _approval_by_client(settings))


def retrain_due(settings: Settings) -> str | None:
    """Why monitoring found a new model due, by a tag of the champion; empty where it didn't, None where unknown."""
    query = _tag_query("tag.value", ALIAS, RETRAIN_DUE)
    return _answer(settings, query, lambda: _retrain_due_by_client(settings))


def decided_by(settings: Settings) -> list[str] | None:
    """All that promotion looks at in the registry: newest version, champion and approval; None where one is unknown."""
    found = [newest_version(settings), champion_version(settings), approval(settings)]
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else None


def _tag_query(column: str, alias: str, key: str) -> str:
    """What a tag of the version that has the alias says."""
    return (
        f"SELECT max({column}) FROM registered_model_aliases alias "
        "JOIN model_version_tags tag ON tag.name = alias.name AND tag.version = alias.version "
        f"WHERE alias.name = ? AND alias.alias = '{alias}' AND tag.key = '{key}'"
    )


def _answer(settings: Settings, query: str, by_client: Callable[[], str | None]) -> str | None:
    if not settings.registry_uri.startswith(_FILE):
        return by_client()
    file = Path(settings.registry_uri.removeprefix(_FILE))
    if not file.exists():
        return ""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as store:
            return str(store.execute(query, (settings.model,)).fetchone()[0] or "")
    except sqlite3.Error:  # a store that another MLflow made, or one that is being made
        return None


def _newest_by_client(settings: Settings) -> str | None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        found = MlflowClient(registry_uri=settings.registry_uri).search_model_versions(f"name='{settings.model}'")
    except MlflowException as error:
        return "" if error.error_code in ABSENT else None
    return str(max((int(version.version) for version in found), default=""))


def _version_by_client(settings: Settings, alias: str) -> str | None:
    return _by_alias(settings, alias, lambda version: str(version.version))


def _approval_by_client(settings: Settings) -> str | None:
    def said(version: Any) -> str:
        return f"{version.version} {version.tags['approval']}" if "approval" in version.tags else ""

    return _by_alias(settings, CHALLENGER, said)


def _by_alias(settings: Settings, alias: str, answer: Callable[[Any], str]) -> str | None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        client = MlflowClient(registry_uri=settings.registry_uri)
        return answer(client.get_model_version_by_alias(settings.model, alias))
    except MlflowException as error:
        return "" if error.error_code in ABSENT else None


def _retrain_due_by_client(settings: Settings) -> str | None:
    return _by_alias(settings, ALIAS, lambda version: str(version.tags.get(RETRAIN_DUE, "")))
