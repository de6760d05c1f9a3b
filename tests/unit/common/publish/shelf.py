"""An output that puts numbers of rows on a shelf in a folder, to test the engine without a server."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal

from common.checks.findings import CONSERVATION, Finding
from common.errors import OutputError
from common.publish.delivery import FOUND, Delivery
from common.publish.output import Output
from common.settings import Settings
from common.sources.feed import Tell
from common.storage.lake import Lake


class Shelf(Output):
    """Writes the number of rows of its table to a file, where there is a folder for it."""

    connects_to: ClassVar[str | None] = "postgres"

    writer: Literal["shelf"]
    table: str
    folder: Path

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.table,)

    def deliver(self, lake: Lake, tell: Tell) -> list[Delivery]:
        if not self.folder.is_dir():
            raise OutputError(f"there is no folder {self.folder.name}: make it")
        rows, before = lake.table(self.table).count(), self.state(lake.settings)
        tell(f"{self.table}: {rows} rows")
        (self.folder / self.table).write_text(json.dumps(rows))
        written = 0 if rows == before else rows
        return [Delivery(self.table, "counted", rows_written=written, rows_there=rows)]

    def delivered_since(self, settings: Settings, since: datetime) -> list[Delivery]:
        file = self.folder / self.table
        if not file.is_file():
            return []
        at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        there = Delivery(self.table, FOUND, rows_there=json.loads(file.read_text()), delivered_at=at)
        return [there] if at >= since else []

    def findings(self, lake: Lake) -> list[Finding]:
        rows, there = lake.table(self.table).count(), self.state(lake.settings)
        return [Finding(f"{self.name}: {self.table}", CONSERVATION, rows == there, f"{there} of {rows} rows")]

    def state(self, settings: Settings) -> object:
        file = self.folder / self.table
        return json.loads(file.read_text()) if file.is_file() else None
