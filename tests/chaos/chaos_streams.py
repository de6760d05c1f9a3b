"""Feeds as far as silver, while their servers fail in mid-stream; then bronze and silver are compared."""

import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from unittest import mock

from chaos_pulls import Report, drawn_faults, unclear
from servers_world import PULLED, STREAMED, Servers, addresses, differences, servers_in

from common.bronze.ingest import ingest, pull
from common.bronze.unread import check_feeds
from common.checks.conservation import accounted
from common.checks.findings import failure
from common.contracts.bronze import bronze_table
from common.contracts.silver import TRANSACTIONS
from common.errors import FeedError
from common.silver.refine import refine
from common.sources.declaration import Source
from common.sources.kafka import connecting, patience
from common.sources.pulling import retries
from common.storage.lake import Lake

ALL = (*PULLED, *STREAMED)
SHORT = (*STREAMED, "events")
WAIT_SECONDS = 20.0
"""A fault comes in mid-stream, or so long after the run began."""
LONGEST_SECONDS = 1.5

Fault = tuple[Callable[[], None], Callable[[], None]]
"""What does it, and what ends it."""


def run(
    lake: Lake,
    folder: Path,
    seed: int,
    faults: int | Sequence[str],
    *,
    feeds: Sequence[str] = SHORT,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """A run of the feeds for each fault, these or so many drawn from a seed; then all is calm, and it is compared."""
    chance, report = random.Random(seed), Report()
    with ExitStack() as stack:
        for module, name, value in (
            (retries, "FIRST_PAUSE_SECONDS", 0.05),
            (patience, "PATIENCE_SECONDS", 3.0),
            (connecting, "REQUEST_MS", 3_000),
            (connecting, "WHOLE_CALL_MS", 5_000),
        ):
            stack.enter_context(mock.patch.object(module, name, value))
        servers = stack.enter_context(servers_in(folder, chance, feeds))
        source = Source.model_validate(servers.declaration())
        named = addresses(servers)
        servers.send()
        names = drawn_faults(chance, [*servers.faults], faults) if isinstance(faults, int) else faults
        for name in names:
            servers.send()
            begun = time.monotonic()
            seconds = chance.uniform(0.1, LONGEST_SECONDS)
            words, was_struck = _disturbed(lake, source, servers.faults[name], seconds, name)
            report.words += words
            report.faults[name] += was_struck
            tell(f"{report.faults.total():4} {name}, {time.monotonic() - begun:.0f} s")
        ingest(lake, source, pulled=pull(lake, source, _silent))
        if (error := failure(check_feeds(source, lake.settings))) is not None:
            report.problems.append(f"when all is calm: {error}")
        refine(lake, source, "transactions")
        report.problems += _compared(lake, servers)
        report.problems += unclear(report.words, named)
        report.sent = sum(map(len, servers.sent.values()))
    return report


def _disturbed(
    lake: Lake, source: Source, fault: Fault, seconds: float, name: str
) -> tuple[list[tuple[str, str]], bool]:
    """Ingests while a fault comes and goes; what was said of feeds, and whether the fault came before the end.

    A refusal lasts as long as the run does: what is connected already is refused nothing.
    """
    begin, end = fault
    ended, struck = threading.Event(), threading.Event()
    failures: list[BaseException] = []
    before, refuses = _progress(lake, source), "refuses" in name
    if refuses:
        begin()
        struck.set()

    def strike() -> None:
        try:
            until = time.monotonic() + WAIT_SECONDS
            while not ended.is_set() and time.monotonic() < until and _progress(lake, source) == before:
                time.sleep(0.02)
            if not refuses and not ended.is_set():
                struck.set()
                begin()
            ended.wait(None if refuses else seconds)
        except BaseException as error:  # raised again where it is seen
            failures.append(error)
        finally:
            if struck.is_set():
                end()

    striking = threading.Thread(target=strike)
    striking.start()
    words: list[str] = []
    try:
        with suppress(FeedError):  # none could be read: that is noted, too
            ingest(lake, source, pulled=pull(lake, source, words.append))
    finally:
        ended.set()
        striking.join()
    if failures:
        raise failures[0]
    unread = [finding for finding in check_feeds(source, lake.settings) if finding.failed]
    told = [(text.partition(":")[0], text) for text in words]
    told += [(finding.subject.removeprefix("bronze."), f"FAILED {finding.details}") for finding in unread]
    return told, struck.is_set()


def _progress(lake: Lake, source: Source) -> list[int]:
    """Micro-batches that were begun, by feed."""
    places = [Path(source.at(name, lake.settings).checkpoint, "offsets") for name in source.feeds]
    return [len(list(place.glob("[0-9]*"))) for place in places]


def _compared(lake: Lake, servers: Servers) -> list[str]:
    found: dict[str, list[tuple[str, int]]] = {}
    problems = []
    for feed in servers.feeds:
        rows = lake.table(bronze_table(feed)).select("source_ref", "payload", "read_error").collect()
        problems += [
            f"{feed}: {row['source_ref']} was refused: {row['read_error']}" for row in rows if row["read_error"]
        ]
        found[feed] = [(row["source_ref"], int(json.loads(row["payload"])["n"])) for row in rows if row["payload"]]
    problems += differences(servers.sent, found)
    accepted = sorted(int(row[0]) for row in lake.table(TRANSACTIONS).select("transaction_id").collect())
    sent = sorted(number for numbers in servers.sent.values() for number in numbers)
    if accepted != sent:
        problems.append(f"silver has {len(accepted):,} transactions, and {len(sent):,} were sent")
    return problems + [f"{row.asDict()}" for row in accounted(lake).collect() if not row["holds"]]


def _silent(_: str) -> None:
    """Says nothing."""
