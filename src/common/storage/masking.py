"""Personal values masked for looks: their shape stays (x for a letter, 9 for a digit), what they say does not."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.table import Table


def masked(value: Column) -> Column:
    """The value as text, every letter as x and every digit as 9; null stays null."""
    return F.regexp_replace(F.regexp_replace(value.cast("string"), r"\p{L}", "x"), r"\p{N}", "9")


def masked_text(text: str) -> str:
    """The same of a Python text."""
    return "".join("x" if character.isalpha() else "9" if character.isnumeric() else character for character in text)


def without_personal_values(rows: DataFrame, table: Table) -> DataFrame:
    """The rows of a table with the values of its personal columns masked."""
    personal = [column.name for column in table.columns if column.personal and column.name in rows.columns]
    return rows.withColumns({name: masked(F.col(name)) for name in personal}) if personal else rows
