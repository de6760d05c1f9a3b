"""The star schema against a point-in-time join in plain Python, whatever the order of arrival."""

import hashlib
import json
import random
from collections.abc import Iterable
from datetime import date, datetime
from itertools import count
from typing import Any

import pytest
from gold_worlds import CONTENT, Change, Report, Row, Transaction, append, at, contents, frames, micros, rows_of
from pyspark.sql import DataFrame

from common.contracts.silver import REFERENCES
from common.contracts.star import DIM_DATE, DIMENSIONS, FACT_FRAUD_REPORT, FACT_TRANSACTION
from common.contracts.table import Table
from common.gold.dimensions import add_unknown_members
from common.gold.star_schema import READ, STAR, build_star_schema, star_arrivals, update_star
from common.silver.history import versions
from common.storage.lake import Lake, Once

pytestmark = pytest.mark.spark

Built = dict[str, list[dict[str, Any]]]

_KEYS = [f"{entity}_key" for entity in CONTENT]
_WORLDS = 20
_batches = count()


def a_world(name: str, chance: random.Random) -> list[Row]:
    """Transactions of a few days and reports of some, with changes before, between and at the very times of them.

    One report is withdrawn, at the same moment or later, and one id of each entity changes twice at one moment.
    """
    times = [at(chance.randrange(6), micros=chance.choice((0, 0, 1, -1))) for _ in range(8)]
    rows: list[Row] = []
    for number in range(8):
        ids = {f"{e}_id": None if chance.random() < 0.1 else f"{name}{e[0]}{chance.randrange(2)}" for e in CONTENT}
        rows.append(Transaction(f"{name}t{number}", chance.choice(times), **ids))
    for entity in CONTENT:
        for moment in chance.sample(sorted(set(times)), k=3):
            id_ = f"{name}{entity[0]}{chance.randrange(2)}"
            rows.append(Change(entity, id_, moment, chance.choice("ab"), chance.random() < 0.2))
        rows.append(Change(entity, id_, moment, "c"))
    rows += [Report(f"{name}t1", at(2)), Report(f"{name}t1", at(2 + chance.choice((0, 3))), is_fraud=False)]
    rows += [Report(f"{name}t{n}", at(chance.randrange(8)), chance.random() < 0.8) for n in range(0, 10, 2)]
    return rows


def the_worlds() -> list[Row]:
    chance = random.Random(20260105)
    return [row for world in range(_WORLDS) for row in a_world(f"w{world}", chance)]


def process(lake: Lake, rows: Iterable[Row]) -> None:
    update_star(lake, star_arrivals(frames(lake, rows)), Once("test", next(_batches)))


@pytest.fixture(scope="module")
def built(lake: Lake) -> Built:
    """What the worlds make when they arrive in two shuffled parts, of which one is processed twice.

    Beside the star, silver's histories of the same changes, and the versions of the star's tables before and after.
    """
    rows = the_worlds()
    shuffled = random.Random(7).sample(rows, k=len(rows))
    half = len(rows) // 2
    parts = shuffled[:half], shuffled[half:]
    lake.ensure(*READ, *STAR)
    add_unknown_members(lake)
    for part in parts:
        append(lake, part)
        process(lake, part)
    merged = [table for table in STAR if table is not FACT_TRANSACTION]
    before = [lake.version(table) for table in merged]
    # Under another number, so that it is the keys and not Delta's own memory that keep rows single. What is appended
    # to the facts is then nothing, in a commit of its own.
    process(lake, parts[0])
    after = [lake.version(table) for table in merged]
    histories = {
        reference.history.name: rows_of(versions(lake.table(reference.changes), reference), reference.history)
        for reference in REFERENCES.values()
    }
    return contents(lake, *STAR) | histories | {"versions": [{"before": before, "after": after}]}


