"""`reader: kafka`: a topic, read by Spark's own stream. Both platforms have it, exactly once by offsets."""

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from common.errors import DeclarationError, FeedError, SecretError
from common.sources.clients import client
from common.sources.connections import Connection, KafkaConnection, Text
from common.sources.feed import Feed, FeedAt, Sights
from common.sources.kafka import position
from common.sources.kafka.batches import SCHEMA, reading
from common.sources.kafka.connecting import servers_of, spark_settings
from common.sources.kafka.look import look
from common.sources.kafka.schema_registry import schema_registry
from common.sources.kafka.topic import Description, Topic
from common.sources.kafka.values import NOT_UTF8, TOMBSTONE, Beside, Values

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame, SparkSession

_OWN_ERROR = re.compile(r"common\.errors\.FeedError: (.+)")
"""What a worker raised, as the last line of its trace."""


class KafkaFeed(Feed):
    """A feed of one topic, whose values are JSON, or Avro in the wire format of the connection's schema registry.

    `starts` says where a new stream begins, unless a reset says otherwise; `max_records` bounds a micro-batch.
    `with` puts `_key`, `_timestamp` and `_headers` in front of a value's own fields. `tombstones: deletion` makes a
    record without a value `{"_key": ..., "_deleted": true}`. `envelope: debezium` reads rows' changes.
    """

    reader: Literal["kafka"]
    connection: Text
    topic: Text
    starts: Text = "earliest"
    max_records: Annotated[int, Field(ge=1, strict=True)] = 1_000_000
    with_fields: tuple[Beside, ...] = Field(default=(), alias="with")
    tombstones: Literal["refuse", "deletion"] = "refuse"
    envelope: Literal["debezium"] | None = None
    format: Literal["json", "avro"] = "json"
    key_format: Literal["text", "avro"] = "text"

    can_be_read_ahead: ClassVar[bool] = True
    connects_to: ClassVar[str | None] = "kafka"

    @field_validator("starts")
    @classmethod
    def _starts_somewhere(cls, value: str) -> str:
        return position.check_start(value)

    @model_validator(mode="after")
    def _envelope_has_no_tombstones(self) -> "KafkaFeed":
        if self.envelope and self.tombstones == "deletion":
            raise DeclarationError(
                "tombstones: with `envelope: debezium` leave it out; a delete is an event of its own there, and the "
                "tombstone after it is passed over"
            )
        return self

    @property
    def has_avro(self) -> bool:
        """Whether its records need the registry of their schemas."""
        return "avro" in (self.format, self.key_format)

    def missing_of(self, connection: Connection) -> str:
        """Avro needs a registry."""
        declared = isinstance(connection, KafkaConnection) and connection.schema_registry is not None
        return "" if declared or not self.has_avro else "`schema_registry: {url: ...}` there, for its Avro"

    def values(self, at: FeedAt) -> Values:
        """What becomes of a record's bytes.

        Raises:
            SecretError: a secret of the schema registry is nowhere to be found.
            FeedError: its address is none.
        """
        assert isinstance(at.connection, KafkaConnection)
        declared = at.connection.schema_registry
        registry = schema_registry(declared, at.settings) if declared and self.has_avro else None
        formats = (self.format, self.key_format)
        return Values(self.with_fields, self.tombstones, self.envelope, *formats, registry)

    @property
    def jars(self) -> frozenset[str]:
        """Spark's Kafka source."""
        return frozenset({"kafka"})

    @property
    def reading(self) -> str:
        """What Kafka's records hold."""
        beside = f"with {' '.join(self.with_fields)}" if self.with_fields else ""
        deletions = "tombstones: deletion" if self.tombstones == "deletion" else ""
        key = "key_format: avro" if self.key_format == "avro" else ""
        formats = [self.envelope, "avro" if self.format == "avro" else "" if self.envelope else "json"]
        return ", ".join(filter(None, ["kafka", *formats, key, beside, deletions]))

    def place(self, at: FeedAt) -> str:
        """The topic and its brokers."""
        assert isinstance(at.connection, KafkaConnection)
        return f"topic {self.topic} of {servers_of(at.connection, at.settings)}"

    def check(self, at: FeedAt) -> None:
        """Checks that the topic can be read, is the one that was read before, and has what was not read yet."""
        topic = Topic(self.topic, at)
        found = topic.described()
        topic.check_readable(found)
        self._check_same(at, found)
        if standing := position.next_offsets(at, self.topic):
            position.forget_start(at)
            self._check_whole(at, position.lost(standing, topic.offsets(found.partitions)))
        self._check_registry(at)

    def position(self, at: FeedAt) -> Any:
        """The topic's id and where its partitions end; None where the brokers don't say, or can't be asked."""
        try:
            topic = Topic(self.topic, at)
            found = topic.described()
            return {"id": found.id, "ends": {str(n): end for n, (_, end) in topic.offsets(found.partitions).items()}}
        except (FeedError, SecretError):
            return None

    def look(self, at: FeedAt) -> Sights:
        """The topic's partitions and records, what of them is not read yet, and the first ones."""
        return look(self.topic, at, self.values(at))

    def read_again(self, at: FeedAt, start: str | None) -> None:
        """Notes where its next run starts: with what is there."""
        position.note_start(at, start or "earliest")

    def stream(self, spark: "SparkSession", at: FeedAt) -> "DataFrame":
        """The topic's records: `TOPIC@ID/PARTITION#OFFSET`, ID being the first digits of the topic's id."""
        found = Topic(self.topic, at).described()
        self._check_same(at, found)
        if position.noted_id(at) is None:
            position.note_id(at, found.id)
        return self._from(position.start_of(at, self.starts), spark, at, found, self.max_records)

    def ahead(self, spark: "SparkSession", at: FeedAt, most_records: int) -> "DataFrame":
        """The topic's records from the offsets on that bronze reads next, as `stream` gives them."""
        found = Topic(self.topic, at).described()
        self._check_same(at, found)
        standing = position.next_offsets(at, self.topic)
        start = json.dumps(standing) if standing else position.start_of(at, self.starts)
        return self._from(start, spark, at, found, min(most_records, self.max_records))

    def _from(
        self, start: str, spark: "SparkSession", at: FeedAt, found: Description, most_records: int
    ) -> "DataFrame":
        from pyspark.sql import functions as F

        assert isinstance(at.connection, KafkaConnection)
        records = (
            spark.readStream.format("kafka")
            .options(**spark_settings(at.connection, at.settings))
            .options(**position.start_options(start, self.topic, found.partitions))
            .option("subscribe", self.topic)
            .option("maxOffsetsPerTrigger", most_records)
            .option("failOnDataLoss", "true")
            .option("includeHeaders", "true")
            .option("kafka.isolation.level", "read_committed")
            .load()
        )
        name = F.lit(f"{self.topic}@{found.id[:8]}/")
        reference = F.concat(name, F.col("partition"), F.lit("#"), F.col("offset")).alias("source_ref")
        values = self.values(at)
        if not values.are_plain:
            raw = records.select(reference, "key", "value", F.expr("unix_millis(timestamp)").alias("at"), "headers")
            return raw.mapInArrow(reading(values), SCHEMA)
        is_text = F.expr("is_valid_utf8(value)")
        error = F.when(F.col("value").isNull(), F.lit(TOMBSTONE)).when(~is_text, F.lit(NOT_UTF8))
        in_base64 = F.translate(F.base64("value"), "\r\n", "")  # some releases of Spark break it into lines
        kept = F.concat(F.lit('{"base64": "'), in_base64, F.lit('"}'))  # of a null it is null
        return records.select(
            reference,
            F.when(is_text, F.col("value").cast("string")).otherwise(kept).alias("payload"),
            error.alias("read_error"),
        )

    def explained(self, error: "PySparkException", at: FeedAt) -> Exception | None:
        """Of the Java client's failures those that a person can mend, and those of the schema registry."""
        from common.sources.kafka.failures import cause_of

        text = str(error)
        if own := _OWN_ERROR.search(text):
            return FeedError(own[1])
        return Topic(self.topic, at).explained(text) if cause_of(text) else None

    def _check_same(self, at: FeedAt, found: Description) -> None:
        noted = position.noted_id(at)
        if noted is not None and noted != found.id:
            raise FeedError(
                f"the topic {self.topic} was deleted and made again (its id was {noted[:8]}, and is {found.id[:8]}): "
                "the stream's position is one of the old topic, and would skip records of the new one. To read the "
                f"new one from its beginning, beside what was read of the old: {at.settings.how_to_reset(at.stream)}"
            )

    def _check_whole(self, at: FeedAt, gone: dict[int, tuple[int, int]]) -> None:
        if gone:
            raise FeedError(
                f"records of the topic {self.topic} are gone before they were read: {position.described(gone)}. "
                f"Nothing brings them back; to go on with what is there: {at.settings.how_to_reset(at.stream)}"
            )

    def _check_registry(self, at: FeedAt) -> None:
        """Asks the schema registry, and has the library that reads Avro, before workers need both."""
        if registry := self.values(at).registry:
            client("fastavro", "kafka")
            registry.check()
