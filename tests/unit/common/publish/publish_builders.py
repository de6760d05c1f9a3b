"""A declared output, for tests of what all outputs have in common."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from common.contracts.ops import DELIVERIES
from common.publish import publish as engine
from common.publish.declaration import load_output
from common.publish.output import Output
from common.storage.lake import Lake

SHELF = """
name: risk
description: How many rows the risk of merchants has.
writer: shelf
every: 15 minutes
connections:
  shop: {kind: postgres, host: db, database: shop, user: lake}
connection: shop
table: gold.merchant_risk
folder: /shelf
"""


def load(folder: Path, text: str = SHELF, name: str = "risk") -> Output:
    """The output of this text, read from a file of its name."""
    outputs = folder / "outputs"
    outputs.mkdir(exist_ok=True)
    (outputs / f"{name}.yml").write_text(text)
    return load_output(outputs, name)


def publish_killed(lake: Lake, outputs: Sequence[Output]) -> None:
    """Delivers, and ends before anything is noted, as a process that is killed."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_note", killed)
        with pytest.raises(KeyboardInterrupt):
            engine.publish(lake, outputs)


def noted(lake: Lake, output: Output) -> list[tuple[str, str, datetime]]:
    """Item, mode and time of what ops.deliveries has of an output, in the order of time."""
    lake.ensure(DELIVERIES)
    rows = lake.table(DELIVERIES).where(F.col("output") == output.name).orderBy("delivered_at", "item")
    found = rows.select("item", "mode", F.col("delivered_at").cast("double").alias("seconds")).collect()
    return [(row.item, row.mode, datetime.fromtimestamp(row.seconds, UTC)) for row in found]
