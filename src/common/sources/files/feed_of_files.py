"""A feed whose records are in files of a folder, whoever put them there: its options, and its stream of whole files."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from common.sources.connections import Text
from common.sources.feed import Feed, FeedAt, Sights
from common.sources.files.decoding import AUTO
from common.sources.files.file_format import FileFormat
from common.sources.files.file_options import OPTIONS, check_option
from common.sources.files.first_look import first_look
from common.sources.files.first_records import Opened, look_at, payloads_of
from common.sources.files.folder import DiskFolder, Folder
from common.sources.files.signs import warnings_of
from common.sources.reading import reading_of
from common.sources.target_map import check_csv_fields

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class FolderFeed(Feed):
    """A feed that reads the files of a folder, each once, whole."""

    can_reread: ClassVar[bool] = True

    @property
    @abstractmethod
    def layout(self) -> FileFormat:
        """What readers must know of the feed's files."""

    @abstractmethod
    def folder(self, at: FeedAt) -> str:
        """The folder with its files."""

    def files(self, at: FeedAt) -> Folder:
        """The folder, as it is listed and read."""
        return DiskFolder(self.folder(at))

    @property
    def reading(self) -> str:
        """The format and its options that are no defaults."""
        return reading_of(self.layout)

    def place(self, at: FeedAt) -> str:
        """The folder."""
        return self.folder(at)

    def folders(self, at: FeedAt) -> tuple[str, ...]:
        """The folder."""
        return (self.folder(at),)

    def stream(self, spark: "SparkSession", at: FeedAt) -> "DataFrame":
        """The records of all files, as a stream."""
        from common.sources.files.stream import stream_files

        return stream_files(spark, self.files(at), self.layout, at.settings.platform)

    def look(self, at: FeedAt) -> Sights:
        """The first records of the first files."""
        files = self.files(at)
        return self.sights(files.paths(), files.opened)

    def sights(self, paths: Sequence[str], opened: Opened) -> Sights:
        """What a look at files shows."""
        looks = look_at(paths, self.layout, opened=opened)
        return Sights((), looks, len(paths), warnings_of(payloads_of(looks), self.layout))

    def first_look(self, at: FeedAt) -> str:
        """What the first files show."""
        return first_look(self.files(at), self.layout)

    def overlooked(self, at: FeedAt, begun: float) -> Iterable[tuple[str, str | None, str]]:
        """Files that Spark skips silently: empty ones, and names that are not UTF-8."""
        return self.files(at).unseen(begun)

    def paths_there(self, spark: "SparkSession", at: FeedAt) -> "DataFrame":
        """The files that are in the folder now."""
        from common.sources.files.stream import files_there

        return files_there(spark, self.folder(at))


class DeclaredFiles(FolderFeed):
    """A feed of files in a format that people declare.

    `encoding: auto` goes by a file's byte order mark. Of CSV: `delimiter` is a comma, unless a file's `sep=` line names
    another; `columns` are the names where `header` is false; `ragged` is what becomes of rows with other fields than
    the header. Of JSON: `records` is the path of names to the array of records within an object. Of Parquet:
    `payload_column` is the column whose text is the record as it was received; without it a record is the whole row.
    """

    format: Literal["json_lines", "json_array", "json", "csv", "parquet"]
    delimiter: Text | None = None
    quote: Annotated[Text, Field(validate_default=True)] = '"'
    escape: Text | None = None
    header: bool = True
    columns: Annotated[tuple[Text, ...], Field(validate_default=True)] = ()
    skip_rows: Annotated[int, Field(ge=0, strict=True)] = 0
    skip_footer: Annotated[int, Field(ge=0, strict=True)] = 0
    ragged: Literal["pad", "refuse"] = "refuse"
    on_bad_row: Literal["refuse_row", "refuse_file"] = "refuse_row"
    records: Text | None = None
    payload_column: Text | None = None
    encoding: Text = "utf-8"

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, value: str) -> str:
        try:
            "".encode("utf-8" if value == AUTO else value)
        except (LookupError, ValueError):
            raise ValueError(
                f"{value!r} is no text encoding that Python knows; utf-8 is the usual one, and auto goes by the file's "
                "byte order mark"
            ) from None
        return value

    @field_validator(*OPTIONS)
    @classmethod
    def _option_makes_sense(cls, value: Any, info: ValidationInfo) -> Any:
        name = str(info.field_name)
        check_option(name, value, info.data, is_default=value == cls.model_fields[name].default)
        return value

    @model_validator(mode="after")
    def _maps_read_fields_of_csv(self) -> "DeclaredFiles":
        if self.format == "csv":
            for target, mapping in self.into.items():
                check_csv_fields(target, mapping, self.columns)
        return self

    @property
    def layout(self) -> FileFormat:
        """What readers must know of the feed's files."""
        options = {name: getattr(self, name) for name in FileFormat.__dataclass_fields__ if name != "mapped"}
        return FileFormat(**options, mapped=self.fields)
