"""Values as PostgreSQL reads them."""

import json
from itertools import product

import pytest
from pyspark.sql import SparkSession

from common.contracts.table import Column, Table
from common.publish.postgres.served import served_table

pytestmark = pytest.mark.spark

NESTED = Table(
    name="gold.nested",
    comment="Nested.",
    grain="one",
    key=("id",),
    columns=(
        Column("id", "string", "Its id."),
        Column("one", "struct<a: string>", "A struct."),
        Column("many", "array<struct<a: string>>", "A list of structs."),
    ),
)
TEXTS = ["".join(parts) for length in range(5) for parts in product(["\0", "\\", "u0000", '"'], repeat=length)]


def test_the_character_nul_is_left_out_of_json_and_nothing_else_is(spark: SparkSession) -> None:
    table = served_table("nested", NESTED, columns=NESTED.column_names)
    rows = [(text, (text,), [(text,), None]) for text in TEXTS]
    frame = spark.createDataFrame(rows, "id string, one struct<a: string>, many array<struct<a: string>>")
    found = frame.selectExpr(*(f"{column.sql} AS {column.name}" for column in table.columns)).collect()

    assert [column.type for column in table.columns] == ["text", "jsonb", "jsonb"]
    assert len(found) == len(TEXTS)
    for row in found:
        text = row["id"].replace("\0", "")
        assert (json.loads(row["one"]), json.loads(row["many"])) == ({"a": text}, [{"a": text}, None])
