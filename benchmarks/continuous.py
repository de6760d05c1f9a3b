"""How long a transaction takes from a landing folder, or from a topic, to its decision, while they keep coming.

    python -m benchmarks.continuous [FOLDER] [--from files|kafka]
                                    [--seconds 300] [--per-second 500] [--history-days 30] [--interval 1]

FOLDER (or HANDBOOK_DATA) holds the handbook's Parquet files. Its first days are in silver and scored when it begins;
those that follow come as JSON lines. From files: a file a second, each whole by a rename. From kafka: ten times a
second a tenth of them, to a topic of a broker that is started. All streams go on side by side, as the notebook
score_stream runs them. A transaction has arrived when its file is renamed, or by its record's time in the topic, and is
decided when the commit that holds its score is there, by the times of the files in the tables' logs.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from benchmarks.catch_up import add_transactions, fill_silver
from benchmarks.features import silver_tables
from benchmarks.files_to_silver import SOURCE
from benchmarks.known_champion import champion
from benchmarks.measured import REPOSITORY, Goal, Measured, at_most, handbook_folder, show, show_cpu, temporary_lake
from benchmarks.processes import Watch
from common.bronze.ingest import ingest
from common.contracts.bronze import bronze_table
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import TRANSACTIONS
from common.contracts.table import Table
from common.gold.score_stream import score_on
from common.gold.transaction_scores import score_new
from common.ml.champion import Champion
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.lake import Lake
from common.storage.streams import Trigger
from common.storage.table_state import commits_in, log_folder

GOAL_SECONDS = 3
FIRST_DAY = pd.Timestamp("2018-04-01")
WARM_UP_FILES = 5
"""Files of a second that land, and are scored, before the clock starts: queries are slow when they are new."""

PATIENCE_SECONDS = 600
STAGES = ("bronze", "silver", "scores")


@dataclass(frozen=True)
class Load:
    """How much lands: so many transactions a second, for so many seconds, after so many days of history."""

    seconds: int
    per_second: int
    history_days: int
    interval_seconds: int


def write_files(source: Path, folder: Path, load: Load) -> list[Path]:
    """The files to land, one a second of warm-up and load, in their order."""
    rows = ds.dataset(source, format="parquet").to_table(
        filter=ds.field("TX_DATETIME") >= FIRST_DAY + pd.Timedelta(days=load.history_days)
    )
    files = []
    for number in range(WARM_UP_FILES + load.seconds):
        part = rows.slice(number * load.per_second, load.per_second).to_pylist()
        if len(part) < load.per_second:
            sys.exit(f"the data hold no more than {rows.num_rows:,} transactions after the history")
        lines = [json.dumps(row | {"TX_DATETIME": row["TX_DATETIME"].isoformat()}) for row in part]
        files.append(folder / f"{number:06d}.jsonl")
        files[-1].write_text("\n".join(lines))
    return files


def land(files: Sequence[Path], folder: Path, *, pause_seconds: float) -> dict[str, float]:
    """Renames the files into the folder, one after each pause; when each arrived, by name."""
    arrived, started = {}, time.time()
    for number, file in enumerate(files):
        time.sleep(max(0.0, started + number * pause_seconds - time.time()))
        file.rename(folder / file.name)
        arrived[file.name] = time.time()
    return arrived


TOPIC, PARTITIONS = "transactions", 4
PORTIONS = 10
"""Parts of a second's transactions that are sent to a topic, one after the other."""


