"""How fast JSON lines go from files to silver: parsed, mapped, checked, deduplicated, quarantined and counted.

    python -m benchmarks.files_to_silver [FOLDER]

FOLDER (or HANDBOOK_DATA) holds the handbook's Parquet files, whose first transactions are written as JSON lines, with
one in fifty sent again and one in a hundred broken. A first small delivery warms the engine up.
"""

import json
import time
from pathlib import Path

import pyarrow.dataset as ds

from benchmarks.measured import Goal, at_least, handbook_folder, show, temporary_lake

WARM_UP_ROWS = 20_000
ROWS = 600_000
ROWS_PER_FILE = 20_000
SOURCE = {
    "name": "handbook_lines",
    "description": "The handbook's transactions as JSON lines.",
    "feeds": {
        "transactions": {
            "reader": "files",
            "format": "json_lines",
            "path": "{landing}/lines",
            "into": {
                "transactions": {
                    "map": {
                        "transaction_id": "TRANSACTION_ID",
                        "event_time": "TX_DATETIME",
                        "customer_id": "CUSTOMER_ID",
                        "terminal_id": "TERMINAL_ID",
                        "amount": "TX_AMOUNT",
                        "currency": "'EUR'",
                    }
                }
            },
        }
    },
}


def write_lines(source: Path, folder: Path) -> int:
    """Writes the files, those of the warm-up named to come first, and returns the number of lines after the warm-up."""
    table = ds.dataset(source, format="parquet").head(WARM_UP_ROWS + ROWS)
    written = 0
    for start in range(0, table.num_rows, ROWS_PER_FILE):
        lines: list[str] = []
        for number, row in enumerate(table.slice(start, ROWS_PER_FILE).to_pylist()):
            line = json.dumps(row | {"TX_DATETIME": row["TX_DATETIME"].isoformat()})
            lines.append(line.replace('"TX_AMOUNT": ', '"TX_AMOUNT": -') if number % 100 == 7 else line)
            if number % 50 == 3:
                lines.append(line)
        target = folder / ("warm_up" if start < WARM_UP_ROWS else "measured")
        target.mkdir(exist_ok=True)
        (target / f"{start:08d}.jsonl").write_text("\n".join(lines))
        written += len(lines) if start >= WARM_UP_ROWS else 0
    return written


def main() -> None:
    """Measures and prints; says why where the data are absent."""
    handbook = handbook_folder()
    from common.bronze.ingest import ingest
    from common.silver.refine import Outcome, refine
    from common.sources.declaration import Source

    with temporary_lake() as lake:
        prepared, landing = lake.settings.home / "prepared", Path(lake.settings.landing, "lines")
        prepared.mkdir()
        landing.mkdir(parents=True)
        records = write_lines(handbook, prepared)
        source = Source.model_validate(SOURCE)

        def deliver(name: str) -> tuple[float, float, Outcome]:
            (prepared / name).rename(landing / name)
            started = time.perf_counter()
            ingest(lake, source)
            in_bronze = time.perf_counter()
            outcome = refine(lake, source, "transactions")
            return in_bronze - started, time.perf_counter() - in_bronze, outcome

        deliver("warm_up")
        bronze, silver, outcome = deliver("measured")
    show(
        f"Files to silver: {records:,} JSON lines ({outcome})",
        [
            Goal("files to bronze", f"{records / bronze:,.0f} records/s", "", None),
            Goal("bronze to silver", f"{records / silver:,.0f} records/s", "", None),
            at_least("files to silver", records / (bronze + silver), 40_000, "records/s"),
        ],
    )


if __name__ == "__main__":
    main()
