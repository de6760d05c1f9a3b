"""The command line and settings of the local Spark Connect server."""

import hashlib
import os
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from local.engine.jars import SPARK_JARS, jars_folder, needed_lists, spark_folder
from local.engine.java import Java
from local.engine.needs import needs_of
from local.workspace import Workspace

SERVER_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
_CODE_CACHE = "-XX:ReservedCodeCacheSize=512m"
"""Spark compiles classes for every query. By default Java holds 240 MB of their machine code, and 48 MB with its quick
compiler alone: a server whose cache is full slows down, or its queries die of a VirtualMachineError."""
_SMALL_WORK = (
    # The collector for few cores; the others keep threads busy beside the queries.
    "-XX:+UseSerialGC",
    # Most code here plans queries and runs a few times. By default half of a short run's time goes into compiling it
    # a second time, thoroughly. That now needs a hundred times the usual calls, which loops over rows reach soon.
    "-XX:Tier4InvocationThreshold=500000",
    "-XX:Tier4MinInvocationThreshold=60000",
    "-XX:Tier4CompileThreshold=1500000",
    "-XX:Tier4BackEdgeThreshold=400000",
)
_DROPPED = (
    "SPARK_REMOTE",
    "SPARK_CONNECT_MODE_ENABLED",
    "SPARK_API_MODE",
    "PYTHONPATH",
    "LAKEHOUSE_SESSION_ID",
    "LAKEHOUSE_RUN_ID",
    "LAKEHOUSE_TASK_KEY",
    "LAKEHOUSE_CLIENT_PID",
    "JPY_PARENT_PID",
    "MPLBACKEND",
)
_LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")


def server_settings(workspace: Workspace, port: int) -> dict[str, str]:
    """Spark's settings for a workspace on one machine, where tables are small and cores are few."""
    metastore = workspace.home / "metastore"
    return {
        "spark.master": os.environ.get("LAKEHOUSE_MASTER", "local[*]"),
        "spark.app.name": "lakehouse",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # Tables survive a restart: Hive's metastore in a Derby database of the workspace.
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={metastore};create=true",
        "spark.hadoop.hive.metastore.schema.verification": "false",
        "spark.sql.warehouse.dir": str(workspace.warehouse),
        "spark.local.dir": str(workspace.temporary),
        # Small tables on few cores: Spark's and Delta's defaults are made for clusters.
        "spark.sql.shuffle.partitions": str(max(2, os.cpu_count() or 2)),
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
        "spark.databricks.delta.snapshotPartitions": "1",
        # Small shuffles end in one task; by default Spark keeps all cores busy with tasks of a few rows.
        "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
        "spark.sql.adaptive.advisoryPartitionSizeInBytes": "4m",
        # Rows that a process sends to be queried travel with the query up to this size. Beyond it they are kept in the
        # block manager until the session ends, which a stream's never does.
        "spark.sql.session.localRelationCacheThreshold": "67108864",
        # Classes generated for queries: a run has thousands. With Spark's 100, Delta's own are compiled ever again.
        "spark.sql.codegen.cache.maxEntries": "5000",
        # A checksum beside every commit helps readers of long logs and costs each of the many small writes here.
        "spark.databricks.delta.writeChecksumFile.enabled": "false",
        # A second run of a stream is an error. By default it would stop the first one, whose task would seem done.
        "spark.sql.streaming.stopActiveRunOnRestart": "false",
    }


def server_classes(jars: Iterable[Path]) -> list[Path]:
    """Where the server's classes are: a folder, a folder's jars, single jars."""
    return [spark_folder() / "conf", spark_folder() / "jars" / "*", *jars]


def server_command(workspace: Workspace, port: int, java: Java, jars: Iterable[Path]) -> list[str]:
    """The command that starts the server in the foreground.

    Java is called directly, as spark-submit would: one process less to start and to stop, on any shell.
    """
    settings = [f"-D{key}={value}" for key, value in server_settings(workspace, port).items()]
    return [
        str(java.executable),
        f"-Xmx{os.environ.get('LAKEHOUSE_DRIVER_MEMORY', '2560m')}",
        _CODE_CACHE,
        *_SMALL_WORK,
        *java.module_options,
        f"-Djava.io.tmpdir={workspace.temporary}",
        f"-Dderby.system.home={workspace.engine}",
        f"-Dderby.stream.error.file={workspace.logs / 'derby.log'}",
        f"-Dlog4j2.configurationFile={_LOG_SETTINGS}",
        "-Duser.timezone=UTC",
        *settings,
        "-cp",
        os.pathsep.join(map(str, server_classes(jars))),
        SERVER_CLASS,
    ]


def server_digest(workspace: Workspace) -> str:
    """A digest of all that a server is started with: settings, memory, Java, pyspark and jars."""
    chosen = [os.environ.get(name, "") for name in ("LAKEHOUSE_DRIVER_MEMORY", "JAVA_HOME", "JAVA_TOOL_OPTIONS")]
    spark = f"{spark_folder()} {version('pyspark')}"
    jars = [str(jars_folder(listed)) for listed in (SPARK_JARS, *needed_lists(needs_of(workspace)))]
    started = [server_settings(workspace, 0), _SMALL_WORK, spark, *jars, *chosen]
    return hashlib.sha256(repr(started).encode()).hexdigest()[:12]


def server_environment() -> dict[str, str]:
    """The environment of the server and of the Python workers that it starts, without what belongs to one task."""
    kept = {key: value for key, value in os.environ.items() if key not in _DROPPED}
    return kept | {
        # Java lists no file whose name has other letters than its locale, and says nothing of it.
        "LC_ALL": "C.UTF-8",
        "SPARK_HOME": str(spark_folder()),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
