"""`reader: kafka`: a topic, read by Spark's own stream. Both platforms have it, exactly once by offsets."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from common.sources.connections import KafkaConnection, Text, value_of
from common.sources.feed import Feed, FeedAt, Sights

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class KafkaFeed(Feed):
    """A feed of one topic. `starts` says where a new stream begins; `max_records` bounds a micro-batch."""

    reader: Literal["kafka"]
    connection: Text
    topic: Text
    starts: Literal["earliest", "latest"] = "earliest"
    max_records: Annotated[int, Field(ge=1, strict=True)] = 1_000_000

    connects_to: ClassVar[str | None] = "kafka"

    @property
    def jars(self) -> frozenset[str]:
        """Spark's Kafka source."""
        return frozenset({"kafka"})

    @property
    def reading(self) -> str:
        """Kafka's records hold JSON."""
        return "kafka, json"

    def place(self, at: FeedAt) -> str:
        """The topic and its brokers."""
        return f"topic {self.topic} of {self._servers(at)}"

    def look(self, at: FeedAt) -> Sights:
        """Nothing yet."""
        del at
        return Sights()

    def stream(self, spark: "SparkSession", at: FeedAt) -> "DataFrame":
        """The topic's records: `TOPIC/PARTITION#OFFSET`, and the value as text."""
        from pyspark.sql import functions as F

        records = (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self._servers(at))
            .option("subscribe", self.topic)
            .option("startingOffsets", self.starts)
            .option("maxOffsetsPerTrigger", self.max_records)
            .option("failOnDataLoss", "true")
            .option("kafka.isolation.level", "read_committed")
            .load()
        )
        is_text = F.expr("is_valid_utf8(value)")
        reference = F.concat(F.col("topic"), F.lit("/"), F.col("partition"), F.lit("#"), F.col("offset"))
        return records.select(
            reference.alias("source_ref"),
            F.when(is_text, F.col("value").cast("string")).alias("payload"),
            F.when(~is_text, F.lit("not UTF-8")).alias("read_error"),
        )

    def _servers(self, at: FeedAt) -> str:
        assert isinstance(at.connection, KafkaConnection)
        return value_of(at.connection.servers, at.settings)
