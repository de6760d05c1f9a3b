"""A feed: what every reader is to the engine that takes its records to bronze.

The engine knows no reader by name. It checks, pulls, starts the stream and does what comes after, by these methods. A
reader overrides those that mean something to it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationInfo, field_validator

from common.contracts.silver import TARGETS
from common.errors import DeclarationError
from common.settings import Settings
from common.sources.connections import Connection
from common.sources.target_map import TargetMap
from common.sources.value_format import ValueFormat

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame, SparkSession

    from common.sources.files.first_records import FileLook

Tell = Callable[[str], None]
"""Who is told how long work gets on."""


def silent(_: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class FeedAt:
    """A feed's place: the source that it is of, its name there, the lakehouse, and the server that it connects to."""

    source: str
    name: str
    settings: Settings
    connection: Connection | None = None
    connection_name: str = ""

    @property
    def stream(self) -> str:
        """The name of the stream into bronze, by which people reset it."""
        return f"bronze/{self.source}/{self.name}"

    @property
    def checkpoint(self) -> str:
        """The checkpoint of the stream into bronze."""
        return self.settings.checkpoint("bronze", self.source, self.name)

    def note(self, kind: str) -> Path:
        """A small file beside the checkpoint, for what a reader must remember of the feed."""
        return Path(self.settings.checkpoint("bronze", self.source, f"{self.name}.{kind}"))

    @property
    def reads_again(self) -> Path:
        """A mark that is there while the stream into bronze reads what bronze has already."""
        return self.note("reads_again")

    @property
    def pulled(self) -> str:
        """The folder of what is pulled: beside the checkpoints, as it holds the position."""
        return self.settings.checkpoint("pulled", self.source, self.name)

    def option(self, name: str) -> str:
        """Where an option of the feed is written, for messages."""
        return f"sources/{self.source}.yml: feeds.{self.name}.{name}"

    @property
    def connection_option(self) -> str:
        """Where its connection is written, for messages."""
        return f"sources/{self.source}.yml: connections.{self.connection_name}"


@dataclass(frozen=True)
class Sight:
    """One thing that a look at a feed's server showed; `missing` says what has to be done, where something has."""

    thing: str
    found: str
    missing: str = ""


@dataclass(frozen=True)
class Sights:
    """What a look at a feed came to: things of its server, and its first records, by file or topic, of so many."""

    things: Sequence[Sight] = ()
    looks: Sequence["FileLook"] = ()
    files: int = 0
    warnings: Sequence[str] = ()


