"""The world, day by day: what changes, who pays what, who steals what, and the files that record it.

Nothing is carried over between two calls: a later call makes the earlier days' changes again, and the payments of
those days whose late records and reports are still on their way. So 119 days and 1 are the same as 120.
"""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from local.simulate import changes
from local.simulate.arrivals import Arrival, Dirt
from local.simulate.changes import ENTITIES, evolve
from local.simulate.encoding import ACCOUNT_SCHEMA, csv_of, gzipped, json_array_of, parquet_of
from local.simulate.fraud import Fraudsters
from local.simulate.landing import Landing
from local.simulate.payments import MECHANISMS, Payments
from local.simulate.population import population_of
from local.simulate.reference_feed import ReferenceFeed
from local.simulate.reference_records import Record
from local.simulate.reports_feed import LATEST_DAYS, ReportsFeed
from local.simulate.settings import World, WorldSettingsError
from local.simulate.spending import genuine_payments
from local.simulate.summary import SimulationSummary
from local.simulate.transaction_feed import TransactionFeed

_DAYS_STILL_ARRIVING = LATEST_DAYS + 7
_FRAUD_SCHEMA = pa.schema([("transaction_id", pa.string()), ("mechanism", pa.string())])
_LABELS_SCHEMA = pa.schema([("transaction_id", pa.string()), ("kind", pa.string())])
_DIRT_SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("file", pa.string()),
        ("record", pa.int64()),
        ("key", pa.string()),
        ("kind", pa.string()),
        ("outcome", pa.string()),
    ]
)


def simulate(landing: Path, world: World, days: int | None = None) -> SimulationSummary:
    """Adds the next days of a world to a landing folder.

    Args:
        landing: The folder; files go to `landing/simulated/ENTITY/`, the truth to `landing/simulated/.world/truth/`,
            three files a call, named by its first day: `fraud-*.parquet` (transaction_id, mechanism),
            `labels-*.parquet` (transaction_id, kind: unreported, friendly_fraud or withdrawn) and `dirt-*.parquet`
            (entity, file, record from 1, key, kind, outcome: accepted, duplicate or quarantined).
        world: The settings; those of the world that is there, where there is one (see `existing_world`).
        days: How many days to add; None: as many as are missing to `world.days`.

    Returns:
        What was written, in figures.

    Raises:
        WorldSettingsError: the folder holds a world with other settings, or days would lie in the future.

    """
    place = Landing(landing)
    done = place.days_done(world)
    until = max(done, world.days) if days is None else done + days
    if days is not None and days < 1:
        raise WorldSettingsError(f"days={days}: must be 1 or more")
    if until > done and world.day(until - 1) > datetime.now(UTC).date():
        raise WorldSettingsError(
            f"{until} days from {world.start_day} end on {world.day(until - 1)}, in the future, and records of "
            "the future are quarantined; make fewer days, or begin a new world with an earlier start_day"
        )
    return _Simulation(place, world).run(done, until)


def existing_world(landing: Path) -> tuple[World, int] | None:
    """The settings of the world in a landing folder and the number of its days; None where there is none.

    Raises:
        WorldSettingsError: its state can't be read.

    """
    return Landing(landing).state()


