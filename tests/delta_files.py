"""Delta tables by contract, written without Spark: a Parquet file a commit, and the commit's JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from common.contracts.table import Table

ARROW = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}
DELTA = {"int": "integer", "bigint": "long"}
Row = Mapping[str, Any]


def write_delta(warehouse: Path, table: Table, rows: Sequence[Row], schema_prefix: str = "") -> Path:
    """Appends rows to a table, which is made where it isn't there; columns that a row lacks are null. Its folder."""
    folder = warehouse / f"{schema_prefix}{table.schema}.db" / table.short_name
    log = folder / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    version = len(list(log.glob("*.json")))
    types = {column.name: arrow_type(column.type) for column in table.columns}
    full = [{name: row.get(name) for name in types} for row in rows]
    file = folder / f"part-{version:05}.parquet"
    pq.write_table(pa.Table.from_pylist(full, pa.schema(list(types.items()))), file)
    add = {"path": file.name, "partitionValues": {}, "size": file.stat().st_size, "modificationTime": 0}
    actions = [{"add": add | {"dataChange": True}}]
    if version == 0:
        fields = [{"name": c.name, "type": delta_type(c.type), "nullable": True, "metadata": {}} for c in table.columns]
        schema = json.dumps({"type": "struct", "fields": fields})
        meta = {"id": table.name, "format": {"provider": "parquet", "options": {}}, "schemaString": schema}
        protocol = {"minReaderVersion": 1, "minWriterVersion": 2}
        actions[:0] = [{"protocol": protocol}, {"metaData": meta | {"partitionColumns": [], "configuration": {}}}]
    text = "".join(json.dumps(action) + "\n" for action in actions)
    (log / f"{version:020}.json").write_text(text, encoding="utf-8")
    return folder


def arrow_type(declared: str) -> pa.DataType:
    """A contract's type in Arrow."""
    if inner := _inside("array", declared):
        return pa.list_(arrow_type(inner))
    if inner := _inside("struct", declared):
        return pa.struct([(name, arrow_type(kind)) for name, kind in _fields(inner)])
    if found := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", declared):
        return pa.decimal128(int(found[1]), int(found[2]))
    return ARROW[declared]


def delta_type(declared: str) -> Any:
    """A contract's type in the JSON of Delta's log."""
    if inner := _inside("array", declared):
        return {"type": "array", "elementType": delta_type(inner), "containsNull": True}
    if inner := _inside("struct", declared):
        fields = [{"name": n, "type": delta_type(kind), "nullable": True, "metadata": {}} for n, kind in _fields(inner)]
        return {"type": "struct", "fields": fields}
    return DELTA.get(declared, declared)


def _inside(kind: str, declared: str) -> str:
    return declared[len(kind) + 1 : -1] if declared.startswith(f"{kind}<") else ""


def _fields(inner: str) -> list[tuple[str, str]]:
    """Names and types of a struct; commas in brackets part nothing."""
    parts = re.split(r",\s*(?![^(<]*[)>])", inner)
    return [(name.strip(), kind.strip()) for name, _, kind in (part.partition(":") for part in parts)]
