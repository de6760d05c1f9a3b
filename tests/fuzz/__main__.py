"""`make fuzz`: mutated records and files through the real code, each accepted, known, quarantined or refused."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fuzz_run import Report, run
from fuzz_world import mutant


def main() -> int:
    """Prints mutants by kind and fate; 1 when something was lost, changed, accepted wrongly, or the job failed."""
    options = _options()
    if options.mutant is not None:
        one = mutant(options.seed, options.mutant)
        print(f"{one.feed.name}, {one.kind}: {one.content if one.content is not None else one.record!r}", flush=True)
    home = Path(tempfile.mkdtemp(prefix="fuzz-"))
    os.environ["LAKEHOUSE_HOME"] = str(home)
    os.environ["LAKEHOUSE_ENGINE_IDLE_SECONDS"] = "0"
    os.environ.pop("SPARK_REMOTE", None)
    begun = time.monotonic()
    numbers = range(options.mutations) if options.mutant is None else [options.mutant]
    print(f"seed {options.seed}, {len(numbers):,} mutants, in {home}", flush=True)
    try:
        report = _run(home, options.seed, numbers)
    except Exception as error:
        print(f"FAILED: the job ended with {type(error).__name__}: {str(error)[:2000]}\nLeft for a look: {home}")
        return 1
    _tell(report, len(numbers), time.monotonic() - begun, options.seed)
    if not report.problems:
        shutil.rmtree(home, ignore_errors=True)
    return 1 if report.problems else 0


def _run(home: Path, seed: int, numbers: range | list[int]) -> Report:
    from common.session import spark_session
    from common.settings import settings_from
    from common.storage.lake import Lake

    spark = spark_session()
    try:
        settings = replace(settings_from(landing=str(home / "landing")), home=home)
        return run(Lake(spark, settings), seed, numbers)
    finally:
        spark.stop()


def _tell(report: Report, count: int, seconds: float, seed: int) -> None:
    fates = sorted({fate for _, fate in report.fates})
    kinds = sorted({kind for kind, _ in report.fates})
    print(f"{'mutation':20}" + "".join(f"{fate:>14}" for fate in fates))
    for kind in kinds:
        print(f"{kind:20}" + "".join(f"{report.fates[kind, fate]:>14,}" for fate in fates))
    print(f"{'all':20}" + "".join(f"{sum(report.fates[kind, fate] for kind in kinds):>14,}" for fate in fates))
    for problem in report.problems[:50]:
        print(f"WRONG: {problem}"[:1500])
    if report.problems:
        print(f"{len(report.problems)} problems. One again: python -m tests.fuzz --seed {seed} --mutant NUMBER")
    else:
        print("Nothing lost, nothing changed, nothing accepted that breaks a contract.")
    print(f"seed {seed}, {count:,} mutants, {report.records:,} records, {seconds:.0f} s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--mutant", type=int, help="this one alone, and what it is")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
