"""The memory of the whole main job on 5 million transactions.

python -m benchmarks.five_million
"""

import json

from benchmarks.measured import GIB, Goal, at_most, lakehouse, show, workspace

CUSTOMERS = 33_500


def main() -> None:
    """Measures and prints."""
    with workspace() as home:
        lakehouse(home, "simulate", "--customers", str(CUSTOMERS), "--merchants", "6000", "--terminals", "15000")
        run = lakehouse(home, "run", "lakehouse")
        record = json.loads(next((home / "runs").glob("*/run.json")).read_text())
    tasks = {task["key"]: task for task in record["tasks"]}
    show(
        f"Main job, {tasks['silver_transactions']['rows_out']:,} transactions",
        [
            Goal("the whole job", f"{run.seconds:,.0f} s", "", None),
            at_most("memory of all processes together", run.peak_bytes / GIB, 6, "GiB"),
        ],
    )


if __name__ == "__main__":
    main()
