"""What one new day costs after ten times as many days, task by task, with the same customers.

    python -m benchmarks.new_day [DAYS]

Two workspaces, one with the default history (DAYS, 120) and one with ten times as many days, each run once; then both
get one day more, in turns, and its run is measured. The server is up, as on a machine that works all day.
"""

import json
import sys
from pathlib import Path

from benchmarks.measured import Goal, at_most, lakehouse, show, workspace

DAYS = 120
TIMES = 10
FIRST_DAY = "2022-06-01"
"""So early that ten times the days are over."""

ROUNDS = 3
TRAINING = "train_fraud_model"
RETRAIN_NEVER = ("-p", "retrain_after_days=100000")
MOST = 1.3


def task_seconds(home: Path) -> dict[str, float]:
    """Seconds of each task of the workspace's newest run."""
    record = json.loads(max((home / "runs").glob("*/run.json")).read_text())
    return {task["key"]: float(task["seconds"]) for task in record["tasks"] if task["key"] != TRAINING}


def prepare(home: Path, days: int) -> None:
    """Simulates the history and runs the job on it once."""
    lakehouse(home, "simulate", "--start-day", FIRST_DAY, "--days", str(days))
    lakehouse(home, "up")
    lakehouse(home, "run", "lakehouse", *RETRAIN_NEVER)


def one_day(home: Path) -> dict[str, float]:
    """One day more, and what each task took for it."""
    lakehouse(home, "simulate", "--days", "1")
    lakehouse(home, "run", "lakehouse", *RETRAIN_NEVER)
    return task_seconds(home)


def main() -> None:
    """Measures and prints."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else DAYS
    with workspace() as short, workspace() as long:
        prepare(short, days)
        prepare(long, days * TIMES)
        rounds = [(one_day(short), one_day(long)) for _ in range(ROUNDS)]
    best = [{task: min(r[side][task] for r in rounds) for task in rounds[0][0]} for side in (0, 1)]
    goals = []
    for task, before in best[0].items():
        after = best[1][task]
        measured = f"{before:,.1f} s, {after:,.1f} s: {after / before:.2f} times"
        goals.append(Goal(task, measured, f"<= {MOST} times", after <= MOST * before))
    whole = [sum(side.values()) for side in best]
    goals.append(at_most("all tasks but training", whole[1] / whole[0], MOST, "times"))
    show(f"One new day after {days} and after {days * TIMES} days", goals)


if __name__ == "__main__":
    main()
