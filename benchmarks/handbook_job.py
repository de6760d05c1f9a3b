"""How fast the handbook's 1.5 million transactions go through bronze and scoring, as tasks of the main job.

    python -m benchmarks.handbook_job [FOLDER]

FOLDER (or HANDBOOK_DATA) holds the handbook's Parquet files.
"""

import json

from benchmarks.measured import GIB, Goal, at_least, at_most, handbook_folder, lakehouse, show, workspace


def main() -> None:
    """Measures and prints; says why where the data are absent."""
    source = handbook_folder()
    with workspace() as home:
        (home / "landing").mkdir()
        (home / "landing" / "handbook").symlink_to(source)
        run = lakehouse(home, "run", "lakehouse", "-p", "source=handbook", "-p", "alert_budget_cards_per_day=100")
        record = json.loads(next((home / "runs").glob("*/run.json")).read_text())
    tasks = {task["key"]: task for task in record["tasks"]}

    def rate(task_key: str) -> float:
        return float(tasks[task_key]["rows_out"]) / float(tasks[task_key]["seconds"])

    show(
        "Main job, handbook data (rates of whole tasks, notebook and engine start included)",
        [
            Goal("the whole job", f"{run.seconds:,.1f} s", "", None),
            at_least("bronze", rate("bronze_feeds"), 60_000, "records/s"),
            at_least("catch-up scoring", rate("score_transactions"), 20_000, "transactions/s"),
            at_most("memory of all processes together", run.peak_bytes / GIB, 6, "GiB"),
        ],
    )


if __name__ == "__main__":
    main()
