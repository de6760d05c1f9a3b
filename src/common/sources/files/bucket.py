"""A folder in S3, or in another service with its API: what is in it, without Spark, and how Spark reaches it.

Credentials are those of a connection, or of the usual chain: environment variables, a profile, the machine's role.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from pyarrow import fs

from common.errors import FeedError
from common.settings import Settings
from common.sources.connections import AwsConnection, value_of
from common.sources.files.listing import UNFINISHED, is_hidden_folder
from common.sources.files.unseen_files import EMPTY, Unseen

S3 = "s3://"
_CONNECT_SECONDS, _REQUEST_SECONDS = 5, 30
_KEYS = "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider"
_CHAIN = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"

_REASONS = (
    (r"NO_SUCH_BUCKET|NoSuchBucket", "there is no such bucket"),
    (r"INVALID_ACCESS_KEY_ID|InvalidAccessKeyId", "the access key is not known there"),
    (r"SIGNATURE_DOES_NOT_MATCH|SignatureDoesNotMatch", "the secret key is wrong"),
    (r"Unable to load credentials|NoAuthWithAWSException|NoAwsCredentials", "there are no credentials for it"),
    (r"ACCESS_DENIED|AccessDenied|[Ss]tatus.{0,6} 403", "the credentials give no right to list and read it"),
    (r"NETWORK_CONNECTION|Unable to execute HTTP|ConnectException|UnknownHost", "the server can't be reached"),
)
"""Parts of messages of AWS's SDKs for C++ and Java, and what they mean."""


@dataclass(frozen=True)
class StoredFile:
    """An object: its path, its size in bytes, and when it was written, in seconds since 1970."""

    path: str
    size: int
    modified: float


@dataclass(frozen=True)
class BucketFolder:
    """A folder of a bucket: `s3://BUCKET/PREFIX`. What is None comes from the usual chain."""

    path: str
    region: str | None = None
    endpoint: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)

    def is_there(self) -> bool:
        """Whether there is such a folder: something lies in it, or an object marks it (a key that ends with /).

        Raises:
            FeedError: the bucket is not there, or can't be reached or listed.
        """
        with self._explained() as server:
            if server.get_file_info(self._place).type != fs.FileType.NotFound:
                return True
            # A missing folder and a missing bucket look the same, until they are listed.
            with suppress(FileNotFoundError):
                server.get_file_info(fs.FileSelector(self._place))
            return False

    def paths(self) -> Sequence[str]:
        """The paths of its files, in order."""
        return [file.path for file in self.files()]

    def unseen(self, before: float) -> Iterable[Unseen]:
        """Empty objects."""
        return [(f"{file.path}#0", None, EMPTY) for file in self.files() if not file.size and file.modified < before]

    @property
    def how_to_make_it(self) -> str:
        """The command that marks the folder."""
        bucket, _, prefix = self._place.partition("/")
        at = f" --endpoint-url {self.endpoint}" if self.endpoint else ""
        return f"`aws s3api put-object --bucket {bucket} --key {prefix}/{at}`"

    def files(self) -> list[StoredFile]:
        """The folder's objects, by path, without those that are hidden or still being written.

        Raises:
            FeedError: the bucket is not there, or can't be reached or listed.
        """
        try:
            with self._explained() as server:
                found = server.get_file_info(fs.FileSelector(self._place, recursive=True))
        except FileNotFoundError:
            return []
        files = [StoredFile(S3 + one.path, one.size, one.mtime_ns / 1e9) for one in found if one.is_file]
        return sorted((file for file in files if self._is_whole(file.path)), key=lambda file: file.path)

    def opened(self, path: str) -> tuple[int, BinaryIO]:
        """The size of an object in bytes, and its content as a file.

        Raises:
            FeedError: it can't be read.
        """
        with self._explained() as server:
            file = server.open_input_file(path.removeprefix(S3))
            return file.size(), cast(BinaryIO, file)

    def put(self, name: str, content: bytes) -> None:
        """Puts an object into the folder, or another content in its place. It is seen once it is whole.

        Raises:
            FeedError: the bucket is not there, or can't be reached or written.
        """
        with self._explained("written") as server, server.open_output_stream(f"{self._place}/{name}") as stream:
            stream.write(content)

    @property
    def for_spark(self) -> str:
        """The path by which Spark's client of S3 on a laptop knows it."""
        return f"s3a://{self._place}"

    @property
    def spark_options(self) -> Mapping[str, str]:
        """What that client must know, as options of a stream. Without keys the server's own chain is asked."""
        options = {"fs.s3a.aws.credentials.provider": _CHAIN}
        if self.access_key and self.secret_key:
            options |= {
                "fs.s3a.aws.credentials.provider": _KEYS,
                "fs.s3a.access.key": self.access_key,
                "fs.s3a.secret.key": self.secret_key,
            }
        if self.region:
            options["fs.s3a.endpoint.region"] = self.region
        if self.endpoint:
            options |= {
                "fs.s3a.endpoint": self.endpoint,
                # Other services have no names for buckets in their certificates and DNS.
                "fs.s3a.path.style.access": "true",
                "fs.s3a.connection.ssl.enabled": str(not self.endpoint.startswith("http://")).lower(),
            }
        return options

    def reason(self, message: str) -> str | None:
        """What a message of AWS's SDKs means, as a sentence; None where it is none that is known."""
        found = next((meaning for pattern, meaning in _REASONS if re.search(pattern, message)), None)
        return found and f"{self.path}{f' at {self.endpoint}' if self.endpoint else ''}: {found}"

    @property
    def _place(self) -> str:
        return self.path.removeprefix(S3).rstrip("/")

    def _is_whole(self, path: str) -> bool:
        folders = path.removeprefix(f"{S3}{self._place}/").split("/")[:-1]
        return not re.search(UNFINISHED, path) and not any(map(is_hidden_folder, folders))

    @contextmanager
    def _explained(self, done: str = "read") -> Iterator[fs.S3FileSystem]:
        try:
            yield fs.S3FileSystem(
                access_key=self.access_key,
                secret_key=self.secret_key,
                region=self.region,
                endpoint_override=self.endpoint,
                connect_timeout=_CONNECT_SECONDS,
                request_timeout=_REQUEST_SECONDS,
                allow_delayed_open=True,  # a small object is put by one request
            )
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            words = " ".join(str(error).split())[:300]
            reason = self.reason(words) or f"{self.path} can't be {done}: {words}"
            raise FeedError(reason if done == "read" else reason.replace("list and read it", "write it")) from None


def bucket_folder(path: str, connection: AwsConnection | None, settings: Settings) -> BucketFolder:
    """A folder as a connection of the kind aws reaches it; without one, as the environment says.

    Raises:
        SecretError: a secret of the connection is not there.
    """
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    endpoint = next(filter(None, map(os.environ.get, names)), None)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if connection is None:
        return BucketFolder(path, region, endpoint)
    keys = (connection.access_key, connection.secret_key)
    return BucketFolder(
        path,
        connection.region,
        endpoint if connection.endpoint is None else value_of(connection.endpoint, settings),
        *(None if key is None else key.value(settings) for key in keys),
    )
