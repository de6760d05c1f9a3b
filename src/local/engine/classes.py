"""Makes the archive of the classes that Spark loads, once, by a short run of a server: `make setup` calls this."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import EngineError
from local.engine.archive import archive_path
from local.engine.command import server_command, server_environment
from local.engine.jars import spark_jars
from local.engine.java import Java, find_java
from local.engine.sessions import fresh_session
from local.engine.startup import free_port, is_open, wait_for_start
from local.processes import ProcessIdentity
from local.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_UNUSED_DAYS = 30
"""An archive is some 250 MB: one that no server has used for so long is removed when another is made."""
_END_SECONDS = 300


def make_archive(java: Java, jars: Sequence[Path]) -> Path:
    """Makes the archive by a server that does a little of everything, and ends.

    Raises:
        EngineError: the server ended and made none.

    """
    archive = archive_path(java, jars)
    archive.parent.mkdir(parents=True, exist_ok=True)
    for other in archive.parent.glob("classes-*.jsa"):
        if time.time() - other.stat().st_mtime > _UNUSED_DAYS * 86400:
            other.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".classes-") as folder:
        workspace, made = Workspace(Path(folder)).create(), Path(folder) / archive.name
        log, port = workspace.logs / "server.log", free_port()
        command = server_command(workspace, port, java, jars)
        command[1:1] = [f"-XX:ArchiveClassesAtExit={made}", "-XX:TieredStopAtLevel=1"]  # it compiles little, briefly
        with log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=workspace.engine, env=server_environment(), stdout=output, stderr=output
            )
        try:
            seen = wait_for_start(lambda: is_open(port), ProcessIdentity.of(process.pid), log)
            if seen:
                raise EngineError(seen)
            _warm_up(f"sc://127.0.0.1:{port}", workspace)
            process.terminate()
            process.wait(_END_SECONDS)
        finally:
            process.kill()
            process.wait()
        if not made.is_file():
            raise EngineError(f"Java wrote none: {log.read_text(errors='replace')[-500:]}")
        made.replace(archive)
    return archive


def _warm_up(remote: str, workspace: Workspace) -> None:
    """Makes the server load what a run's queries load: tables, appends, merges, streams, windows, joins."""
    with fresh_session(remote) as spark:
        spark.sql("CREATE SCHEMA warm")
        for name in ("one", "two"):
            spark.sql(
                f"CREATE TABLE warm.{name} (id BIGINT, day DATE, name STRING, amount DECIMAL(18,2)) USING delta "
                "CLUSTER BY (day) TBLPROPERTIES (delta.enableChangeDataFeed = true)"
            )
        source = (
            "id, DATE'2025-01-01' AS day, concat('n', id) AS name, CAST(id AS DECIMAL(18,2)) AS amount FROM range(50)"
        )
        spark.sql(f"INSERT INTO warm.one SELECT {source}")
        spark.sql(
            f"MERGE INTO warm.one AS t USING (SELECT {source}) AS s ON t.id = s.id "
            "WHEN MATCHED AND s.id < 5 THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )
        _stream(spark, workspace)
        spark.sql(
            "SELECT t.day, count(DISTINCT w.name), sum(t.amount), percentile_approx(t.id, 0.5) FROM warm.one AS t "
            "LEFT JOIN warm.two AS w ON t.id <=> w.id GROUP BY t.day ORDER BY t.day"
        ).toPandas()
        spark.sql(
            "SELECT *, row_number() OVER (PARTITION BY day ORDER BY id) AS number, sum(amount) OVER (PARTITION BY day "
            "ORDER BY id RANGE BETWEEN 9 PRECEDING AND CURRENT ROW) AS total FROM warm.one"
        ).where("number < 9").toPandas()
        spark.sql("SELECT * FROM warm.one ANTI JOIN warm.two USING (id)").collect()
        spark.sql("DESCRIBE HISTORY warm.one").limit(1).collect()
        spark.sql("SHOW TABLES IN warm").collect()


def _stream(spark: "SparkSession", workspace: Workspace) -> None:
    rows = spark.readStream.option("skipChangeCommits", "true").table("warm.one")
    writer = rows.writeStream.format("delta").option("checkpointLocation", str(workspace.home / "checkpoint"))
    writer.trigger(availableNow=True).toTable("warm.two").awaitTermination()


def main() -> int:
    """Makes the archive unless it is there. What goes wrong is no obstacle: Spark runs without it."""
    java = find_java()
    jars = spark_jars(java)
    if not archive_path(java, jars).is_file():
        print("Making an archive of Spark's classes (once)")
        try:
            make_archive(java, jars)
        except Exception as error:
            print(f"There is none, so Spark starts more slowly: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
