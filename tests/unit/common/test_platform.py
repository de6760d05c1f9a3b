"""Where things are, on a laptop and on Databricks."""

import ast
import re
from pathlib import Path

import pytest

from common.platform import DATABRICKS, LAPTOP, this_platform
from common.settings import Settings, repository
from local.cli import app

HOME = Path("/somewhere/.lakehouse")
OF_PLACES = {"name", "tracking_uri", "registry_uri", "volumes", "file_stream", "s3_scheme"}
"""Texts of a platform that are no words of messages."""


def test_the_platform_is_known_by_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    assert this_platform() == LAPTOP
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "client.4.9")
    assert this_platform() == DATABRICKS


def test_a_laptop_keeps_everything_in_one_folder() -> None:
    settings = Settings(HOME, platform=LAPTOP)

    assert settings.landing == "/somewhere/.lakehouse/landing"
    assert settings.checkpoint("bronze", "acme") == "/somewhere/.lakehouse/checkpoints/bronze/acme"
    assert settings.tracking_uri == settings.registry_uri == "sqlite:////somewhere/.lakehouse/mlflow.db"
    assert settings.artifacts == "file:///somewhere/.lakehouse/mlartifacts"
    assert settings.model == "fraud_model"
    assert settings.table("silver.transactions") == "spark_catalog.silver.transactions"


def test_a_deployment_keeps_everything_in_its_own_schemas() -> None:
    settings = Settings(HOME, "main", "dev_alice_", platform=DATABRICKS)

    assert settings.landing == "/Volumes/main/dev_alice_ops/landing"
    assert settings.checkpoint("bronze", "acme") == "/Volumes/main/dev_alice_ops/checkpoints/bronze/acme"
    assert (settings.tracking_uri, settings.registry_uri) == ("databricks", "databricks-uc")
    assert settings.artifacts is None
    assert settings.model == "main.dev_alice_ml.dev_alice_fraud_model"
    assert settings.table("silver.transactions") == "main.dev_alice_silver.transactions"
    assert settings.table("silver") == "main.dev_alice_silver"


@pytest.mark.parametrize(
    ("given", "landing"),
    [
        ("/Volumes/other/raw/files/", "/Volumes/other/raw/files"),
        ("s3://bucket/landing/", "s3://bucket/landing"),
        ("abfss://raw@bank.dfs.core.windows.net/landing", "abfss://raw@bank.dfs.core.windows.net/landing"),
    ],
)
def test_files_may_land_elsewhere(given: str, landing: str) -> None:
    assert Settings(HOME, "main", landing_folder=given, platform=DATABRICKS).landing == landing


def test_auto_loader_is_asked_for_by_its_documented_options() -> None:
    documented = {
        "cloudFiles.allowOverwrites",
        "cloudFiles.backfillInterval",
        "cloudFiles.format",
        "cloudFiles.includeExistingFiles",
        "cloudFiles.maxBytesPerTrigger",
        "cloudFiles.maxFilesPerTrigger",
        "cloudFiles.useManagedFileEvents",
        "cloudFiles.useNotifications",
    }  # docs.databricks.com, Auto Loader options

    assert DATABRICKS.file_stream == "cloudFiles"
    assert DATABRICKS.file_stream_options["cloudFiles.format"] == "binaryFile"
    assert set(DATABRICKS.file_stream_options) <= documented


def test_no_message_of_common_names_a_command_of_the_laptop() -> None:
    verbs = "|".join(command.name or command.callback.__name__ for command in app.registered_commands)  # type: ignore[union-attr]
    named = re.compile(rf"\blakehouse ({verbs})\b|`lakehouse\b")
    files = [file for file in (repository() / "src" / "common").rglob("*.py") if file.name != "platform.py"]
    strings = [
        (file.name, node.lineno, node.value)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert len(strings) > 1000
    assert named.search(LAPTOP.run_job)
    assert [place for *place, text in strings if named.search(text)] == []


def test_what_messages_advise_can_be_done_where_they_are_read() -> None:
    of_laptop, of_databricks = (
        [value for name, value in vars(here).items() if isinstance(value, str) and name not in OF_PLACES]
        for here in (LAPTOP, DATABRICKS)
    )
    assert not [text for text in of_databricks if "lakehouse" in text.lower()]
    assert set(of_laptop).isdisjoint(of_databricks)


def test_how_a_stream_is_made_to_read_everything_again() -> None:
    laptop, deployment = Settings(HOME, platform=LAPTOP), Settings(HOME, "main", "dev_alice_", platform=DATABRICKS)

    assert laptop.how_to_reset("silver/transactions") == "`lakehouse reset silver/transactions`"
    folder = "dbfs:/Volumes/main/dev_alice_ops/checkpoints/silver/transactions"
    assert deployment.how_to_reset("silver/transactions").endswith(f"`databricks fs rm -r {folder}`")
