"""How the servers of tests run whose work is many small queries: quickly begun rather than quick in the long run."""

INTERPRETED = "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN -XX:+UseSerialGC"
"""For Java: on a few rows, compiling a query takes longer than running it, and hundreds of different ones run here. The
main job of test_main_job.py and `make chaos` run compiled, as users do."""

QUICK = f"{INTERPRETED} -XX:TieredStopAtLevel=1"
"""For servers that live for minutes: Java's second compiler doesn't pay before they end."""

UNTIL_IT_ENDS = (
    f"{INTERPRETED} -Xmx5g -Xmn1536m -Dspark.sql.catalogImplementation=in-memory "
    "-Dspark.databricks.delta.snapshotPartitions=1"
)
"""For a server that several workers share, and whose tables nobody asks for when it has ended: they need no metastore
in a database, which takes a tenth of the work. What has to survive a restart is tested on servers of their own."""

VARIABLE = "_JAVA_OPTIONS"
"""The one that wins over the options of the server's own command line."""
