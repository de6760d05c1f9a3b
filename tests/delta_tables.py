"""Delta tables that a test writes itself: Spark isn't needed for them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = {
    "transaction_id": "string",
    "event_time": "timestamp",
    "event_date": "date",
    "customer_id": "string",
    "amount_eur": "decimal(18,2)",
    "score": "double",
    "decision": "string",
}


def a_delta_table(folder: Path, columns: dict[str, str], rows_: list[dict[str, Any]], version: int = 0) -> None:
    """A commit of a Delta table, which Spark is not needed for."""
    types = {
        "string": pa.string(),
        "timestamp": pa.timestamp("us", "UTC"),
        "date": pa.date32(),
        "decimal(18,2)": pa.decimal128(18, 2),
        "double": pa.float64(),
    }
    (folder / "_delta_log").mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, types[type_]) for name, type_ in columns.items()])
    file = folder / f"part-{version}.parquet"
    pq.write_table(pa.Table.from_pylist(rows_, schema), file)
    fields = [{"name": n, "type": t, "nullable": True, "metadata": {}} for n, t in columns.items()]
    described = json.dumps({"type": "struct", "fields": fields})
    metadata = {"id": "t", "format": {"provider": "parquet", "options": {}}, "schemaString": described}
    added = {"path": file.name, "partitionValues": {}, "size": file.stat().st_size, "modificationTime": 0}
    actions: list[dict[str, Any]] = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": metadata | {"partitionColumns": [], "configuration": {}}},
        {"add": added | {"dataChange": True}},
    ]
    text = "\n".join(map(json.dumps, actions))
    (folder / "_delta_log" / f"{version:020}.json").write_text(text)


def a_workspace(home: Path) -> Path:
    """The folder of gold.transaction_scores, with a row, in a workspace."""
    made = home / "warehouse" / "gold.db" / "transaction_scores"
    a_delta_table(made, COLUMNS, [{"transaction_id": "T1", "score": 0.5, "decision": "fraud"}])
    return made