class Feed(ValueFormat, ABC):
    """A stream of records that goes into one bronze table; `into` says which targets they make.

    How its texts spell numbers and times is declared by the options of `ValueFormat`.
    """

    reader: str
    into: dict[str, TargetMap]

    is_pulled: ClassVar[bool] = False
    """Whether runs pull its records before they are read: a stream that goes on sees nothing new."""

    can_reread: ClassVar[bool] = False
    """Whether its files can be read again in another way."""

    can_be_read_ahead: ClassVar[bool] = False
    """Whether `ahead` reads the records that bronze has not read yet: those who send them keep them for a while."""

    connects_to: ClassVar[str | None] = None
    """The kind of its connection; None where it connects to no server."""

    @field_validator("into")
    @classmethod
    def _targets_take_these_columns(cls, into: dict[str, TargetMap], info: ValidationInfo) -> dict[str, TargetMap]:
        for target, mapping in into.items():
            if target not in TARGETS:
                raise DeclarationError(f"{target}: no such target; it must be one of {', '.join(TARGETS)}")
            table = TARGETS[target]
            mappable = [column.name for column in table.mappable]
            if unknown := sorted(set(mapping.map) - set(mappable)):
                raise DeclarationError(
                    f"{target}.map.{unknown[0]}: {table.name} takes no such column; it takes: {', '.join(mappable)}"
                )
            if missing := [column for column in table.essential if column not in mapping.map]:
                raise DeclarationError(f"{target}.map: {', '.join(missing)} must be mapped")
            key = [column for column in table.key if column in mapping.map]
            if key and all(mapping.expressions[column].is_constant for column in key):
                raise DeclarationError(
                    f"{target}.map.{key[0]}: {mapping.map[key[0]]!r} gives all records one id; for records that have "
                    "none, write row_number() or source_ref()"
                )
        return into

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field of the records that some map of the feed reads, each once."""
        return tuple(dict.fromkeys(field for mapping in self.into.values() for field in mapping.fields))

    @property
    def jars(self) -> frozenset[str]:
        """The lists of Spark's jars that the stream needs beside Delta's, by name."""
        return frozenset()

    def missing_of(self, connection: Connection) -> str:
        """What the feed needs and its connection doesn't declare, in words; empty where nothing is missing."""
        del connection
        return ""

    def server_in_spark(self, connection: Connection | None, landing: str) -> tuple[str, object] | None:
        """A name under which Spark keeps one client for all feeds, in words, and the server that it is to reach.

        None where Spark keeps none by name. `landing` is the landing folder, empty where it is not known.
        """
        del connection, landing
        return None

    @property
    @abstractmethod
    def reading(self) -> str:
        """How its records are read, for bronze's `read_as`. Ways with other results have other words."""

    @abstractmethod
    def place(self, at: FeedAt) -> str:
        """Where its records come from, in words for a person."""

    @abstractmethod
    def stream(self, spark: "SparkSession", at: FeedAt) -> "DataFrame":
        """The records, as a stream of `source_ref`, `payload`, `read_error` (strings).

        A record has the same `source_ref` whenever it is read.
        """

    def ahead(self, spark: "SparkSession", at: FeedAt, most_records: int) -> "DataFrame":
        """The records from where the stream into bronze stands, as another stream beside it, of the same form.

        It takes `most_records` in a micro-batch at most. Of a feed that `can_be_read_ahead`.
        """
        raise NotImplementedError(self.reader)

    @abstractmethod
    def look(self, at: FeedAt) -> Sights:
        """What there is to read, without Spark, and what is missing; nothing is written.

        Raises:
            LakehouseError: the server can't be reached, or refuses; the message says which and why.
        """

    def folders(self, at: FeedAt) -> tuple[str, ...]:
        """The folders whose files are all that a run depends on."""
        del at
        return ()

    def position(self, at: FeedAt) -> Any:
        """What, beside its folders, tells by changing that there is something new, in a form for JSON.

        None where only a run can tell.
        """
        del at
        return ""

    def check(self, at: FeedAt) -> None:
        """Checks what must hold before anything of the feed is read.

        Raises:
            DeclarationError: what the declaration names is not there.
            LakehouseError: records were lost, or the server can't be reached; the message says how to go on.
        """

    def pull(self, at: FeedAt, tell: Tell = silent) -> int:
        """Pulls what is new into the folder that its stream reads; how many files that were. Without Spark.

        Raises:
            LakehouseError: the server can't be reached, or refuses; what was pulled before stays.
        """
        del at, tell
        return 0

    def first_look(self, at: FeedAt) -> str:
        """What the first records of a new feed show that its declaration doesn't say; empty where nothing is seen."""
        del at
        return ""

    def overlooked(self, at: FeedAt, begun: float) -> Iterable[tuple[str, str | None, str]]:
        """What a stream that has ended can't see, as source_ref, payload and the reason why it isn't read.

        `begun` is a time in seconds since 1970, before the stream was started.
        """
        del at, begun
        return ()

    def read_to_the_end(self, at: FeedAt) -> None:
        """Called when a run has read all that was there, and bronze has it."""

    def read_again(self, at: FeedAt, start: str | None) -> None:
        """Called before its checkpoint is removed, so that its next run reads from `start`; None: everything again.

        Raises:
            DeclarationError: it can't start there.
        """
        if start is not None:
            raise DeclarationError(
                f"--from {start}: {at.source}/{at.name} is read by `reader: {self.reader}`, which reads all again; "
                "leave --from out"
            )

    def forget(self, at: FeedAt, references: Collection[str]) -> bool:
        """Removes records, by source_ref, from what the lakehouse keeps of the feed beside its tables.

        Returns:
            Whether nothing of them is left but what the source itself has. It may be called again.
        """
        del at, references
        return False

    def paths_there(self, spark: "SparkSession", at: FeedAt) -> "DataFrame":
        """The paths of files that can be read again in another way (`path`); of a feed that can't, there are none."""
        del at
        return spark.createDataFrame([], "path string")

    def explained(self, error: "PySparkException", at: FeedAt) -> Exception | None:
        """A failure of the stream as an error for a person; None where the reader knows nothing better."""
        del error, at
        return None
