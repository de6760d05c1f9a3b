"""One job run twice over the same rounds of files: left alone, and struck again and again; then compared."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from chaos_faults import full_disk, read_only
from chaos_moments import Moment, Profile, TaskProfile, Watch, earlier
from chaos_processes import States, Worker, command, driver, kill_all, lander, processes_of
from chaos_strike import ChaosError, Strike
from chaos_tables import found_after_kill, merged_tables, snapshot
from chaos_timeout import OUTCOMES
from chaos_world import REFERENCE, Rounds, register_champion

POLL_SECONDS = 0.003
PATIENCE_SECONDS = 1200
"""No attempt may last longer, on however slow a machine: what hangs is a fault of its own."""

SCORING = ("started", "score_transactions")
FAULT_SECONDS = 60
LANDING_SECONDS = 25.0
KILL_TRIES = 8
"""So often is a job struck, each time earlier, until it is killed before it has ended."""
TIMEOUT_SECONDS = 7
"""A time limit that strikes a notebook after it started and before it is done."""


@dataclass
class Chaos:
    """A folder that holds the world, its landing, and the two workspaces."""

    folder: Path
    rounds: Rounds
    tasks: tuple[str, ...] = ()
    tell: Callable[[str], None] = print
    strikes: list[Strike] = field(default_factory=list)
    attempts: int = 0
    killed: int = 0

    @property
    def undisturbed(self) -> Path:
        """The workspace whose job is left alone."""
        return self.folder / "undisturbed"

    @property
    def disturbed(self) -> Path:
        """The workspace whose job is struck."""
        return self.folder / "disturbed"

    @property
    def landing(self) -> Path:
        """Where files land for both, one after the other, so that their records have the same paths and ids."""
        return self.folder / "landing"

    def prepare(self) -> None:
        """Registers the champion, once for both."""
        self.folder.joinpath("logs").mkdir(parents=True, exist_ok=True)
        register_champion(self.folder / "champion", self.rounds.middle)
        for home in (self.undisturbed, self.disturbed):
            home.mkdir(exist_ok=True)
            shutil.copy(self.folder / "champion" / "mlflow.db", home / "mlflow.db")

    def leave_alone(self) -> list[Profile]:
        """Runs every round undisturbed; what each task did in it."""
        self._clear_landing()
        profiles: list[Profile] = []
        for files in self.rounds.rounds:
            self._land(self.undisturbed, files)
            worker = driver(self.undisturbed, self._log("undisturbed"), self._arguments())
            profiles.append(self._profiled(worker))
        return profiles

    def _profiled(self, worker: Worker) -> Profile:
        home = self.undisturbed
        profile: dict[str, TaskProfile] = {}
        begun, before = time.monotonic(), snapshot(home)
        while worker.is_running or worker.reported[-1:] != [("finished", "all")]:
            for what, task in worker.news():
                if what == "started":
                    begun, before = time.monotonic(), snapshot(home)
                elif what == "ended":
                    now = snapshot(home)
                    commits = sum(now.commits.values()) - sum(before.commits.values())
                    merged = merged_tables(home, before.commits)
                    profile[task] = TaskProfile(time.monotonic() - begun, commits, merged)
            if worker.process.poll():
                raise ChaosError(f"the undisturbed job failed:\n{_tail(self._log('undisturbed'))}")
            time.sleep(POLL_SECONDS)
        worker.close()
        self._wait_for_end(self.undisturbed)
        return profile

    def strike(self, number: int, profile: Profile, moments: Sequence[Moment]) -> None:
        """Runs a round that is struck at each of the moments, one an attempt, and then left to finish.

        A moment that comes when the job has ended is no kill: the job is struck again, earlier, until it is one.
        """
        for moment in moments:
            tried, tries = moment, 1
            while not self._attempt(number, tried, profile).is_kill and moment.effect == "kill" and tries < KILL_TRIES:
                tried, tries = earlier(tried), tries + 1
        self._finish(number)

    def _attempt(self, number: int, moment: Moment, profile: Profile) -> Strike:
        files = self.rounds.rounds[number]
        begun, self.killed = time.monotonic(), 0
        before = snapshot(self.disturbed)
        if moment.way == "landing":
            outcome = self._strike_while_landing(files, moment, profile)
        else:
            self._land(self.disturbed, files)
            outcome = self._strike_job(moment, profile)
        kill_all(self.disturbed)
        self.attempts += 1
        hit = found_after_kill(self.disturbed, before)
        strike = Strike(number + 1, moment, outcome, hit, self.killed, time.monotonic() - begun)
        self.strikes.append(strike)
        self.tell(f"{len(self.strikes):4} {strike}")
        return strike

    def _finish(self, number: int) -> None:
        self._land(self.disturbed, self.rounds.rounds[number])
        begun = time.monotonic()
        worker = driver(self.disturbed, self._log("disturbed"), self._arguments())
        self._wait(worker)
        self.attempts += 1
        if worker.process.returncode:
            raise ChaosError(f"the job does not end after the kills:\n{_tail(self._log('disturbed'))}")
        self._wait_for_end(self.disturbed)
        self.tell(f"     round {number + 1}: run again and left to finish, {time.monotonic() - begun:.0f} s")

    def _strike_job(self, moment: Moment, profile: Profile) -> str:
        if moment.effect == "timeout":
            return self._time_out(moment)
        log, arguments = self._log("disturbed"), self._arguments()
        start = command if moment.by == "command" else driver
        worker = start(self.disturbed, log, arguments)
        watch = Watch(self.disturbed, moment, profile)
        state = States(self.disturbed, worker, is_command=moment.by == "command")
        while worker.is_running and not watch.is_due(*state.now()):
            time.sleep(POLL_SECONDS)
            self._check_patience(worker)
        if not worker.is_running:
            # The last task's end and the job's are one moment; a failure is none that was asked for.
            if worker.process.returncode:
                raise ChaosError(f"the job failed by itself:\n{_tail(log)}")
            return "had ended"
        if moment.effect == "kill":
            self._kill(worker)
            return "had ended" if state.is_done() else "killed"
        return self._suffer(worker, full_disk if moment.effect == "full_disk" else read_only)

    def _suffer(self, worker: Worker, fault: Callable[[Path], AbstractContextManager[str]]) -> str:
        with fault(self.disturbed) as how:
            if not how:
                return "skipped: as root, and without the right to mount, nothing makes a folder read-only"
            deadline = time.monotonic() + FAULT_SECONDS
            while worker.is_running and time.monotonic() < deadline:
                time.sleep(0.05)
        ended = "went on" if worker.is_running else "failed" if worker.process.returncode else "ended well"
        return f"{how}: the job {ended}"

    def _strike_while_landing(self, files: Sequence[str], moment: Moment, profile: Profile) -> str:
        """Files land while the job runs, until one is half written when both are killed at once.

        The job begins when the round's reference data are there, and is killed at the latest before it scores what
        has landed so far: a transaction is scored once, on what was known then, and what it was scored on would
        rightly differ from the undisturbed run's.
        """
        reference = sum(name.split("/")[1] in REFERENCE for name in files)
        to_land = files[reference:]
        last = to_land[int(moment.share * len(to_land))]
        log = self._log("disturbed")
        self._land(self.disturbed, files[:reference])
        way = (self.rounds.folder, self.landing)
        sender = lander(self.disturbed, log, way, to_land, LANDING_SECONDS / (2 * len(to_land)), hold=last)
        worker = driver(self.disturbed, log, self._arguments())
        watch = Watch(self.disturbed, replace(moment, way="time"), profile)
        state = States(self.disturbed, worker, is_command=False)
        while not (watch.is_due(*state.now()) and ("half", last) in sender.reported):
            sender.news()
            if SCORING in worker.reported or not worker.is_running:
                break
            time.sleep(POLL_SECONDS)
            self._check_patience(worker)
        if worker.process.poll():
            raise ChaosError(f"the job failed on a round that had landed in part:\n{_tail(log)}")
        self._kill(worker, sender)
        landed = reference + sum(what == "landed" for what, _ in sender.reported)
        return f"{'had ended' if state.is_done() else 'killed'} with {landed} of {len(files)} files there"

    def _kill(self, *workers: Worker) -> None:
        self.killed = kill_all(self.disturbed)
        for worker in workers:
            worker.process.wait()
            worker.news()
            worker.close()

    def _time_out(self, moment: Moment) -> str:
        arguments = [sys.executable, "chaos_timeout.py", "--task", moment.task, "--seconds", str(TIMEOUT_SECONDS)]
        worker = Worker(self.disturbed, self._log("disturbed"), [*arguments, *self._arguments()])
        self._wait(worker)
        self._wait_for_end(self.disturbed)
        status = worker.process.returncode
        if status not in OUTCOMES:
            log = self._log("disturbed")
            raise ChaosError(f"the job with a time limit on {moment.task} failed, status {status}:\n{_tail(log)}")
        return OUTCOMES[status]

    def _land(self, home: Path, files: Sequence[str]) -> None:
        sender = lander(home, self._log("landing"), (self.rounds.folder, self.landing), files, 0)
        self._wait(sender)
        if sender.process.returncode:
            raise ChaosError(f"files could not land:\n{_tail(self._log('landing'))}")

    def _clear_landing(self) -> None:
        """Empties the landing; the folders that senders deliver to are there before their first files are."""
        shutil.rmtree(self.landing, ignore_errors=True)
        for folder in {(self.landing / name).parent for files in self.rounds.rounds for name in files}:
            folder.mkdir(parents=True, exist_ok=True)

    def begin_disturbed(self) -> None:
        """Empties the landing folder, for the second of the two runs."""
        self._clear_landing()

    def _arguments(self) -> list[str]:
        only = [part for task in self.tasks for part in ("--only", task)]
        parameters = {"landing": str(self.landing), "retrain_after_days": "36500"}
        return [part for item in parameters.items() for part in ("--param", "=".join(item))] + only

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def _wait(self, worker: Worker) -> None:
        while worker.is_running:
            worker.news()
            time.sleep(0.02)
            self._check_patience(worker)
        worker.news()
        worker.close()

    def _wait_for_end(self, home: Path) -> None:
        """The server ends with the job that started it; one that doesn't would be a process left behind."""
        deadline = time.monotonic() + 60
        while processes_of(home):
            if time.monotonic() > deadline:
                raise ChaosError(f"processes were left behind: {processes_of(home)}")
            time.sleep(0.1)

    def _check_patience(self, worker: Worker) -> None:
        if time.time() - worker.begun > PATIENCE_SECONDS:
            log = self._log("disturbed" if worker.home == self.disturbed else "undisturbed")
            raise ChaosError(f"the job hangs after {worker.reported[-1:]}:\n{_tail(log)}")


def _tail(log: Path, lines: int = 60) -> str:
    """The last lines that say something: of a trace in the engine its messages, without the frames."""
    written = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([line for line in written if not line.lstrip().startswith("at ")][-lines:])
