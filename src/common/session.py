"""The Spark session of a notebook: the cluster's own on Databricks, one on the local Spark Connect server else."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

import common
from common.errors import EngineError
from common.platform import DATABRICKS, this_platform
from common.settings import Settings

USER_ID = "lakehouse"
"""The user that all local sessions belong to, so that the runner can end a notebook's session by its id."""


def spark_session(
    settings: Settings | None = None, needs: Callable[[], Collection[str]] = frozenset[str]
) -> SparkSession:
    """The session to work with; calling it again gives the same one while it lives.

    On Databricks it is the active session. Elsewhere it is attached to SPARK_REMOTE where that is set, or to the
    workspace's own server, which is started when it doesn't run. UDFs carry this package with them, by value.
    `needs` gives the lists of jars that this server must have beside Delta's, by name.

    Raises:
        EngineError: no server can be started or reached.

    """
    # It would print every error a second time, as JSON with the server's stack trace.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    spark = _databricks_session() if this_platform() == DATABRICKS else _local_session(settings, needs)
    _ship_package_by_value()
    return spark


def _databricks_session() -> SparkSession:
    active = SparkSession.getActiveSession()
    return active if active is not None else SparkSession.builder.getOrCreate()


def _local_session(settings: Settings | None, needs: Callable[[], Collection[str]]) -> SparkSession:
    existing = _living_session()
    if existing is not None:
        return existing
    remote = os.environ.get("SPARK_REMOTE") or _attach_to_workspace(settings, needs())
    session_id = os.environ.get("LAKEHOUSE_SESSION_ID", "")
    try:
        spark = SparkSession.builder.remote(session_url(remote, session_id)).getOrCreate()
        _ = spark.version  # the first call to the server: a dead address shows itself here
    except Exception as error:
        raise EngineError(f"no Spark Connect server answers at {remote}: {error}") from error
    return spark


def session_url(remote: str, session_id: str = "") -> str:
    """The address of a session: the server's, with the user and (optionally) the session's id."""
    parts = [f"user_id={USER_ID}"] if "user_id=" not in remote else []
    if session_id and "session_id=" not in remote:
        parts.append(f"session_id={session_id}")
    separator = ";" if "/;" in remote else "/;"
    return remote.rstrip("/") + separator + ";".join(parts) if parts else remote


def close_for_good(session: Any) -> None:
    """Closes the connection of a Spark Connect session that another may follow in this process.

    PySpark 4.1 closes it again when the garbage collector finds the session, in whatever thread that is, and
    waits there for a pool of threads that all sessions share. If that thread is just giving the pool work, the
    process stands still for ever (SPARK-55406, mended in 4.2).
    """
    session.client.close()
    session.client.close = lambda: None


def _living_session() -> SparkSession | None:
    """The session of this process, unless it was stopped or its server is gone."""
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    session: Any = ConnectSession.getActiveSession() or ConnectSession._get_default_session()
    if session is None:
        return None
    try:
        session.conf.get("spark.sql.session.timeZone")
    except Exception:  # whatever the reason, a session that can't answer is of no use
        session.stop()
        close_for_good(session)
        return None
    living: SparkSession = session
    return living


def _attach_to_workspace(settings: Settings | None, needs: Collection[str]) -> str:
    """Asks the workspace's engine for a server to use until this process ends, or the run that it belongs to.

    Gives back the server's address.
    """
    source = Path(common.__file__).resolve().parents[1]
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(source), environment.get("PYTHONPATH")]))
    if settings is not None:
        environment["LAKEHOUSE_HOME"] = str(settings.home)
    client = os.environ.get("LAKEHOUSE_CLIENT_PID") or str(os.getpid())
    wanted = [part for name in sorted(needs) for part in ("--needs", name)]
    answer = subprocess.run(
        [sys.executable, "-m", "local.engine.server", "attach", "--pid", client, *wanted],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if answer.returncode:
        raise EngineError(answer.stderr.strip() or "the local engine could not be started")
    remote: str = json.loads(answer.stdout)["remote"]
    return remote


def _ship_package_by_value() -> None:
    """Makes UDFs run on workers that don't have this package."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(common)  # type: ignore[no-untyped-call]