def content_hash(change: Change) -> str:
    """The digest of what is versioned, by which changes of one moment are ordered."""
    content = {CONTENT[change.entity]: change.content, "is_deleted": change.is_deleted}
    return hashlib.md5(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def valid(changes: list[Change], moment: datetime) -> tuple[str, int, bool] | None:
    """Content, valid_from and deletion of the version at a moment, by reading the changes of one id one by one."""
    state: tuple[str, int, bool] | None = None
    for change in sorted(changes, key=lambda c: (c.changed_at, content_hash(c))):
        if change.changed_at <= moment and (
            state is None or (state[0], state[2]) != (change.content, change.is_deleted)
        ):
            state = (change.content, micros(change.changed_at), change.is_deleted)
    return state


@pytest.mark.parametrize("entity", CONTENT)
def test_facts_point_to_the_version_of_their_time(built: Built, entity: str) -> None:
    changes = [row for row in the_worlds() if isinstance(row, Change) and row.entity == entity]
    transactions = [row for row in the_worlds() if isinstance(row, Transaction)]
    expected = {
        row.transaction_id: valid([c for c in changes if c.id == getattr(row, f"{entity}_id")], row.event_time)
        for row in transactions
    }

    dimension = {row[f"{entity}_key"]: row for row in built[DIMENSIONS[entity].name]}
    facts = {row["transaction_id"]: dimension[row[f"{entity}_key"]] for row in built[FACT_TRANSACTION.name]}

    assert expected == {
        id_: None if row[f"{entity}_key"] == -1 else (row[CONTENT[entity]], row["valid_from"], row["is_deleted"])
        for id_, row in facts.items()
    }
    assert {version is None for version in expected.values()} == {True, False}
    assert {version[2] for version in expected.values() if version} == {True, False}


def test_facts_are_silvers_transactions(built: Built) -> None:
    transactions = {row.transaction_id: row for row in the_worlds() if isinstance(row, Transaction)}

    assert built[FACT_TRANSACTION.name] == [
        {
            "transaction_id": id_,
            "event_time": micros(row.event_time),
            "event_date": row.event_time.date(),
            "date_key": int(f"{row.event_time:%Y%m%d}"),
            **{f"{entity}_id": getattr(row, f"{entity}_id") for entity in CONTENT},
            **{key: found[key] for key in _KEYS},
            "currency": "EUR",
            "channel": "online",
            "country": "DE",
            "amount": row.amount_eur,
            "amount_eur": row.amount_eur,
        }
        for (id_, row), found in zip(sorted(transactions.items()), built[FACT_TRANSACTION.name], strict=True)
    ]


def test_reports_carry_what_is_known_of_their_transaction(built: Built) -> None:
    transactions = {row.transaction_id: row for row in the_worlds() if isinstance(row, Transaction)}
    facts = {row["transaction_id"]: row for row in built[FACT_TRANSACTION.name]}
    expected = []
    for report in {row for row in the_worlds() if isinstance(row, Report)}:
        of, fact = transactions.get(report.transaction_id), facts.get(report.transaction_id)
        expected.append(
            {
                "transaction_id": report.transaction_id,
                "is_fraud": report.is_fraud,
                "reported_at": micros(report.reported_at),
                "reported_date_key": int(f"{report.reported_at:%Y%m%d}"),
                "event_date": of and of.event_time.date(),
                "date_key": int(f"{of.event_time:%Y%m%d}") if of else -1,
                **{key: fact[key] if fact else -1 for key in _KEYS},
                "days_to_report": (report.reported_at - of.event_time).days if of else None,
                "amount_eur": of and of.amount_eur,
            }
        )

    assert built[FACT_FRAUD_REPORT.name] == sorted(
        expected, key=lambda row: (row["transaction_id"], row["reported_at"], row["is_fraud"])
    )
    assert {row["event_date"] is None for row in expected} == {True, False}
    assert len(expected) > len({row["transaction_id"] for row in expected})


@pytest.mark.parametrize("entity", CONTENT)
def test_a_dimension_holds_the_versions_of_silvers_history_under_keys_that_follow_from_them(
    built: Built, entity: str
) -> None:
    reference, key = REFERENCES[f"{entity}s"], f"{entity}_key"
    columns = DIMENSIONS[entity].column_names

    expected = []
    for version in built[reference.history.name]:
        text = f"{version[reference.key]}|{version['valid_from']}|{version['content_hash']}"
        digest = int(hashlib.md5(text.encode()).hexdigest()[:15], 16)
        expected.append({name: (version | {key: digest})[name] for name in columns})
    unknown = dict.fromkeys(columns) | {key: -1, "is_current": True, "is_deleted": False}
    assert built[DIMENSIONS[entity].name] == [unknown, *sorted(expected, key=lambda row: row[key])]
    assert len({row[key] for row in expected}) == len(expected) > _WORLDS
    assert any(row["valid_from"] == row["valid_to"] for row in expected)


def test_the_calendar_is_that_of_python(built: Built) -> None:
    unknown, *days = built[DIM_DATE.name]

    assert unknown == {"date_key": -1} | {name: None for name in DIM_DATE.column_names if name != "date_key"}
    assert [row["date"] for row in days] == [date.fromordinal(date(2026, 1, 1).toordinal() + n) for n in range(365)]
    for row in days:
        day: date = row["date"]
        assert row["date_key"] == int(f"{day:%Y%m%d}")
        assert (row["iso_year"], row["iso_week"], row["weekday"]) == tuple(day.isocalendar())
        assert (row["year"], row["month"], row["day"]) == (day.year, day.month, day.day)
        assert (row["month_name"], row["weekday_name"]) == (f"{day:%B}", f"{day:%A}")
        assert (row["quarter"], row["day_of_year"]) == ((day.month + 2) // 3, day.timetuple().tm_yday)
        assert (row["is_weekend"], row["month_start"]) == (day.isoweekday() > 5, day.replace(day=1))
        assert row["is_month_end"] == (date.fromordinal(day.toordinal() + 1).month != day.month)


def test_a_batch_may_be_run_again(built: Built) -> None:
    [version] = built["versions"]

    assert version["before"] == version["after"]


class Killed(Lake):
    """A lake whose process ends when the facts of transactions are written and those of reports are not."""

    def apply_changes(self, rows: DataFrame, table: Table) -> None:
        if table is FACT_FRAUD_REPORT:
            raise KeyboardInterrupt
        super().apply_changes(rows, table)


def test_a_kill_between_the_facts_of_transactions_and_of_reports_is_made_good(lake: Lake) -> None:
    lake.ensure(*READ, *STAR)
    early = [
        Transaction("kill-t", at(1), merchant_id="kill-M"),
        *(Report(id_, at(3)) for id_ in ("kill-t", "kill-u")),
    ]
    late = [Change("merchant", "kill-M", at(0)), Transaction("kill-u", at(2), merchant_id="kill-M")]
    append(lake, early)
    process(lake, early)
    append(lake, late)
    batch, once = star_arrivals(frames(lake, late)), Once("test", next(_batches))
    with pytest.raises(KeyboardInterrupt):
        update_star(Killed(lake.spark, lake.settings), batch, once)
    half = killed_rows(lake)
    update_star(lake, batch, once)
    mended = killed_rows(lake)

    for table, rows in _KILLED.items():
        lake.spark.sql(f"DELETE FROM {lake.full_name(table)} WHERE {rows}")
    process(lake, [*early, *late])
    assert mended == killed_rows(lake)
    facts, reports = FACT_TRANSACTION.name, FACT_FRAUD_REPORT.name
    assert (half[facts], len(half[facts])) == (mended[facts], 2)
    assert {row["merchant_key"] for row in half[reports]} == {-1}
    assert {row["merchant_key"] for row in mended[reports]} == {row["merchant_key"] for row in mended[facts]} != {-1}


_KILLED = {
    DIMENSIONS["merchant"]: "merchant_id = 'kill-M'",
    FACT_TRANSACTION: "merchant_id = 'kill-M'",
    FACT_FRAUD_REPORT: "transaction_id LIKE 'kill-%'",
}


def killed_rows(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    return {table.name: rows_of(lake.table(table).where(rows), table) for table, rows in _KILLED.items()}


def test_a_stream_mends_what_a_late_dimension_and_a_late_transaction_concern(lake: Lake) -> None:
    for table in (*READ, FACT_TRANSACTION, FACT_FRAUD_REPORT, DIM_DATE):
        lake.ensure(table)
        lake.spark.sql(f"DELETE FROM {lake.full_name(table)}")
    append(lake, [Transaction("t1", at(1)), Transaction("t2", at(3)), Report("t2", at(5)), Report("t3", at(-400))])
    first = build_star_schema(lake)
    append(lake, [Change("merchant", "M", at(2)), Transaction("t3", at(2), merchant_id=None)])
    second = build_star_schema(lake)
    before = [lake.version(table) for table in STAR]
    third = build_star_schema(lake)

    assert [result.rows_out for result in (first, second, third)] == [2 + 2, 1, 0]
    assert second.note == "1 older facts mended"
    assert [lake.version(table) for table in STAR] == before
    facts, reports, days = contents(lake, FACT_TRANSACTION, FACT_FRAUD_REPORT, DIM_DATE).values()
    merchant = {row["transaction_id"]: row["merchant_key"] for row in facts}
    assert merchant["t1"] == merchant["t3"] == -1
    assert merchant["t2"] > 0
    found = {row["transaction_id"]: (row["merchant_key"], row["days_to_report"]) for row in reports}
    assert found == {"t2": (merchant["t2"], 2), "t3": (-1, -402)}
    # The years between the oldest and the newest date, also those without a fact.
    assert sorted({row["year"] for row in days if row["year"]}) == [2024, 2025, 2026]
    assert [row["date"] for row in days if row["date_key"] == -1] == [None]
