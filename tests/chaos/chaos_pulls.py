"""Pulled feeds under fire: their process is killed, servers too, lines are cut; then what was landed is compared."""

import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from servers_world import addresses, differences, landed, servers_in

from common.errors import LakehouseError
from common.settings import Settings
from common.sources.declaration import Source
from common.sources.pulling import retries

LONGEST_PAUSE_SECONDS = 0.4
"""Between two faults: pulls of these small worlds take less."""
KILL = "the pulling process killed"


@dataclass
class Report:
    """Faults by name, what was told of feeds, how many records were sent, and what is wrong."""

    faults: Counter[str] = field(default_factory=Counter)
    words: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0
    problems: list[str] = field(default_factory=list)


class Process:
    """The process that pulls; what it says goes to a file, which outlives kills."""

    def __init__(self, folder: Path, declaration: Path) -> None:
        self.output = folder / "words.jsonl"
        self._errors = folder / "errors.log"
        self._command = [sys.executable, str(Path(__file__).with_name("chaos_puller.py")), str(declaration)]
        self._command.append(str(folder / "home"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it pulls."""
        before = self.output.stat().st_size if self.output.exists() else 0
        with self.output.open("ab") as output, self._errors.open("ab") as errors:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=errors, env={**os.environ})
        while self.output.stat().st_size <= before:
            if self._process.poll() is not None:
                raise RuntimeError(f"the puller ended by itself:\n{self._errors.read_text()[-2000:]}")
            time.sleep(0.01)

    def kill(self) -> None:
        """Kills it, where it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ended_itself(self) -> str:
        """Why it is no longer there; empty where it is."""
        is_gone = self._process is not None and self._process.poll() is not None
        return self._errors.read_text()[-2000:] if is_gone else ""

    def words(self) -> list[tuple[str, str]]:
        """What it said of each feed; a line that a kill cut is left out."""
        told = []
        for line in self.output.read_text().splitlines():
            try:
                feed, words = json.loads(line)
            except ValueError:
                continue
            told.append((feed, words))
        return told


def run(folder: Path, seed: int, faults: int, tell: Callable[[str], None] = lambda _: None) -> Report:
    """So many faults drawn from a seed, each while records are sent and pulled; then all is calm, and compared."""
    chance, report = random.Random(seed), Report()
    folder.mkdir(parents=True, exist_ok=True)
    with servers_in(folder, chance) as servers:
        declaration = folder / "source.json"
        declaration.write_text(json.dumps(servers.declaration()))
        process = Process(folder, declaration)
        process.start()
        try:
            for name in drawn_faults(chance, [*servers.faults, KILL, KILL], faults):
                servers.send()
                time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
                if name == KILL:
                    process.kill()
                    process.start()
                else:
                    begin, end = servers.faults[name]
                    begin()
                    time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
                    end()
                report.faults[name] += 1
                tell(f"{report.faults.total():4} {name}")
                if trace := process.ended_itself():
                    report.problems.append(f"after {name} the puller ended: {trace}")
                    process.start()
        finally:
            process.kill()
        source, settings = Source.model_validate(servers.declaration()), _settings(folder)
        report.problems += _calm(source, settings)
        report.problems += differences(servers.sent, landed(source, settings))
        report.words = process.words()
        report.problems += unclear(report.words, addresses(servers))
        report.sent = sum(map(len, servers.sent.values()))
    return report


def drawn_faults(chance: random.Random, names: list[str], count: int) -> list[str]:
    """All of them before any comes again."""
    drawn: list[str] = []
    while len(drawn) < count:
        drawn += chance.sample(names, len(names))
    return drawn[:count]


def _settings(folder: Path) -> Settings:
    return Settings(folder / "home", landing_folder=str(folder / "home" / "landing"))


def _calm(source: Source, settings: Settings) -> list[str]:
    """Pulls what is left with nobody in the way, and once more: then nothing may be new."""
    with mock.patch.object(retries, "FIRST_PAUSE_SECONDS", 0.05):
        for name in source.feeds:
            try:
                source.feeds[name].pull(source.at(name, settings))
            except LakehouseError as error:
                return [f"{name} can't be pulled when all is calm: {error}"]
        again = {name: source.feeds[name].pull(source.at(name, settings)) for name in source.feeds}
    return [f"{name}: {files} files were pulled with nothing new" for name, files in again.items() if files]


def unclear(words: list[tuple[str, str]], named: dict[str, str]) -> list[str]:
    """Failures and tries that don't name the server, or go on for ever."""
    problems = []
    for feed, text in words:
        is_of_server = text.startswith("FAILED") or "attempt" in text
        if feed in named and is_of_server and named[feed] not in text:
            problems.append(f"{feed}: the message doesn't name the server: {text}")
        if (attempt := re.search(r"attempt (\d+) of (\d+)", text)) and int(attempt[1]) > int(attempt[2]):
            problems.append(f"{feed}: tried for ever: {text}")
    return sorted(set(problems))
