"""Which tables each task of a run read and wrote, noted where it happens: lines of JSON in the run's folder.

On Databricks, Unity Catalog keeps lineage; there, runs have no folder here and nothing is noted.
"""

import json

from common.settings import Settings

FILE_NAME = "lineage.jsonl"


def note(settings: Settings, direction: str, table: str) -> None:
    """Adds {"task", "direction", "table"} to the run's notes; `direction` is `read` or `write`."""
    if not settings.run_id:
        return
    folder = settings.home / "runs" / settings.run_id
    if folder.is_dir():
        line = json.dumps({"task": settings.task_key, "direction": direction, "table": table})
        # One short write in append mode is whole even when several processes write.
        with (folder / FILE_NAME).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
