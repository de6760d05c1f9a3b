"""All benchmarks, one after the other: `make bench`."""

import subprocess
import sys

MODULES = (
    "main_job",
    "features",
    "state",
    "catch_up",
    "continuous",
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
    "five_million",
    "postgres_tables",
)


def main() -> None:
    """Runs each in a process of its own; one that is skipped or fails doesn't hold up the others."""
    for name in MODULES:
        print(f"--- {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)


if __name__ == "__main__":
    main()
