"""What a run brought to a target and could not note in ops.deliveries, as it was killed in between.

A sign is left when a delivery begins, and taken away when all is noted. Where it is there already, the target is asked
what came since.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyspark.sql import Row
from pyspark.sql import functions as F

from common.contracts.ops import DELIVERIES
from common.publish.delivery import FOUND, Delivery, failed
from common.publish.output import Output
from common.settings import Settings
from common.sources.feed import Tell
from common.storage.files import write_whole
from common.storage.lake import Lake

CLOCKS = timedelta(minutes=1)
"""How much the target's clock may differ from this one."""
_NOTE = "came by another run, which had not noted it"


def begin(lake: Lake, output: Output, tell: Tell) -> list[Delivery] | None:
    """Leaves the sign, and gives what runs before have brought and not noted; None: the target can't be asked."""
    sign = _sign(output.name, lake.settings)
    try:
        since = datetime.fromisoformat(sign.read_text(encoding="utf-8")) - CLOCKS
    except (FileNotFoundError, ValueError):
        write_whole(sign, datetime.now(UTC).isoformat())
        return []
    try:
        brought = output.delivered_since(lake.settings, since)
    except Exception as error:  # no reason to deliver nothing; the sign stays
        tell(f"{output.name}: what a run before has brought isn't known: {failed(output.name, error).failure}")
        return None
    lake.ensure(DELIVERIES)
    noted = (
        lake.table(DELIVERIES)
        .where((F.col("output") == output.name) & F.col("failure").isNull() & (F.col("delivered_at") >= since))
        .select("item", "version", "rows_there", "mode", F.col("delivered_at").cast("double").alias("seconds"))
        .collect()
    )
    unnoted = [replace(one, note=_NOTE) for one in brought if not any(_is_of(row, one) for row in noted)]
    for one in unnoted:
        tell(f"{output.name}: {one.item}: {one.note}")
    return unnoted


def end(output: str, settings: Settings) -> None:
    """Takes the sign away: all is noted that was brought."""
    _sign(output, settings).unlink(missing_ok=True)


def _sign(output: str, settings: Settings) -> Path:
    return Path(settings.checkpoint("outputs", f"{output}.begun"))


def _is_of(noted: Row, brought: Delivery) -> bool:
    """Whether a row of ops.deliveries, its time in seconds, tells of what a target has."""
    came = brought.delivered_at.timestamp() if brought.delivered_at else 0.0
    if (noted["item"], noted["version"], noted["rows_there"]) != (brought.item, brought.version, brought.rows_there):
        return False
    if noted["mode"] == FOUND:
        return abs(float(noted["seconds"]) - came) < 0.001
    return bool(noted["seconds"] >= came - CLOCKS.total_seconds())