class _Simulation:
    def __init__(self, landing: Landing, world: World) -> None:
        self._landing, self._world = landing, world
        self._summary = SimulationSummary(landing.folder)
        self._dirt: list[Dirt] = []
        self._frauds: list[pa.Table] = []
        self._mislabelled: list[tuple[str, str]] = []

    def run(self, done: int, until: int) -> SimulationSummary:
        """Makes the days from `done` on, up to but not including `until`."""
        if until <= done:
            return self._summary
        # Noted before the first file, so that a run cut short is gone on with by the same settings: the days after
        # `done` are then written again, the same to the byte.
        self._landing.save_state(self._world, done)
        population = population_of(self._world)
        fraudsters = Fraudsters(population)
        transactions = TransactionFeed(population)
        reports = ReportsFeed(self._world)
        references = {entity: ReferenceFeed(population, entity) for entity in ENTITIES}
        for day in range(until):
            is_new = day >= done
            date = self._world.day(day).isoformat()
            news = evolve(population, day) if day else changes.first_day(population)
            for entity, feed in references.items():
                batch = feed.day(news, day, self._name(entity, day))
                if is_new and batch.records:
                    self._write_reference(entity, date, batch.records)
                    self._note(batch.dirt)
            if day < done - _DAYS_STILL_ARRIVING:
                continue
            payments = fraudsters.strike(genuine_payments(population, day), day)
            ids = transactions.ids(payments, day)
            file = transactions.file(payments, ids, day, self._name("transactions", day))
            reported = reports.file(payments, ids, day)
            if is_new:
                content = gzipped(file.content) if self._is_gzipped(day) else file.content
                if content:
                    self._write("transactions", date, self._extension("transactions", day), content, file.records)
                self._note(file.dirt)
                self._write_reports(date, reported.arrived)
                self._note_frauds(payments, ids)
                self._mislabelled += reported.mislabelled
                self._summary.labels.update(kind for _, kind in reported.mislabelled)
                self._summary.last_day = date
                self._summary.first_day = self._summary.first_day or date
                self._summary.days += 1
        self._write_truth()
        self._landing.save_state(self._world, until)
        return self._summary

    def _is_gzipped(self, day: int) -> bool:
        every = self._world.gzip_every_days
        return every > 0 and day % every == 0

    def _extension(self, entity: str, day: int) -> str:
        if entity == "transactions":
            return "jsonl.gz" if self._is_gzipped(day) else "jsonl"
        return _EXTENSIONS[entity]

    def _name(self, entity: str, day: int) -> str:
        return f"{entity}-{self._world.day(day)}.{self._extension(entity, day)}"

    def _write(self, entity: str, date: str, extension: str, content: bytes, records: int) -> None:
        self._landing.write(entity, date, extension, content)
        self._summary.records[entity] += records

    def _write_reference(self, entity: str, date: str, records: list[Record]) -> None:
        self._write(entity, date, _EXTENSIONS[entity], _encoded(entity, records), len(records))

    def _write_reports(self, date: str, arrived: list[Arrival]) -> None:
        if not arrived:
            return
        content = "".join(arrival.text for arrival in arrived).encode()
        name = f"fraud_reports-{date}.{_EXTENSIONS['fraud_reports']}"
        self._write("fraud_reports", date, _EXTENSIONS["fraud_reports"], content, len(arrived))
        self._note(
            [
                Dirt("fraud_reports", name, number, arrival.key, arrival.kind, arrival.outcome)
                for number, arrival in enumerate(arrived, start=1)
                if arrival.kind
            ]
        )

    def _note(self, dirt: list[Dirt]) -> None:
        self._summary.dirt.update(each.kind for each in dirt)
        self._dirt.extend(dirt)

    def _note_frauds(self, payments: Payments, ids: pa.Array) -> None:
        rows = payments.is_fraud.nonzero()[0]
        mechanisms = [MECHANISMS[code] for code in payments.mechanism[rows].tolist()]
        self._summary.frauds.update(mechanisms)
        self._summary.transactions += len(payments)
        self._frauds.append(pa.table([ids.take(pa.array(rows)), mechanisms], schema=_FRAUD_SCHEMA))

    def _write_truth(self) -> None:
        dirt = pa.table([[getattr(each, name) for each in self._dirt] for name in _DIRT_SCHEMA.names], _DIRT_SCHEMA)
        self._landing.write_truth("fraud", self._summary.first_day, parquet_of(pa.concat_tables(self._frauds)))
        labels = pa.table([list(column) for column in zip(*self._mislabelled, strict=True)] or [[], []], _LABELS_SCHEMA)
        self._landing.write_truth("labels", self._summary.first_day, parquet_of(labels))
        self._landing.write_truth("dirt", self._summary.first_day, parquet_of(dirt))


_EXTENSIONS = {
    "customers": "csv",
    "accounts": "parquet",
    "merchants": "json",
    "terminals": "csv",
    "fraud_reports": "jsonl",
}


def _encoded(entity: str, records: list[Record]) -> bytes:
    if entity == "accounts":
        return parquet_of(pa.Table.from_pylist(records, schema=ACCOUNT_SCHEMA))
    if entity == "merchants":
        return json_array_of(records)
    return csv_of(records, ";" if entity == "terminals" else ",")
