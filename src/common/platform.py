"""What differs between a laptop and a Databricks workspace: all of it, each with its reason.

The rest of the code asks `this_platform()`, and nothing else, where it runs. docs/local-vs-databricks.md says the
same in words.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """The properties of one place where notebooks run.

    `tracking_uri` and `registry_uri` are templates over `{home}`, `volumes` over `{catalog}` and `{ops}` (a schema).
    `kafka_login` stands before the names of the login classes of Kafka's Java client.
    `s3_scheme` is how Spark calls S3.
    The rest are words of messages, templates too: what holds the tables (over `{home}` and `{ops}`, the schema's full
    name), the way to a second source (over `{home}` and `{source}`), what to do where a feed's folder is not there
    (over `{folder}` and its `{name}`), of any source and of the simulated one; how a `{job}` is run, from a `{task}` on
    and with a `{parameter}` (name=value); how an SQL `{statement}` that asks is run, and one that changes something;
    how a `{stream}` with its checkpoint's `{folder}` is made to read everything again; where all streams are found; how
    one is stopped.
    """

    name: str
    tracking_uri: str
    registry_uri: str
    volumes: str
    file_stream: str
    file_stream_options: Mapping[str, str]
    kafka_login: str
    s3_scheme: str
    has_unity_catalog: bool
    place: str
    other_source_hint: str
    missing_folder_hint: str
    missing_simulation_hint: str
    run_job: str
    run_job_from: str
    run_job_with: str
    run_sql: str
    change_by_sql: str
    reset_stream: str
    list_streams: str
    stop_stream: str


LAPTOP = Platform(
    name="laptop",
    # MLflow's store is a file of the workspace: no server has to run.
    tracking_uri="sqlite:///{home}/mlflow.db",
    registry_uri="sqlite:///{home}/mlflow.db",
    # Folders of the workspace stand for volumes.
    volumes="{home}",
    # Spark's own stream of files; with the default age limit it would skip old files without a word.
    file_stream="binaryFile",
    file_stream_options={
        "recursiveFileLookup": "true",
        "maxFileAge": "36500d",
        "maxFilesPerTrigger": "1000",
        # Hadoop's usual one looks for a file of checksums beside each file, whose name can't be made where there is a
        # colon in it: that ended the feed.
        "fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        "fs.file.impl.disable.cache": "true",
    },
    # What stands before the names of Kafka's login classes.
    kafka_login="",
    # Hadoop's client of S3, by jars that are fetched when they are first needed; Unity Catalog's own has credentials.
    s3_scheme="s3a",
    # Open-source Spark parses no PRIMARY KEY, and Hive's metastore has no tags and no grants.
    has_unity_catalog=False,
    # What a person at a laptop can do.
    place="workspace ({home})",
    other_source_hint="Use another folder, for example: LAKEHOUSE_HOME={home}-{source}",
    missing_folder_hint="create it, correct the path, or give the folder that holds {name} as landing",
    missing_simulation_hint="`lakehouse simulate` fills it",
    run_job="`lakehouse run {job}`",
    run_job_from="`lakehouse run {job} --from {task}`",
    run_job_with="`lakehouse run {job} --param {parameter}`",
    run_sql='`lakehouse sql "{statement}"`',
    change_by_sql='`lakehouse sql --engine spark "{statement}"`',
    reset_stream="`lakehouse reset {stream}`",
    list_streams="`lakehouse reset` lists them",
    stop_stream="`lakehouse down` ends all of them",
)

_MAKE_FOLDER = "`databricks fs mkdir dbfs:{folder}`, or copy its files there, before the job's first run"

DATABRICKS = Platform(
    name="databricks",
    # MLflow of the workspace keeps runs, Unity Catalog keeps models.
    tracking_uri="databricks",
    registry_uri="databricks-uc",
    # Checkpoints and files live in volumes: serverless has no other place that lasts, and DBFS is closed.
    volumes="/Volumes/{catalog}/{ops}",
    # Auto Loader remembers files in a store of its own, and with file events need not list them; the same parser reads.
    file_stream="cloudFiles",
    file_stream_options={
        "cloudFiles.format": "binaryFile",
        "cloudFiles.includeExistingFiles": "true",
        "cloudFiles.maxFilesPerTrigger": "1000",
    },
    # Its Spark brings Kafka's client under another name.
    kafka_login="kafkashaded.",
    s3_scheme="s3",
    # Primary and foreign keys (which Databricks informs the optimizer of, and never checks), tags, aliases of models.
    has_unity_catalog=True,
    # LAKEHOUSE_HOME and `lakehouse simulate` are the laptop's.
    place="deployment ({ops})",
    other_source_hint="Deploy another target for it, or remove this one first: databricks bundle destroy",
    missing_folder_hint=_MAKE_FOLDER,
    missing_simulation_hint=_MAKE_FOLDER,
    # Jobs are run where they are deployed, by whoever may: in Jobs & Pipelines, or by `databricks bundle run`.
    run_job="run the job {job}",
    run_job_from="run the job {job} from its task {task} on",
    run_job_with="run the job {job} with {parameter}",
    run_sql="`{statement}` in the SQL editor",
    change_by_sql="`{statement}` in the SQL editor",
    # Only the runner may touch checkpoints. Silver counts twice what bronze receives again, unless it is reset, too.
    reset_stream="remove the checkpoint of {stream} (of a bronze stream those of silver, too): "
    "`databricks fs rm -r dbfs:{folder}`",
    list_streams="their checkpoints are the folders of the volume checkpoints",
    stop_stream="cancel its run, or detach its notebook",
)


def this_platform() -> Platform:
    """The platform that this process runs on."""
    return DATABRICKS if "DATABRICKS_RUNTIME_VERSION" in os.environ else LAPTOP