def send(files: Sequence[Path], servers: str) -> dict[str, float]:
    """Sends the files' lines to the topic, a file a second; when each transaction arrived, by its id."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": servers})
    seconds = [[(str(json.loads(line)["TRANSACTION_ID"]), line) for line in f.read_text().splitlines()] for f in files]
    arrived, started = {}, time.time()
    for number, rows in enumerate(seconds):
        for part in range(PORTIONS):
            time.sleep(max(0.0, started + number + part / PORTIONS - time.time()))
            now = time.time()
            for place in range(part, len(rows), PORTIONS):
                name, line = rows[place]
                producer.produce(TOPIC, line, name, partition=place % PARTITIONS, timestamp=int(now * 1000))
                arrived[name] = now
            producer.poll(0)
    producer.flush()
    return arrived


@contextmanager
def broker() -> Iterator[str]:
    """The address of a broker with the topic, as the tests start it."""
    sys.path.append(str(REPOSITORY / "tests"))
    from tempfile import TemporaryDirectory

    from servers.kafka import Broker

    with TemporaryDirectory(prefix="lakehouse-bench-kafka-") as folder:
        started = Broker(Path(folder) / "broker")
        try:
            started.start().create(TOPIC, PARTITIONS)
            yield started.servers
        finally:
            started.stop()


def source_of(servers: str) -> dict[str, Any]:
    """The source of the files, whose records come from the topic."""
    into = Source.model_validate(SOURCE).feeds["transactions"].model_dump(include={"into"})["into"]
    feed = {"reader": "kafka", "connection": "broker", "topic": TOPIC, "into": into}
    return SOURCE | {"connections": {"broker": {"kind": "kafka", "servers": servers}}, "feeds": {"transactions": feed}}


def commit_times(log: Path) -> dict[str, float]:
    """When each data file of a table became visible: the time at which the commit that adds it was written."""
    found = {}
    for version in commits_in(log):
        commit = log / f"{version:020d}.json"
        for line in commit.read_text(encoding="utf-8").splitlines():
            if path := (json.loads(line).get("add") or {}).get("path"):
                found[Path(path).name] = commit.stat().st_mtime
    return found


def visible_at(lake: Lake, table: Table, key: str) -> "pd.Series[float]":
    """When each row of a table became visible, by the value of `key`."""
    log = log_folder(lake.settings, table.name)
    if log is None:
        sys.exit("the tables' logs can't be read as files: unset SPARK_REMOTE")
    rows = lake.table(table).selectExpr(f"{key} AS name", "_metadata.file_name AS file").toPandas()
    return pd.Series(rows["file"].map(commit_times(log)).to_numpy("float64"), index=rows["name"].to_numpy())


def waits(arrived: "pd.Series[float]", visible: Mapping[str, "pd.Series[float]"]) -> dict[str, np.ndarray]:
    """Seconds that each transaction took, by stage and from arrival to decision; NaN where it didn't get so far.

    Args:
        arrived: when each transaction landed, by its id.
        visible: by stage, in their order, when it became visible there, by its id; `scores` among them.

    """
    times = pd.DataFrame({"landing": arrived, **{name: at.reindex(arrived.index) for name, at in visible.items()}})
    names = list(times)
    steps = {f"{one} to {two}": (times[two] - times[one]).to_numpy() for one, two in pairwise(names)}
    return {**steps, "arrival to decision": (times["scores"] - times["landing"]).to_numpy()}


class Chain:
    """The streams, going on in a thread of their own until they are stopped."""

    def __init__(self, lake: Lake, source: Source, model: Champion, trigger: Trigger) -> None:
        self._lake, self.error = lake, ""
        self._thread = threading.Thread(target=self._run, args=(source, model, trigger), daemon=True)
        self._thread.start()

    def _run(self, source: Source, model: Champion, trigger: Trigger) -> None:
        try:
            score_on(self._lake, source, model, trigger)
        except Exception as error:  # reported by the thread that waits
            self.error = str(error)

    def wait_for(self, rows: int) -> float:
        """Seconds until so many rows are in gold.transaction_scores."""
        started = time.time()
        while (there := self._lake.table(TRANSACTION_SCORES).count()) < rows:
            if self.error or time.time() - started > PATIENCE_SECONDS:
                sys.exit(f"{there:,} of {rows:,} transactions were scored: {self.error or 'out of patience'}")
            time.sleep(1)
        return time.time() - started

    def stop(self) -> dict[str, pd.DataFrame]:
        """Ends the queries; milliseconds of each one's last micro-batches that had rows, in columns by part of them.

        They are named by what the query reads.
        """
        spent = {}
        for query in self._lake.spark.streams.active:
            # By attribute: as an item, a number of rows is missing over Connect.
            progress = [each for each in query.recentProgress if each.numInputRows]
            if progress:
                name = " and ".join(source.description for source in progress[-1].sources)
                spent[name] = pd.DataFrame([dict(each.durationMs) for each in progress])
            query.stop()
        self._thread.join()
        return spent


def main() -> None:
    """Measures and prints; says why where the data are absent."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--from", dest="reader", choices=("files", "kafka"), default="files")
    for name, default in (("seconds", 300), ("per-second", 500), ("history-days", 30), ("interval", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    load = Load(given.seconds, given.per_second, given.history_days, given.interval)
    sys.argv = sys.argv[:1] + ([given.folder] if given.folder else [])
    data = handbook_folder()
    if given.reader == "files":
        measure(data, load, SOURCE)
        return
    with broker() as servers:
        measure(data, load, source_of(servers), servers)


def measure(data: Path, load: Load, declared: Mapping[str, Any], servers: str = "") -> None:
    """Measures and prints, with files, or with the topic of a broker."""
    source = Source.model_validate(declared)
    model = champion(data)
    with temporary_lake(source.jars) as lake:
        home = lake.settings.home
        prepared, landing = home / "prepared", Path(lake.settings.landing, "lines")
        prepared.mkdir()
        landing.mkdir(parents=True)
        deliver: Callable[[Sequence[Path]], dict[str, float]]
        deliver = partial(send, servers=servers) if servers else partial(land, folder=landing, pause_seconds=1)
        silver_tables(data, prepared)
        last = FIRST_DAY + pd.Timedelta(days=load.history_days)
        fill_silver(lake, prepared)
        add_transactions(lake, prepared, f"event_date >= '2018-04-02' AND event_date < '{last:%Y-%m-%d}'")
        score_new(lake, model)
        history = lake.table(TRANSACTION_SCORES).count()
        files = write_files(data, prepared, load)
        chain = Chain(lake, source, model, Trigger("processing_time", load.interval_seconds))
        deliver(files[:WARM_UP_FILES])
        chain.wait_for(history + WARM_UP_FILES * load.per_second)
        before = {name: lake.version(table) for name, table in _tables().items()}
        watch, started = Watch(home), time.perf_counter()
        arrived = deliver(files[WARM_UP_FILES:])
        scored = lake.table(TRANSACTION_SCORES).count()
        behind = chain.wait_for(history + len(files) * load.per_second)
        seconds, cpu_seconds = time.perf_counter() - started, watch.stop()
        commits = {name: lake.version(table) - before[name] for name, table in _tables().items()}
        batches = chain.stop()
        _end(lake, source, model, history + len(files) * load.per_second)
        found = _waits(lake, arrived, of_topic=bool(servers))
    backlog = history + len(files) * load.per_second - scored
    run = Measured(seconds, watch.peak_bytes, cpu_seconds)
    _report(load, found, commits, backlog, behind)
    for name, spent in batches.items():
        whole, parts = spent["triggerExecution"], spent.drop(columns="triggerExecution").median()
        print(f"{name}: {len(spent)} micro-batches, median {whole.median():,.0f} ms, longest {whole.max():,.0f} ms")
        print("  of which median " + ", ".join(f"{part} {milliseconds:,.0f}" for part, milliseconds in parts.items()))
    show_cpu("What it took", {"going on": run})


def _end(lake: Lake, source: Source, model: Champion, rows: int) -> None:
    """Takes the rest to silver and scores, as the main job does after the streams, and checks that each is there once.

    Raises:
        SystemExit: one is missing or doubled.
    """
    ingest(lake, source)
    refine(lake, source, "transactions")
    score_new(lake, model)
    for table in (TRANSACTIONS, TRANSACTION_SCORES):
        ids = lake.table(table).select("transaction_id")
        if (found := (ids.count(), ids.distinct().count())) != (rows, rows):
            sys.exit(f"{table.name}: {found[0]:,} rows of {found[1]:,} transactions, and there are {rows:,}")


def _tables() -> dict[str, Table]:
    return dict(zip(STAGES, (bronze_table("transactions"), TRANSACTIONS, TRANSACTION_SCORES), strict=True))


def _waits(lake: Lake, arrived: dict[str, float], *, of_topic: bool) -> dict[str, np.ndarray]:
    tables = _tables()
    accepted = lake.table(TRANSACTIONS).selectExpr("record_id", "transaction_id").toPandas().dropna()
    ids = pd.Series(accepted["record_id"].to_numpy(), index=accepted["transaction_id"])
    if of_topic:
        record_arrived = pd.Series(arrived)
        record_arrived.index = ids.reindex(record_arrived.index)
    else:
        places = lake.table(tables["bronze"]).selectExpr("record_id", "source_ref").toPandas()
        files = places["source_ref"].str.rpartition("#")[0].map(lambda path: Path(path).name)
        record_arrived = pd.Series(files.map(arrived).to_numpy("float64"), index=places["record_id"].to_numpy())
        record_arrived = record_arrived.dropna()
    scores = visible_at(lake, TRANSACTION_SCORES, "transaction_id")
    scores.index = ids.reindex(scores.index)
    visible = {
        "bronze": visible_at(lake, tables["bronze"], "record_id"),
        "silver": visible_at(lake, TRANSACTIONS, "record_id").loc[lambda at: at.index.notna()],
        "scores": scores.loc[scores.index.notna()],
    }
    if of_topic:  # decided first
        visible = {"scores": visible.pop("scores"), **visible}
    return waits(record_arrived, visible)


def _report(load: Load, found: dict[str, np.ndarray], commits: dict[str, int], backlog: int, behind: float) -> None:
    def words(seconds: np.ndarray) -> str:
        return " / ".join(f"{value:.1f}" for value in (*np.percentile(seconds, (50, 99)), seconds.max()))

    total = found["arrival to decision"]
    show(
        f"{load.per_second} transactions a second for {load.seconds} s, after {load.history_days} days of history",
        [
            *(Goal(f"{name}, s: median / 99 % / longest", words(taken), "", None) for name, taken in found.items()),
            at_most("arrival to decision, 99 %", float(np.percentile(total, 99)), GOAL_SECONDS, "s"),
            at_most("transactions not decided when the last file lands", backlog, 3 * load.per_second, ""),
            Goal("until those were decided", f"{behind:.1f} s", "", None),
            Goal("commits", ", ".join(f"{name} {number}" for name, number in commits.items()), "", None),
        ],
    )


if __name__ == "__main__":
    main()
