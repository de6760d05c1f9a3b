"""The options of `make chaos`, and the command that gives the same moments again."""

import argparse
import shlex
import time
from collections.abc import Sequence


def options_of(arguments: Sequence[str] | None = None, about: str | None = None) -> argparse.Namespace:
    """Options by name, from the command line where no arguments are given."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=about)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--command-kills", type=int, default=10, help="so many of them, if there are, of `lakehouse run lakehouse`"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="of the moments")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--customers", type=int, default=120)
    parser.add_argument("--days", type=int, default=25)
    parser.add_argument("--folder", help="an empty one; default: a temporary one, removed when all is well")
    parser.add_argument(
        "--no-faults", action="store_true", help="kills only: no full disk, read-only warehouse, timeout"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    return parser.parse_args(arguments)


def command_again(options: argparse.Namespace) -> str:
    """The command that repeats a run: the moments come from the seed, and from all that shapes rounds and tasks."""
    names = ("kills", "command_kills", "seed", "rounds", "customers", "days")
    given = [part for name in names for part in (f"--{name.replace('_', '-')}", str(getattr(options, name)))]
    switches = ["--no-faults"] if options.no_faults else []
    return shlex.join(["python", "-m", "tests.chaos", *given, *switches])
