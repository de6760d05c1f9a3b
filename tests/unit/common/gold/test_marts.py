"""The marts against sums in plain Python, after every part of a world that arrives late and out of order."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from gold_worlds import Report, Row, Score, Transaction, Verdict, append, at, contents, frames

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.marts import (
    ALERT_OUTCOMES,
    COUNTRY_CHANNEL_MATRIX,
    CUSTOMER_SPENDING,
    DAILY_FRAUD_SUMMARY,
    MERCHANT_RISK,
)
from common.contracts.table import Table
from common.gold.marts import MARTS, build_marts, update_marts
from common.gold.merchant_risk import PRIOR_TRANSACTIONS
from common.gold.touched import READ, mart_arrivals
from common.settings import LABEL_DELAY_DAYS
from common.storage.lake import Lake, Once

pytestmark = pytest.mark.spark

Marts = dict[str, list[dict[str, Any]]]


class Oracle:
    """The marts of some rows, by looking at the transactions one by one."""

    def __init__(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        self.transactions = [row for row in rows if isinstance(row, Transaction)]
        self.alerts = {r.transaction.transaction_id: r for r in rows if isinstance(r, Score) and r.is_alert}
        said: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
        for row in rows:
            if isinstance(row, Report):
                said[row.transaction_id].append((row.reported_at, row.is_fraud))
            elif isinstance(row, Verdict) and row.verdict != "unsure":
                said[row.transaction_id].append((row.decided_at, row.verdict == "fraud"))
        self.says_fraud = {id_: max(of_it)[1] for id_, of_it in said.items()}
        self.was_fraud = {id_ for id_, of_it in said.items() if any(is_fraud for _, is_fraud in of_it)}

    def marts(self) -> Marts:
        return {
            MERCHANT_RISK.name: self.merchants(),
            CUSTOMER_SPENDING.name: self.customers(),
            COUNTRY_CHANNEL_MATRIX.name: self.by(lambda t: {"country": t.country, "channel": t.channel, **month(t)}),
            ALERT_OUTCOMES.name: self.outcomes(),
            DAILY_FRAUD_SUMMARY.name: self.by(lambda t: {"event_date": t.event_time.date()}),
        }

    def by(self, group: Callable[[Transaction], dict[str, Any]]) -> list[dict[str, Any]]:
        return [head | self.sums(rows) for head, rows in self.groups(group)]

    def groups(self, group: Callable[[Transaction], dict[str, Any]]) -> list[tuple[dict[str, Any], list[Transaction]]]:
        found: dict[tuple[Any, ...], list[Transaction]] = defaultdict(list)
        for row in self.transactions:
            found[tuple(group(row).items())].append(row)
        return [(dict(head), rows) for head, rows in found.items()]

    def sums(self, rows: list[Transaction]) -> dict[str, Any]:
        frauds = [row for row in rows if self.says_fraud.get(row.transaction_id)]
        alerts = [row for row in rows if row.transaction_id in self.alerts]
        return {
            "transactions": len(rows),
            "amount_eur": euro(rows) if any(row.cents is not None for row in rows) else None,
            "frauds": len(frauds),
            "fraud_amount_eur": euro(frauds),
            "fraud_rate": len(frauds) / len(rows),
            "alerts": len(alerts),
            "alerts_confirmed": len([row for row in alerts if row in frauds]),
        }

    def merchants(self) -> list[dict[str, Any]]:
        rows = [r for r in self.by(lambda t: {"merchant_id": t.merchant_id, **month(t)}) if r["merchant_id"]]
        for row in rows:
            peers = [other for other in rows if other["month"] == row["month"]]
            average = sum(peer["frauds"] for peer in peers) / sum(peer["transactions"] for peer in peers)
            row["smoothed_fraud_rate"] = (row["frauds"] + PRIOR_TRANSACTIONS * average) / (
                row["transactions"] + PRIOR_TRANSACTIONS
            )
        for row in rows:
            riskier = [r for r in rows if r["month"] == row["month"]]
            riskier = [r for r in riskier if r["smoothed_fraud_rate"] > row["smoothed_fraud_rate"]]
            row["risk_rank"] = 1 + len(riskier)
        return rows

    def customers(self) -> list[dict[str, Any]]:
        found = []
        for head, rows in self.groups(lambda t: {"customer_id": t.customer_id, **month(t)}):
            if head["customer_id"] is not None:
                sums = self.sums(rows)
                amounts = [row.amount_eur for row in rows if row.amount_eur is not None]
                found.append(
                    head
                    | {name: sums[name] for name in ("transactions", "amount_eur", "frauds", "fraud_amount_eur")}
                    | {
                        "largest_amount_eur": max(amounts, default=None),
                        "online_amount_eur": euro([row for row in rows if row.channel == "online"]),
                        "active_days": len({row.event_time.date() for row in rows}),
                        "merchants": len({row.merchant_id for row in rows} - {None}),
                        "countries": len({row.country for row in rows} - {None}),
                    }
                )
        return found

    def outcomes(self) -> list[dict[str, Any]]:
        if not self.transactions:
            return []
        newest = max(row.event_time.date() for row in self.transactions)
        found: dict[tuple[date, str], list[Score]] = defaultdict(list)
        for alert in self.alerts.values():
            found[alert.transaction.event_time.date(), cause(alert)].append(alert)
        rows = []
        for (day, name), alerts in found.items():
            ids = [alert.transaction.transaction_id for alert in alerts]
            says = [self.says_fraud.get(id_) for id_ in ids]
            withdrawn = sum(fraud is False and id_ in self.was_fraud for id_, fraud in zip(ids, says, strict=True))
            is_open = newest <= day + timedelta(LABEL_DELAY_DAYS)
            still_open = says.count(None) if is_open else 0
            confirmed = [a.transaction for a, fraud in zip(alerts, says, strict=True) if fraud]
            closed = len(alerts) - still_open
            rows.append(
                {
                    "event_date": day,
                    "cause": name,
                    "alerts": len(alerts),
                    "confirmed": len(confirmed),
                    "withdrawn": withdrawn,
                    "still_open": still_open,
                    "genuine": says.count(None) - still_open + says.count(False) - withdrawn,
                    "precision": len(confirmed) / closed if closed else None,
                    "alert_amount_eur": euro([alert.transaction for alert in alerts]),
                    "saved_eur": euro(confirmed),
                }
            )
        return rows


def month(row: Transaction) -> dict[str, date]:
    return {"month": row.event_time.date().replace(day=1)}


def cause(alert: Score) -> str:
    if alert.score <= alert.threshold:
        return ", ".join(alert.rules_hit)
    return "both" if alert.rules_hit else "model"


def euro(rows: Iterable[Transaction]) -> Decimal:
    return sum((row.amount_eur for row in rows if row.amount_eur is not None), Decimal("0.00"))


def a_world(chance: random.Random) -> tuple[list[Transaction], list[Report | Verdict], list[Score]]:
    """Transactions of three months, what was stated on them early, late and otherwise, and the scores of nearly all."""
    transactions = [
        Transaction(
            f"t{number}",
            at(chance.randrange(75), micros=number),
            customer_id=chance.choice(("C1", "C2", "C3", None)),
            merchant_id=chance.choice(("M1", "M2", "M3", "M4", None)),
            cents=chance.choice((None, 5, 1999, 250_000)),
            channel=chance.choice(("online", "atm", None)),
            country=chance.choice(("DE", "FR", None)),
        )
        for number in range(150)
    ]
    reports: list[Report | Verdict] = []
    for row in chance.sample(transactions, k=60):
        first = row.event_time + timedelta(chance.choice((-1, 0, 3, 30, 90)))
        reports.append(Report(row.transaction_id, first))
        if chance.random() < 0.4:
            reports.append(Report(row.transaction_id, first + timedelta(chance.choice((0, 1, 70))), is_fraud=False))
    reports += [Report("never arrives", at(20)), Verdict("never arrives", at(21), "fraud")]
    scores = [
        Score(
            row,
            chance.choice((0.1, 0.9)),
            chance.choice(((), ("large_online_amount",), ("high_risk_country", "large_online_amount"))),
            is_backfill=chance.random() < 0.2,
        )
        for row in chance.sample(transactions, k=140)
    ]
    for row in chance.sample(transactions, k=40):
        decided = row.event_time + timedelta(chance.choice((0, 1, 8, 100)))
        reports.append(Verdict(row.transaction_id, decided, chance.choice(("fraud", "genuine", "unsure"))))
    return transactions, reports, scores


def in_order(marts: Marts) -> Marts:
    """Rows in the order of their keys, nulls first, as the tables are read."""
    keys = {table.name: table.key for table in MARTS}

    def order(table: str) -> Callable[[dict[str, Any]], list[tuple[bool, Any]]]:
        return lambda row: [(row[name] is not None, row[name]) for name in keys[table]]

    return {table: sorted(rows, key=order(table)) for table, rows in marts.items()}


def arrive(lake: Lake, rows: list[Row]) -> None:
    append(lake, rows)
    process(lake, rows)


def process(lake: Lake, rows: Iterable[Row]) -> None:
    """A batch of the rows, as the stream has it."""
    update_marts(lake, mart_arrivals(frames(lake, rows)), Once("test", 0))


def versions(lake: Lake, tables: Iterable[Table] = MARTS) -> list[int]:
    return [lake.version(table) for table in tables]


def test_marts_equal_the_oracle_after_every_part(lake: Lake) -> None:
    chance = random.Random(20260105)
    transactions, reports, scores = a_world(chance)
    late = set(chance.sample(transactions, k=25))
    part = {row: chance.randrange(2) for row in reports}
    arrived: list[Row] = []
    lake.ensure(*READ, *MARTS)

    # First the older transactions with some of the reports, also of what arrives later; then the rest.
    recent = at(60)
    for number in range(2):
        now: list[Row] = [t for t in transactions if (t in late or t.event_time >= recent) == bool(number)]
        now += [s for s in scores if s.transaction in now]
        now += [report for report in reports if part[report] == number]
        arrive(lake, now)
        arrived += now

        found = contents(lake, *MARTS)

        assert found == in_order(Oracle(arrived).marts())
        assert min(len(rows) for rows in found.values()) >= 9

    outcomes = found[ALERT_OUTCOMES.name]
    for name in ("confirmed", "withdrawn", "still_open", "genuine"):
        assert any(row[name] for row in outcomes)
    before = versions(lake)
    process(lake, now)
    assert versions(lake) == before

    # Erased from silver: rows of marts that no transaction makes any more are deleted.
    lake.spark.sql(f"DELETE FROM {lake.full_name('silver.transactions')} WHERE merchant_id = 'M4'")
    left = [row for row in arrived if not (isinstance(row, Transaction) and row.merchant_id == "M4")]
    process(lake, left)
    assert contents(lake, *MARTS) == in_order(Oracle(left).marts())


def test_streams_take_what_is_new_and_leave_the_marts_alone_without_it(lake: Lake) -> None:
    lake.ensure(*READ, *MARTS)
    for table in (*READ, *MARTS):
        lake.spark.sql(f"DELETE FROM {lake.full_name(table)}")
    transaction = Transaction("t1", at(1))
    first: list[Row] = [transaction, Score(transaction)]
    second: list[Row] = [Report("t1", at(100))]
    third: list[Row] = [Verdict("t1", at(101), "genuine")]
    for rows in (first, second, third):
        append(lake, rows)
        counts = build_marts(lake).facts["rows of marts"]
    before = versions(lake)
    build_marts(lake)

    assert contents(lake, *MARTS) == in_order(Oracle(first + second + third).marts())
    assert counts == {table.name: 1 for table in MARTS}
    assert versions(lake) == before
    assert lake.table(TRANSACTION_SCORES).count() == 1
