"""A folder's records: a stream of whole files, each parsed with its own header and schema.

Spark's own text, CSV and JSON streams skip files with old modification times, keep parts of damaged ones and shift
columns. A `binaryFile` stream parsed here does neither. Files that are still being written (a temporary suffix, a
leading dot or underscore) are left until they are renamed.
"""

import re
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.platform import Platform
from common.sources.chunks import REFUSED
from common.sources.files.folder import Folder
from common.sources.files.listing import UNFINISHED, as_text, local_files
from common.sources.files.parsing import FileFormat, FileRefused, parse_file

_SCHEME = re.compile(r"^(file|dbfs):/+")
"""Prefixes of paths on a laptop's disk and in a volume. People, and erasures, look for the path without them."""
_HADOOPS_S3 = re.compile(r"^s3[an]://")
"""What Hadoop calls S3. Elsewhere, and in references, it is s3://."""
_FILES = "path string, modificationTime timestamp, length bigint, content binary"


def stream_files(spark: SparkSession, folder: Folder, layout: FileFormat, platform: Platform) -> DataFrame:
    """The records of all files of a folder, as a stream of source_ref, payload and read_error."""
    files = (
        spark.readStream.format(platform.file_stream)
        .options(**platform.file_stream_options, **folder.spark_options)
        .schema(_FILES)
        .load(folder.for_spark)
    )
    return (
        files.where(~F.col("path").rlike(UNFINISHED))
        .select("path", "content")
        .mapInArrow(_parser(layout), "source_ref string, payload string, read_error string")
    )


def files_there(spark: SparkSession, folder: str) -> DataFrame:
    """The files that are in a folder now: `path`, as in `source_ref`."""
    if "://" not in folder:
        return spark.createDataFrame([(as_text(path),) for path in local_files(folder)], "path string").distinct()
    listed = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(folder).select("path")
    return listed.where(~F.col("path").rlike(UNFINISHED))


def _parser(layout: FileFormat) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def parse(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for path, content in zip(batch.column("path"), batch.column("content"), strict=True):
                yield from file_records(path.as_py(), content.as_py(), layout)

    return parse


def file_records(path: str, content: bytes, layout: FileFormat) -> Iterator[pa.RecordBatch]:
    """One file's records as batches of source_ref, payload and read_error; a refused file is one record."""
    where = _HADOOPS_S3.sub("s3://", _SCHEME.sub("/", path))
    names = ["source_ref", "payload", "read_error"]
    try:
        for ordinals, payloads, errors in parse_file(content, layout):
            references = ordinals if pa.types.is_string(ordinals.type) else _references(where, ordinals)
            yield pa.RecordBatch.from_arrays([references, payloads, errors], names=names)
    except FileRefused as refusal:
        row = [pa.array([value], pa.string()) for value in (f"{where}#0", None, f"{REFUSED}{refusal}")]
        yield pa.RecordBatch.from_arrays(row, names=names)


def _references(path: str, ordinals: pa.Array) -> pa.Array:
    return pa.array([f"{path}#{ordinal}" for ordinal in ordinals.to_pylist()], pa.string())
