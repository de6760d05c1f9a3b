"""Where records come from: one module a reader.

*Native streams* are read by Spark itself, which has them on both platforms and keeps their position: files and objects,
and Kafka. What Spark has no stream for, or not the same one on both platforms, is *pulled*: landed as files first, each
once, and read by the stream of files.
"""

from typing import Annotated

from pydantic import Field

from common.sources.readers.files import FileFeed
from common.sources.readers.kafka import KafkaFeed
from common.sources.readers.kinesis import KinesisFeed
from common.sources.readers.postgres_cdc import PostgresCdcFeed
from common.sources.readers.postgres_tables import PostgresTablesFeed
from common.sources.readers.sftp import SftpFeed

AnyFeed = Annotated[
    FileFeed | KafkaFeed | KinesisFeed | PostgresCdcFeed | PostgresTablesFeed | SftpFeed, Field(discriminator="reader")
]
"""Every reader. A feed's `reader` says which it is."""
