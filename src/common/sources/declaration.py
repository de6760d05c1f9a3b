"""A source's YAML as a typed object: where its feeds are, and how their fields become the contracts' columns."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from common.contracts.silver import TARGETS
from common.errors import DeclarationError
from common.sources.declaration_file import content_of, described
from common.sources.decoding import AUTO
from common.sources.expressions import Expression, checked_expression
from common.sources.field_paths import Path as FieldPath
from common.sources.field_paths import text_of_path
from common.sources.file_format import FileFormat
from common.sources.file_options import OPTIONS, check_option
from common.sources.kinds import BOOLEAN
from common.sources.name_hints import in_backticks
from common.sources.value_format import ValueFormat

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _checked(sql: Any) -> str:
    if sql is None:
        raise DeclarationError("there is no expression; one that begins with # stands in quotes")
    if not isinstance(sql, str):
        raise DeclarationError(_no_text(sql))
    checked_expression(sql)
    return sql


def _no_text(value: Any) -> str:
    if isinstance(value, bool):
        return (
            f"YAML reads a word such as on, no or true as {str(value).lower()}, not as text; a field of that name is "
            f"written in backticks and quotes, such as {in_backticks('on')}, a text in two quotes, such as \"'on'\""
        )
    if isinstance(value, list | dict):
        return (
            "YAML reads brackets as a list or a mapping, not as text; an expression that begins with one needs quotes"
        )
    spelling = f"a field of that name is written {in_backticks(str(value))}, a text \"'{value}'\""
    return f"YAML reads {value} as no text; {spelling}"


Expr = Annotated[str, BeforeValidator(_checked)]


class TargetMap(_Strict):
    """How the records of a feed become rows of one target: contract column to SQL expression over their fields.

    `where` selects the records that the target takes; the others count as not selected.
    """

    map: dict[str, Expr]
    where: Expr | None = None

    @field_validator("where")
    @classmethod
    def _where_chooses(cls, value: str | None) -> str | None:
        if value is not None and checked_expression(value).kind != BOOLEAN:
            raise ValueError(f"{value!r} must be true or false, such as STATUS = 'booked'")
        return value

    @property
    def expressions(self) -> dict[str, Expression]:
        """The checked expressions of the map, by contract column."""
        return {column: checked_expression(sql) for column, sql in self.map.items()}

    @property
    def paths(self) -> tuple[FieldPath, ...]:
        """Every value of the record that the map and the `where` read, each once."""
        read = [path for expression in self.expressions.values() for path in expression.paths]
        if self.where:
            read += checked_expression(self.where).paths
        return tuple(dict.fromkeys(read))

    @property
    def fields(self) -> tuple[str, ...]:
        """Every top-level field of the record that the map and the `where` read, or read a part of, each once."""
        return tuple(dict.fromkeys(str(path[0]) for path in self.paths))


def _check_csv_fields(target: str, mapping: TargetMap, columns: tuple[str, ...]) -> None:
    for column, expression in mapping.expressions.items():
        if nested := next((path for path in expression.paths if len(path) > 1), None):
            raise DeclarationError(
                f"{target}.map.{column}: CSV has no nested fields; a field of that name is written "
                f"{in_backticks(text_of_path(expression.sql, nested))}"
            )
    if columns and (absent := [field for field in mapping.fields if field not in columns]):
        raise DeclarationError(
            f"{target}: the map reads the field {absent[0]!r}, which is none of `columns`: {', '.join(columns)}"
        )


class FileFeed(ValueFormat):
    """A feed of files: every file under `path` is read once, whole.

    `path` is a folder, with `{landing}` for the landing folder; folders below it are read too. How its texts spell
    numbers and times is declared by the options of `ValueFormat`. `encoding: auto` goes by a file's byte order mark. Of
    CSV: `delimiter` is a comma, unless a file's `sep=` line names another; `columns` are the names where `header` is
    false; `ragged` is what becomes of rows with other fields than the header. Of JSON: `records` is the path of names
    to the array of records within an object.
    """

    reader: Literal["files"]
    format: Literal["json_lines", "json_array", "json", "csv", "parquet"]
    path: Text
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
    encoding: Text = "utf-8"
    into: dict[str, TargetMap]

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
            if info.data.get("format") == "csv":
                _check_csv_fields(target, mapping, info.data.get("columns") or ())
        return into

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field of the records that some map of the feed reads, each once."""
        return tuple(dict.fromkeys(field for mapping in self.into.values() for field in mapping.fields))

    @property
    def layout(self) -> FileFormat:
        """What readers must know of the feed's files."""
        options = {name: getattr(self, name) for name in FileFormat.__dataclass_fields__ if name != "mapped"}
        return FileFormat(**options, mapped=self.fields)

    def folder(self, landing: str) -> str:
        """The folder of the feed for a landing folder."""
        return self.path.replace("{landing}", landing)


class Source(_Strict):
    """A source: its feeds by name. Its ids are its own, and never meet those of another."""

    name: Name
    description: Text
    feeds: dict[Name, FileFeed]

    @model_validator(mode="after")
    def _each_target_has_one_feed(self) -> "Source":
        seen: dict[str, str] = {}
        for feed_name, feed in self.feeds.items():
            for target in feed.into:
                if target in seen:
                    raise DeclarationError(
                        f"feeds.{feed_name}.into.{target}: the feed {seen[target]} already makes it; "
                        "a target comes from one feed"
                    )
                seen[target] = feed_name
        return self

    def feed_of(self, target: str) -> tuple[str, FileFeed] | None:
        """The feed that makes a target, with its name; None where the source has none."""
        return next(((name, feed) for name, feed in self.feeds.items() if target in feed.into), None)


def load_source(folder: Path, name: str) -> Source:
    """Reads and checks `folder/NAME.yml`.

    Raises:
        DeclarationError: there is no such file, or it breaks a rule; the message names file, path and rule.
    """
    path = folder / f"{name}.yml"
    shown = f"{folder.name}/{path.name}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yml"))) or "none"
        raise DeclarationError(f"source={name!r}: there is no {shown}; known sources: {known}")
    options = {1: Source.model_fields, 3: FileFeed.model_fields, 5: TargetMap.model_fields}
    content = content_of(path, shown)
    try:
        source = Source.model_validate(content)
    except ValidationError as error:
        raise DeclarationError("\n".join(described(shown, problem, options) for problem in error.errors())) from None
    except DeclarationError as error:
        raise DeclarationError(f"{shown}: {error}") from None
    if source.name != name:
        raise DeclarationError(f"{shown}: name: {source.name!r} must be the file's name, {name!r}")
    return source
