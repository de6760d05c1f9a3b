"""The marts, kept up to date by one stream: what their notebook runs.

A table of `contracts.marts` is a mart, and the module of its name declares how it is made (`MART`).
"""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import date

from pyspark.sql import DataFrame

import common.contracts.marts
from common.checks.extents import extents
from common.contracts.table import Table
from common.features.reach import Stretch, stretches, within
from common.gold.mart import Mart, Read
from common.gold.touched import READ, days_of_month, mart_arrivals, touched_days
from common.result import Result
from common.storage.checkpoints import check_checkpoint
from common.storage.difference import difference
from common.storage.lake import Lake, Once
from common.storage.last_success import Step
from common.storage.streams import AVAILABLE_NOW, Trigger, batch_query, run_queries


def _declared() -> tuple[Mart, ...]:
    tables = (value for value in vars(common.contracts.marts).values() if isinstance(value, Table))
    return tuple(importlib.import_module(f"common.gold.{table.short_name}").MART for table in tables)


DECLARED = _declared()
MARTS = tuple(mart.table for mart in DECLARED)


STEP = Step(
    "gold.marts",
    reads=tuple(table.name for table in READ),
    writes=tuple(table.name for table in MARTS),
    streams=("gold/marts",),
)


def build_marts(lake: Lake, trigger: Trigger = AVAILABLE_NOW) -> Result:
    """Brings the marts up to date, reading only what something new concerns; returns the rows of each, by name.

    Raises:
        CheckpointError: a mart is gone, and the stream that fills it is not at its start.
    """
    checkpoint = lake.settings.checkpoint("gold", "marts")
    for table in MARTS:
        check_checkpoint(lake, table, checkpoint)
    lake.ensure(*READ, *MARTS)
    rows = mart_arrivals({table.name: lake.stream(table) for table in READ})
    run_queries([batch_query(lake, rows, checkpoint, update_marts, trigger)])
    return Result(facts={"rows of marts": {name: extent.rows for name, extent in extents(lake, MARTS).items()}})


def update_marts(lake: Lake, batch: DataFrame, _: Once) -> None:
    """Updates the marts for a batch of `mart_arrivals`."""
    if days := touched_days(lake, batch):
        recompute_marts(lake, days)


def recompute_marts(lake: Lake, days: list[date]) -> None:
    """Brings the rows about these days, and about their months, up to date with the tables of this moment.

    All marts are computed by one query; what differs is written to those that have something.
    """
    concerned = {mart.table.name: _concerned(lake, mart, days) for mart in DECLARED}
    with ExitStack() as kept:
        rows = {read: kept.enter_context(_read_once(lake, read, concerned)) for read in _reads()}
        lake.apply_all(
            {mart.table: _difference(lake, mart, rows[mart.read], concerned[mart.table.name]) for mart in DECLARED}
        )


def _difference(lake: Lake, mart: Mart, rows: DataFrame, concerned: list[Stretch]) -> DataFrame:
    derived = mart.rows(rows.where(within("event_date", concerned)))
    existing = lake.table(mart.table).where(within(mart.period, concerned))
    return difference(derived, existing, mart.table)


def _concerned(lake: Lake, mart: Mart, days: list[date]) -> list[Stretch]:
    """The days, or the whole months, whose rows may have to change in the mart."""
    if mart.by == "month":
        return stretches(map(days_of_month, days))
    opened: set[date] = set()
    if mart.open_rows:
        found = lake.table(mart.table).where(mart.open_rows).select(mart.period).distinct().collect()
        opened = {row[mart.period] for row in found}
    return stretches((day, day) for day in {*days, *opened})


def _reads() -> list[Read]:
    return list(dict.fromkeys(mart.read for mart in DECLARED))


@contextmanager
def _read_once(lake: Lake, read: Read, concerned: Mapping[str, list[Stretch]]) -> Iterator[DataFrame]:
    """What marts are summed up from, for all their days; kept in files where several marts read it."""
    marts = [mart for mart in DECLARED if mart.read is read]
    rows = read(lake, stretches(stretch for mart in marts for stretch in concerned[mart.table.name]))
    with lake.staged(rows, "marts.read") if len(marts) > 1 else nullcontext(rows) as kept:
        yield kept
