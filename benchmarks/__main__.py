"""All benchmarks, one after the other: `make bench`."""

import subprocess
import sys

RUNS = (
    "main_job",
    "features",
    "state",
    "catch_up",
    "continuous",
    "continuous --from kafka",
    "handbook_job",
    "handbook",
    "training",
    "world",
    "files_to_silver",
    "sftp",
    "kafka",
    "postgres_cdc",
    "history_merge",
    "new_day",
    "sql",
    "five_million",
    "postgres_tables",
    "warehouse",
)


def main() -> None:
    """Runs each in a process of its own; one that is skipped or fails doesn't hold up the others."""
    for run in RUNS:
        print(f"--- {run}", flush=True)
        subprocess.run([sys.executable, "-m", *f"benchmarks.{run}".split()], check=False)


if __name__ == "__main__":
    main()
