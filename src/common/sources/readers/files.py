"""`reader: files`: a folder that files land in. Spark has a stream of files on both platforms."""

import glob
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from common.errors import DeclarationError, FeedError, SecretError
from common.sources.connections import AwsConnection, Connection, Text
from common.sources.feed import FeedAt, Sight, Sights
from common.sources.files.bucket import S3, BucketFolder, bucket_folder
from common.sources.files.feed_of_files import DeclaredFiles
from common.sources.files.folder import Folder

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame, SparkSession


class FileFeed(DeclaredFiles):
    """A feed of files: every file under `path` is read once, whole.

    `path` is a folder, with `{landing}` for the landing folder; folders below it are read too. It may be one in S3,
    `s3://BUCKET/PREFIX`: `connection` says how to reach it, or else the usual chain of credentials does. On Databricks
    Unity Catalog's external locations do.
    """

    reader: Literal["files"]
    path: Text
    connection: Text | None = None

    connects_to: ClassVar[str | None] = "aws"

    @field_validator("path")
    @classmethod
    def _is_no_other_name_of_s3(cls, path: str) -> str:
        if path.startswith(("s3a://", "s3n://")):
            raise ValueError(f"S3 is written s3:// on every platform: {S3}{path.partition('://')[2]}")
        return path

    @model_validator(mode="after")
    def _folders_of_disks_need_no_connection(self) -> "FileFeed":
        if self.connection is not None and not self.path.startswith(S3):
            raise ValueError(f"connection: a folder needs none; it is for paths such as {S3}BUCKET/PREFIX")
        return self

    def server_in_spark(self, connection: Connection | None, landing: str) -> tuple[str, object] | None:
        """A bucket by its name: Hadoop keeps one client for it, whatever the stream's options say afterwards."""
        path = self.path.replace("{landing}", landing)
        if not path.startswith(S3):
            return None
        bucket = path.removeprefix(S3).partition("/")[0]
        endpoint = connection.endpoint if isinstance(connection, AwsConnection) else None
        return f"the bucket {bucket}", _normal(endpoint) if isinstance(endpoint, str) else endpoint

    @property
    def jars(self) -> frozenset[str]:
        """Hadoop's client of S3, for a path there."""
        return frozenset({"s3"}) if self.path.startswith(S3) else frozenset()

    def folder(self, at: FeedAt) -> str:
        """The declared folder."""
        return self.path.replace("{landing}", at.settings.landing)

    def files(self, at: FeedAt) -> Folder:
        """The folder, of a disk or of a bucket."""
        return self._bucket(at) or super().files(at)

    def folders(self, at: FeedAt) -> tuple[str, ...]:
        """The folder; none for one of a bucket, whose `position` tells."""
        return () if self._bucket(at) else (self.folder(at),)

    def position(self, at: FeedAt) -> Any:
        """A digest of a bucket's objects: paths, sizes and times. A bucket that can't be listed is left to the run."""
        bucket = self._bucket(at)
        if bucket is None:
            return ""
        try:
            return hashlib.sha256(repr(bucket.files()).encode()).hexdigest()
        except (FeedError, SecretError):
            return None

    def check(self, at: FeedAt) -> None:
        """Checks that the folder is there; that a bucket is, and may be listed."""
        folder = self.folder(at)
        bucket = self._bucket(at)
        if bucket and not bucket.is_there():
            raise DeclarationError(
                f"{at.option('path')}: there is no folder {folder}, since nothing has landed there; land a file, mark "
                f"the folder by {bucket.how_to_make_it}, or correct the path"
            )
        here = at.settings.platform
        if folder.startswith(S3) and not self.path.startswith(S3) and here.s3_scheme != "s3":
            raise DeclarationError(
                f"{at.option('path')}: landing is in S3, so the path must name it: write {folder} there"
            )
        if "://" in folder or glob.glob(folder):
            return
        template = here.missing_simulation_hint if at.source == "simulated" else here.missing_folder_hint
        hint = template.format(folder=folder, name=Path(self.path).name)
        raise DeclarationError(f"{at.option('path')}: there is no folder {folder}; {hint}")

    def look(self, at: FeedAt) -> Sights:
        """The first records of the first files; of a bucket, how much there is."""
        bucket = self._bucket(at)
        if bucket is None:
            return super().look(at)
        files = bucket.files()
        size = sum(file.size for file in files)
        seen = Sight(bucket.path, f"{len(files):,} files, {size:,} bytes", "" if files else "nothing has landed yet")
        return replace(self.sights([file.path for file in files], bucket.opened), things=(seen,))

    def paths_there(self, spark: "SparkSession", at: FeedAt) -> "DataFrame":
        """The files that are in the folder now."""
        bucket = self._bucket(at)
        if bucket is None:
            return super().paths_there(spark, at)
        return spark.createDataFrame([(path,) for path in bucket.paths()], "path string")

    def explained(self, error: "PySparkException", at: FeedAt) -> Exception | None:
        """What keeps Spark from reading a bucket."""
        bucket = self._bucket(at)
        reason = bucket and bucket.reason(str(error))
        if not reason:
            return None
        stop = at.settings.platform.stop_stream
        return FeedError(
            f"{reason}. Spark has the credentials with which it was started; to start it with others, {stop}"
        )

    def _bucket(self, at: FeedAt) -> BucketFolder | None:
        """The folder of a bucket that the laptop reads; None for other folders, and where the platform reads S3."""
        if not self.path.startswith(S3) or at.settings.platform.s3_scheme == "s3":
            return None
        assert at.connection is None or isinstance(at.connection, AwsConnection)
        return bucket_folder(self.folder(at), at.connection, at.settings)


def _normal(endpoint: str) -> tuple[str, str | None, int | None]:
    """A server's address, however it is spelt."""
    parts = urlsplit(endpoint)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
