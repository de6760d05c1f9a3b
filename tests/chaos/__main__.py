"""`make chaos`: the main job killed again and again, and what is left compared with a run that nobody disturbed."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from chaos_compare import compare
from chaos_faults import mount_disk, unmount
from chaos_moments import draw
from chaos_options import command_again, options_of
from chaos_processes import none_left
from chaos_report import comparison, figures, is_equal
from chaos_run import Chaos
from chaos_strike import ChaosError, require_kills
from chaos_world import make_rounds

FAULTS = ("full_disk", "read_only", "timeout")


def main() -> int:
    """Prints every kill as it happens, then the figures; 1 when the two workspaces differ or the job fails."""
    options = options_of(about=__doc__)
    folder = Path(options.folder or tempfile.mkdtemp(prefix="chaos-")).resolve()
    print(f"seed {options.seed}, {options.kills} kills, {options.rounds} rounds, in {folder}", flush=True)
    rounds = make_rounds(folder / "world", customers=options.customers, days=options.days, rounds=options.rounds)
    chaos = Chaos(folder, rounds, tell=lambda text: print(text, flush=True))
    ended_well = False
    with none_left(chaos.undisturbed, chaos.disturbed, folder / "comparison"):
        try:
            has_disk = mount_disk(chaos.disturbed)
            chaos.prepare()
            ended_well = _run(chaos, options, has_disk)
        except ChaosError as error:
            print(
                f"FAILED: {error}\nAgain: {command_again(options)}\n(The moments are the same; what a process does "
                f"at one of them is up to the machine.) Left for a look: {folder}",
                flush=True,
            )
        finally:
            if ended_well and not options.keep:
                unmount(chaos.disturbed)
                shutil.rmtree(folder, ignore_errors=True)
    return 0 if ended_well else 1


def _run(chaos: Chaos, options: argparse.Namespace, has_disk: bool) -> bool:
    begun = time.monotonic()
    profiles = chaos.leave_alone()
    print(
        f"undisturbed: {time.monotonic() - begun:.0f} s for {len(profiles)} rounds of {len(profiles[0])} tasks",
        flush=True,
    )
    chaos.begin_disturbed()
    for number, profile in enumerate(profiles):
        kills = _share(options.kills, options.rounds, number)
        by_command = _share(options.command_kills, options.rounds, number)
        faults = () if options.no_faults or not number else FAULTS[(number - 1) % len(FAULTS) :: len(FAULTS)]
        chaos.strike(
            number, profile, draw(f"{options.seed}/{number}", profile, kills, by_command=by_command, faults=faults)
        )
    compared = compare(_session(chaos), chaos.undisturbed, chaos.disturbed)
    lines = [*figures(chaos.strikes, chaos.attempts, time.monotonic() - begun), *comparison(compared)]
    print("\n".join(lines), flush=True)
    if not is_equal(compared):
        raise ChaosError("the tables of the two workspaces differ")
    require_kills(chaos.strikes, options.kills)
    print(f"Nothing lost, nothing doubled. Again: {command_again(options)}", flush=True)
    return True


def _share(all_: int, rounds: int, number: int) -> int:
    return all_ * (number + 1) // rounds - all_ * number // rounds


def _session(chaos: Chaos):  # type: ignore[no-untyped-def]
    """A session on a server of the undisturbed workspace, which ends with this process."""
    from common.session import spark_session

    os.environ["LAKEHOUSE_HOME"] = str(chaos.folder / "comparison")
    os.environ.pop("SPARK_REMOTE", None)
    return spark_session()


if __name__ == "__main__":
    sys.exit(main())
