"""Files to bronze: a stream of whole files, each parsed with its own header and schema.

Spark's own text, CSV and JSON streams skip files with old modification times, keep parts of damaged ones and shift
columns. A `binaryFile` stream parsed here does neither. Files that are still being written (a temporary suffix, a
leading dot or underscore) are left until they are renamed.
"""

import re
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.bronze.listing import UNFINISHED, as_text, local_files
from common.platform import Platform
from common.settings import Settings
from common.sources.chunks import REFUSED
from common.sources.declaration import FileFeed
from common.sources.parsing import FileFormat, FileRefused, parse_file
from common.sources.reading import reading_of

_SCHEME = re.compile(r"^(file|dbfs):/+")
"""Prefixes of paths on a laptop's disk and in a volume. People, and erasures, look for the path without them."""
_FILES = "path string, modificationTime timestamp, length bigint, content binary"


def stream_files(  # noqa: PLR0917
    spark: SparkSession, source_name: str, feed_name: str, feed: FileFeed, landing: str, platform: Platform
) -> DataFrame:
    """The records of all files of a feed, as a stream in the shape of bronze (`contracts.bronze.COLUMNS`)."""
    files = (
        spark.readStream.format(platform.file_stream)
        .options(**platform.file_stream_options)
        .schema(_FILES)
        .load(feed.folder(landing))
    )
    records = (
        files.where(~F.col("path").rlike(UNFINISHED))
        .select("path", "content")
        .mapInArrow(_parser(feed.layout), "source_ref string, payload string, read_error string")
    )
    return bronze_rows(records, source_name, feed_name, feed)


def files_there(spark: SparkSession, feed: FileFeed, settings: Settings) -> DataFrame:
    """The files that are in a feed's folder now: `path`, as in `source_ref`."""
    folder = feed.folder(settings.landing)
    if "://" not in folder:
        return spark.createDataFrame([(as_text(path),) for path in local_files(folder)], "path string").distinct()
    listed = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(folder).select("path")
    return listed.where(~F.col("path").rlike(UNFINISHED))


def bronze_rows(records: DataFrame, source_name: str, feed_name: str, feed: FileFeed) -> DataFrame:
    """Records (source_ref, payload, read_error) in the shape of bronze."""
    return records.select(
        F.md5(F.concat_ws("|", F.lit(source_name), F.lit(feed_name), "source_ref")).alias("record_id"),
        "payload",
        "read_error",
        F.lit(source_name).alias("source"),
        "source_ref",
        F.current_timestamp().alias("ingested_at"),
        F.current_date().alias("ingest_date"),
        F.lit(reading_of(feed.layout)).alias("read_as"),
    )


def _parser(layout: FileFormat) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def parse(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for path, content in zip(batch.column("path"), batch.column("content"), strict=True):
                yield from file_records(path.as_py(), content.as_py(), layout)

    return parse


def file_records(path: str, content: bytes, layout: FileFormat) -> Iterator[pa.RecordBatch]:
    """One file's records as batches of source_ref, payload and read_error; a refused file is one record."""
    where = _SCHEME.sub("/", path)
    names = ["source_ref", "payload", "read_error"]
    try:
        for ordinals, payloads, errors in parse_file(content, layout):
            references = pa.array([f"{where}#{ordinal}" for ordinal in ordinals.to_pylist()], pa.string())
            yield pa.RecordBatch.from_arrays([references, payloads, errors], names=names)
    except FileRefused as refusal:
        row = [pa.array([value], pa.string()) for value in (f"{where}#0", None, f"{REFUSED}{refusal}")]
        yield pa.RecordBatch.from_arrays(row, names=names)
