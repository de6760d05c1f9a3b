"""How the records of a feed become rows of a target: SQL expressions over their fields, checked as they are read."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator

from common.errors import DeclarationError
from common.sources.expressions import Expression, checked_expression
from common.sources.field_paths import Path as FieldPath
from common.sources.field_paths import text_of_path
from common.sources.kinds import BOOLEAN
from common.sources.name_hints import in_backticks


class Strict(BaseModel):
    """A part of a declaration: it has no options but its own."""

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


class TargetMap(Strict):
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


def check_csv_fields(target: str, mapping: TargetMap, columns: tuple[str, ...]) -> None:
    """Checks that a map reads fields as CSV files have them, and where their names are declared, none but those.

    Raises:
        DeclarationError: it doesn't.
    """
    for column, expression in mapping.expressions.items():
        if nested := next((path for path in expression.paths if len(path) > 1), None):
            raise DeclarationError(
                f"into.{target}.map.{column}: CSV has no nested fields; a field of that name is written "
                f"{in_backticks(text_of_path(expression.sql, nested))}"
            )
    if columns and (absent := [field for field in mapping.fields if field not in columns]):
        raise DeclarationError(
            f"into.{target}: the map reads the field {absent[0]!r}, which is none of `columns`: {', '.join(columns)}"
        )
