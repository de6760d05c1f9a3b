"""A declared output, for tests of what all outputs have in common."""

from pathlib import Path

from common.publish.declaration import load_output
from common.publish.output import Output

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
