"""`make chaos` over servers: `python -m tests.chaos.feeds`: feeds whose process, servers and lines fail at random."""

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import chaos_pulls
import chaos_streams
from chaos_processes import kill_all
from chaos_pulls import Report

from common.session import spark_session
from common.settings import settings_from
from common.storage.lake import Lake


def main() -> int:
    """Prints each fault as it happens; 1 when something was lost or doubled, or a message is unclear."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.feeds", description=__doc__)
    parser.add_argument("--faults", type=int, default=100, help="of what is pulled; a fifth of them of streams")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # moto's server names every request
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # connections that were cut
    folder = Path(tempfile.mkdtemp(prefix="chaos-feeds-"))
    print(f"seed {options.seed}, {options.faults} faults, in {folder}", flush=True)
    reports = [
        chaos_pulls.run(folder / "pulls", options.seed, options.faults, tell=_tell),
        _streams(folder / "streams", options.seed, -(-options.faults // 5)),
    ]
    problems = [problem for report in reports for problem in report.problems]
    for report in reports:
        print(*(f"{number:6} {name}" for name, number in sorted(report.faults.items())), sep="\n")
        print(f"{report.sent:,} records sent")
    print(*(f"WRONG: {problem}" for problem in problems), sep="\n")
    print(f"{'FAILED' if problems else 'Nothing lost, nothing doubled.'} Again: --seed {options.seed}", flush=True)
    if not problems:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if problems else 0


class OwnEngine:
    """Spark's server of a workspace of its own, ended with all its processes; the servers of feeds aren't of it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(parents=True)

    def lake(self) -> Lake:
        own = {"LAKEHOUSE_HOME": str(self._home), "LAKEHOUSE_ENGINE_IDLE_SECONDS": "0"}
        with mock.patch.dict(os.environ, own):
            os.environ.pop("SPARK_REMOTE", None)
            spark = spark_session(needs=lambda: {"kafka", "s3"})
        return Lake(spark, replace(settings_from(landing=str(self._home / "landing")), home=self._home))

    def kill(self) -> None:
        kill_all(self._home)


def _streams(folder: Path, seed: int, faults: int) -> Report:
    engine = OwnEngine(folder / "home")
    try:
        return chaos_streams.run(engine.lake(), folder, seed, faults, feeds=chaos_streams.ALL, tell=_tell)
    finally:
        engine.kill()


def _tell(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
