"""When a job is struck, and how: drawn from a seed, seen on disk or by the clock."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from chaos_tables import Snapshot, snapshot

WAYS = {
    "landing": "while a file is half written, and the job reads what has landed",
    "time": "at a random moment of a task",
    "write": "when a table has data files that no commit names yet",
    "merge": "the same, in a table that gets a MERGE",
    "commit": "when a table's commit is there and, mostly, its stream's is not",
}
SHARES = {"landing": 0.08, "time": 0.42, "write": 0.1, "merge": 0.16, "commit": 0.24}
"""How many of the kills are of each kind."""

COLD = 2.5
"""So many times longer does a task take on a server that was just started."""


@dataclass(frozen=True)
class TaskProfile:
    """What a task did in the undisturbed run of a round: seconds, commits of tables, and tables that it merged into."""

    seconds: float
    commits: int
    merged: frozenset[str]


Profile = Mapping[str, TaskProfile]


@dataclass(frozen=True)
class Moment:
    """A moment of a task: `share`, from 0 to 1, says when in it. `effect`: kill, full_disk, read_only or timeout."""

    way: str
    task: str
    share: float
    by: str = "driver"
    effect: str = "kill"

    def __str__(self) -> str:
        effect = "" if self.effect == "kill" else f"{self.effect}, "
        return f"{effect}{self.way} of {self.task} at {self.share:.2f}, {self.by}"


def draw(seed: str, profile: Profile, kills: int, *, by_command: int, faults: Sequence[str]) -> list[Moment]:
    """The moments of one round, in the order of the job's tasks, so that most of them strike work that is not done yet.

    The same seed, figures and job give the same moments; what exactly a process does at one of them is up to the
    machine. `by_command` of them, or all that there are, strike `lakehouse run`.
    """
    chance = random.Random(seed)
    tasks = list(profile)
    before_scoring = tasks[: tasks.index("score_transactions")] if "score_transactions" in tasks else tasks
    merging = [task for task in tasks if profile[task].merged]
    writing = [task for task in tasks if profile[task].commits]
    ways = chance.choices(list(SHARES), list(SHARES.values()), k=kills)
    moments = []
    for way in ways:
        among = {"merge": merging, "write": writing, "commit": writing, "landing": before_scoring}.get(way, tasks)
        moments.append(Moment(way if among else "time", chance.choice(among or tasks), chance.random()))
    places = [n for n, moment in enumerate(moments) if moment.way != "landing"]
    for place in chance.sample(places, min(by_command, len(places))):
        moments[place] = Moment(moments[place].way, moments[place].task, moments[place].share, by="command")
    for effect in faults:
        moments.append(Moment("time", chance.choice(writing or tasks), chance.random(), effect=effect))
    return sorted(moments, key=lambda moment: _order(moment, tasks))


def _order(moment: Moment, tasks: Sequence[str]) -> tuple[bool, float, float]:
    """While files land first, in the order of the files; the others in the order of the tasks."""
    is_landing = moment.way == "landing"
    return not is_landing, moment.share if is_landing else tasks.index(moment.task), moment.share


def earlier(moment: Moment) -> Moment:
    """A moment of the same task that comes sooner, for one that came when the job had ended."""
    return replace(moment, way="time", share=moment.share / 2)


@dataclass
class Watch:
    """Says when a moment has come, from the tasks that run and what lies on disk."""

    home: Path
    moment: Moment
    profile: Profile
    _begun: float = 0.0
    _before: Snapshot = field(default_factory=lambda: Snapshot({}, frozenset()))
    _last: Snapshot = field(default_factory=lambda: Snapshot({}, frozenset()))

    def is_due(self, running: set[str], ended: set[str]) -> bool:
        """Whether to strike now; at the latest when the task has ended."""
        task = self.moment.task
        if task in ended:
            return True
        if task not in running:
            return False
        if not self._begun:
            self._begun = time.monotonic()
            self._before = self._last = snapshot(self.home)
        if self.moment.way == "time":
            seconds = self.profile[task].seconds * COLD
            return time.monotonic() - self._begun >= self.moment.share * seconds
        now, last = snapshot(self.home), self._last
        self._last = now
        commits = sum(now.commits.values()) - sum(self._before.commits.values())
        passed = int(self.moment.share * self.profile[task].commits)
        if self.moment.way == "commit":
            return commits > passed
        fresh = {path.rpartition("/")[0] for path in now.data - last.data}
        if self.moment.way == "merge":
            fresh &= self.profile[task].merged
        else:
            fresh = fresh if commits >= passed else set()
        return any(now.commits.get(name, 0) == last.commits.get(name, 0) for name in fresh)
