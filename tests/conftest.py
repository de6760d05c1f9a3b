"""Fixtures of all tests: a workspace in a temporary folder, and one Spark Connect server for the whole session."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from quick_server import UNTIL_IT_ENDS, VARIABLE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from servers.aws import AwsServer
    from servers.kafka import Broker
    from servers.postgres import Postgres

# Importing nbformat would build a grammar of URLs, for seconds; no test uses it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

# Deadlines would test the machine's load, not the code.
_QUIET = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=_QUIET)
settings.register_profile("search", deadline=None, max_examples=1000, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs Spark, and puts what takes long first, so that two workers have work until the end."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()) or item.get_closest_marker("job"):
            item.add_marker("spark")
    items.sort(key=lambda item: [item.get_closest_marker(name) is None for name in ("job", "spark")])


@pytest.fixture(scope="session", autouse=True)
def workspace_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A LAKEHOUSE_HOME of the test session's own."""
    home = tmp_path_factory.mktemp("lakehouse")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_HOME", str(home))
        patch.setenv("LAKEHOUSE_ENGINE_IDLE_SECONDS", "0")
        patch.setattr(os, "fsync", lambda descriptor: None)  # only a machine that fails needs it: no test has one
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
        for name in ("LAKEHOUSE_SESSION_ID", "LAKEHOUSE_RUN_ID", "LAKEHOUSE_TASK_KEY", "LAKEHOUSE_CLIENT_PID"):
            patch.delenv(name, raising=False)
        yield home


@pytest.fixture(scope="session")
def spark(workspace_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    """A session on the server that SPARK_REMOTE names, or on one that lives as long as the tests.

    All workers of pytest-xdist share the server: the first that needs it starts it, and it ends with the last.
    """
    from common.session import spark_session
    from local.engine.server import attach, detach
    from local.workspace import Workspace

    folder = tmp_path_factory.getbasetemp()
    workspace = Workspace((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "server")
    own = not os.environ.get("SPARK_REMOTE")
    if own:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(VARIABLE, UNTIL_IT_ENDS)
            os.environ["SPARK_REMOTE"] = attach(workspace, os.getpid(), needs=["kafka", "s3"]).remote
    session = spark_session()
    yield session
    session.stop()
    if own:
        del os.environ["SPARK_REMOTE"]
        detach(workspace, os.getpid())


@pytest.fixture(scope="module")
def schema_prefix(spark: "SparkSession") -> Iterator[str]:
    """Stands before the names of schemas that are the module's own; they are dropped with their tables after it."""
    from common.contracts.registry import LAYERS

    prefix = f"test_{uuid4().hex[:8]}_"
    yield prefix
    for layer in LAYERS:
        spark.sql(f"DROP SCHEMA IF EXISTS {prefix}{layer} CASCADE")


@pytest.fixture
def database(spark: "SparkSession") -> Iterator[str]:
    """A schema of the test's own, dropped with its tables after it."""
    name = f"test_{uuid4().hex[:12]}"
    spark.sql(f"CREATE DATABASE {name}")
    yield name
    spark.sql(f"DROP DATABASE IF EXISTS {name} CASCADE")


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Broker"]:
    """The broker of the worker's tests. They take it by `broker`."""
    from servers.kafka import Broker

    server = Broker(tmp_path_factory.mktemp("kafka"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def broker(kafka_server: "Broker") -> Iterator["Broker"]:
    """A broker of Kafka that runs, without topics."""
    yield kafka_server
    kafka_server.empty()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["Postgres"]:
    """The PostgreSQL server of the worker's tests. They take it by `postgres`."""
    from servers.postgres import Postgres

    server = Postgres()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="module")
def postgres(postgres_server: "Postgres") -> Iterator["Postgres"]:
    """A PostgreSQL server that runs, with nothing in it."""
    yield postgres_server
    postgres_server.empty()


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator["AwsServer"]:
    """Services of AWS on this machine. Tests have buckets of their own."""
    from servers.aws import AwsServer

    server = AwsServer(tmp_path_factory.mktemp("aws"))
    try:
        yield server.start()
    finally:
        server.stop()
