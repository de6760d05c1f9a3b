"""A small lakehouse for the dashboard, without Spark: its rows are kept, so that pages can be compared with them."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.marts import ALERT_OUTCOMES, COUNTRY_CHANNEL_MATRIX, DAILY_FRAUD_SUMMARY, MERCHANT_RISK
from common.contracts.monitoring import MODEL_MONITORING
from common.contracts.ops import BATCHES, MODEL_PROMOTIONS, QUALITY_RESULTS
from common.contracts.silver import CUSTOMER, FRAUD_REPORTS, QUARANTINE, TRANSACTIONS
from common.contracts.star import DIMENSIONS, FACT_TRANSACTION
from common.contracts.table import Table
from common.contracts.verdicts import ALERT_VERDICTS
from delta_files import write_delta

FIRST, LAST, LIVE = date(2026, 1, 1), date(2026, 2, 10), date(2026, 1, 20)
"""Days of transactions, and from when on the model decides."""

COUNTRIES, CHANNELS = ("DE", "FR", "RU"), ("card_present", "online")
MERCHANTS = {f"M{n:03}": f"{name} & Sons" for n, name in enumerate(("Ahorn", "Birch", "Cèdre", "Dąb", "Elm"))}
NAMES = {f"C{n:03}": f"Zoltan{n} Quillfeather{n}" for n in range(8)}
NOTE, PAYLOAD = "rang Zoltan, who was abroad", '{"name": "Wilhelmina Payload"}'
PERSONAL = ("Zoltan", "Quillfeather", "zq@", "+49 170", "Wilhelmina")
"""Parts of all that is personal in this world."""

Row = dict[str, Any]


@dataclass
class World:
    """A workspace, and the rows of its tables by their names."""

    home: Path
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        """Appends rows to a table."""
        new = list(rows)
        write_delta(self.home / "warehouse", table, new)
        self.rows.setdefault(table.name, []).extend(new)

    def folder(self, table: Table) -> Path:
        """Where a table is."""
        return self.home / "warehouse" / f"{table.schema}.db" / table.short_name

    @property
    def alerts(self) -> list[Row]:
        """The scores that are alerts."""
        return [
            row for row in self.rows["gold.transaction_scores"] if row["decision"] == "fraud" and not row["is_backfill"]
        ]


def a_world(home: Path, seed: int = 7) -> World:
    """Some hundred payments of 41 days, a fifteenth of them fraud, decided on by a model since the 20th."""
    world, dice = World(home), random.Random(seed)
    payments = [row for day in _days() for row in _payments(day, dice)]
    frauds = {row["transaction_id"] for row in payments if dice.random() < (0.3 if row["country"] == "RU" else 0.05)}
    reported = {one for one in sorted(frauds) if dice.random() < 0.7}
    by_id = {row["transaction_id"]: row for row in payments}
    world.write(TRANSACTIONS, payments)
    world.write(FACT_TRANSACTION, [row | {"merchant_key": _key(row["merchant_id"])} for row in payments])
    world.write(FRAUD_REPORTS, [_report(by_id[one], True, days=3) for one in sorted(reported)])
    world.write(TRANSACTION_SCORES, [_score(row, row["transaction_id"] in frauds, dice) for row in payments])
    world.write(ALERT_VERDICTS, _verdicts(world.alerts))
    _reference(world)
    _marts(world, payments, reported)
    _ops(world)
    _monitoring(world, dice)
    _runs(home)
    return world


def at(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """A time of a day, UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def _days() -> list[date]:
    return [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


def _payments(day: date, dice: random.Random) -> list[Row]:
    return [
        {
            "transaction_id": f"T{day:%Y%m%d}{n:03}",
            "event_time": at(day, dice.randrange(24), dice.randrange(60)),
            "event_date": day,
            "customer_id": (customer := dice.choice(sorted(NAMES))),
            "account_id": f"A{customer[1:]}",
            "merchant_id": (merchant := dice.choice(sorted(MERCHANTS))),
            "terminal_id": f"P{merchant[1:]}",
            "amount_eur": Decimal(dice.randrange(100, 20_000)) / 100,
            "country": dice.choices(COUNTRIES, (6, 4, 1))[0],
            "channel": dice.choice(CHANNELS),
        }
        for n in range(dice.randrange(15, 25))
    ]


def _score(row: Row, is_fraud: bool, dice: random.Random) -> Row:
    score = round(dice.uniform(0.4, 0.99) if is_fraud and dice.random() < 0.8 else dice.uniform(0, 0.45), 3)
    fired = ["large_amount"] if row["amount_eur"] > 150 and is_fraud else []
    alert = score > 0.4 or bool(fired)
    reasons = [f"amount_eur {row['amount_eur']:,.2f}: the amount itself, in euro", "is_night true: it is night"]
    return row | {
        "score": score,
        "threshold": 0.4,
        "decision": "fraud" if alert else "genuine",
        "rules_hit": fired,
        "reasons": reasons if alert else [],
        "model_version": "2",
        "is_backfill": row["event_date"] < LIVE,
        "scored_at": at(LAST + timedelta(days=1), 1),
    }


def _report(row: Row, is_fraud: bool, days: int) -> Row:
    of_it = {"transaction_id": row["transaction_id"], "is_fraud": is_fraud}
    return of_it | {"reported_at": row["event_time"] + timedelta(days=days)}


def _verdicts(alerts: list[Row]) -> list[Row]:
    """A verdict on every fifth alert: fraud, genuine and unsure in turn."""
    return [
        {
            "verdict_id": f"V{n}",
            "transaction_id": row["transaction_id"],
            "verdict": ("genuine", "fraud", "unsure")[n % 3],
            "reviewer": "erin",
            "note": NOTE,
            "decided_at": row["event_time"] + timedelta(days=5),
            "recorded_at": row["event_time"] + timedelta(days=5),
        }
        for n, row in enumerate(alerts[::5])
    ]


def _key(merchant: str) -> int:
    return 100 + int(merchant[1:])


def _reference(world: World) -> None:
    world.write(
        CUSTOMER.history,
        [
            {
                "customer_id": key,
                "full_name": name,
                "first_name": name.split()[0],
                "last_name": name.split()[1],
                "email": f"zq@{key}.example",
                "phone": "+49 170 1234567",
                "city": "Berlin",
                "country": "DE",
                "is_current": True,
                "is_deleted": False,
            }
            for key, name in NAMES.items()
        ],
    )
    merchants = [
        {"merchant_key": _key(m), "merchant_id": m, "name": name, "category_code": "5411", "country": "DE"}
        | {"is_current": True}
        for m, name in MERCHANTS.items()
    ]
    world.write(DIMENSIONS["merchant"], merchants)


def _marts(world: World, payments: list[Row], reported: set[str]) -> None:
    def sums(rows: list[Row]) -> Row:
        frauds = [row for row in rows if row["transaction_id"] in reported]
        alerted = {row["transaction_id"] for row in world.alerts}
        return {
            "transactions": len(rows),
            "amount_eur": sum((row["amount_eur"] for row in rows), Decimal(0)),
            "frauds": len(frauds),
            "fraud_amount_eur": sum((row["amount_eur"] for row in frauds), Decimal(0)),
            "fraud_rate": len(frauds) / len(rows),
            "alerts": sum(row["transaction_id"] in alerted for row in rows),
            "alerts_confirmed": sum(row["transaction_id"] in alerted & reported for row in rows),
        }

    def grouped(*names: str) -> list[Row]:
        keyed = [row | {"month": row["event_date"].replace(day=1)} for row in payments]
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in keyed:
            groups.setdefault(tuple(row[name] for name in names), []).append(row)
        return [dict(zip(names, key, strict=True)) | sums(rows) for key, rows in sorted(groups.items())]

    world.write(DAILY_FRAUD_SUMMARY, grouped("event_date"))
    world.write(COUNTRY_CHANNEL_MATRIX, grouped("country", "channel", "month"))
    risk = grouped("merchant_id", "month")
    for row in risk:
        row["smoothed_fraud_rate"] = (row["frauds"] + 1) / (row["transactions"] + 20)
        row["risk_rank"] = 1
    world.write(MERCHANT_RISK, risk)
    world.write(ALERT_OUTCOMES, _outcomes(world.alerts, reported))


def _outcomes(alerts: list[Row], reported: set[str]) -> list[Row]:
    groups: dict[tuple[date, str], list[Row]] = {}
    for row in alerts:
        groups.setdefault((row["event_date"], "both" if row["rules_hit"] else "model"), []).append(row)
    rows = []
    for (day, cause), of_day in sorted(groups.items()):
        is_over = day < LAST - timedelta(days=7)
        fates = Counter(
            "confirmed" if row["transaction_id"] in reported else "genuine" if is_over else "still_open"
            for row in of_day
        )
        saved = sum((row["amount_eur"] for row in of_day if row["transaction_id"] in reported), Decimal(0))
        counts = {name: fates[name] for name in ("confirmed", "withdrawn", "still_open", "genuine")}
        total = sum((row["amount_eur"] for row in of_day), Decimal(0))
        rows.append(
            {"event_date": day, "cause": cause, "alerts": len(of_day), "alert_amount_eur": total, "saved_eur": saved}
            | counts
        )
    return rows


def _ops(world: World) -> None:
    now = at(LAST + timedelta(days=1), 2)
    bad = [("amount_not_negative", "amount='-3', must not be negative")] * 7 + [("well_formed", "not JSON")] * 4
    world.write(
        QUARANTINE,
        [
            {
                "target": "silver.transactions",
                "record_id": f"R{n}",
                "feed": "transactions",
                "source": "test",
                "source_ref": f"/landing/file.json#{n}",
                "payload": PAYLOAD,
                "failed_checks": [{"name": name, "reason": reason}],
                "quarantined_at": now,
            }
            for n, (name, reason) in enumerate(bad)
        ],
    )
    accepted = len(world.rows["silver.transactions"])
    counts = {
        "records_read": accepted + 16,
        "accepted": accepted,
        "duplicates": 5,
        "quarantined": 11,
        "not_selected": 0,
    }
    of_it = {"source": "test", "feed": "transactions", "target": "silver.transactions", "kind": "stream", "batch_id": 0}
    world.write(BATCHES, [of_it | counts | {"query_id": "q", "run_id": "20260211T020000-aaaa", "committed_at": now}])
    results = [
        ("gold.merchant_risk", "transactions_required", "failure", True, "0 of 10 rows break the rule"),
        ("silver.transactions", "volume", "warning", False, "the newest day has 3, usual are 20"),
        ("gold.dim_merchant", "columns", "failure", True, "as declared"),
    ]
    world.write(
        QUALITY_RESULTS,
        [
            dict(zip(("subject", "check_name", "severity", "passed", "details"), result, strict=True))
            | {"checked_at": now, "run_id": "20260211T020000-aaaa"}
            for result in results
        ],
    )


def _monitoring(world: World, dice: random.Random) -> None:
    decisions = [
        ("1", "promoted", 1, [("average_precision", 0.41, "above 0", True)]),
        (
            "2",
            "promoted",
            20,
            [("average_precision", 0.55, "above 0.41", True), ("calibration", 1.02, "0.5 to 2", True)],
        ),
        (
            "3",
            "kept_out",
            30,
            [("average_precision", 0.5, "above 0.55", False), ("calibration", 1.1, "0.5 to 2", True)],
        ),
    ]
    world.write(
        MODEL_PROMOTIONS,
        [
            {
                "model_version": version,
                "decided_at": at(FIRST + timedelta(days=after), 3),
                "decision": decision,
                "judged_against": str(int(version) - 1) if version != "1" else "rules",
                "criterion": criterion,
                "figure": figure,
                "bound": bound,
                "passed": passed,
                "sentence": f"{criterion} is {figure}, and must be {bound}.",
                "test_start": at(FIRST),
            }
            for version, decision, after, criteria in decisions
            for criterion, figure, bound, passed in criteria
        ],
    )
    weeks = [date(2026, 1, 19) + timedelta(weeks=n) for n in range(3)]
    figures = [
        *(("psi", subject, 0.2) for subject in ("amount_eur", "is_night", "score")),
        *(("average_precision", "model", None), ("recall", "model", None), ("alerted_cards_per_day", "model", 6.0)),
    ]
    world.write(
        MODEL_MONITORING,
        [
            {
                "model_version": "2",
                "period_start": week,
                "period_end": week + timedelta(days=7),
                "metric": metric,
                "subject": subject,
                "value": (value := round(dice.uniform(0.05, 0.4), 3)),
                "baseline": 0.1,
                "at_most": limit,
                "is_breached": None if limit is None else value > limit,
                "rows": 1000,
                "note": "",
            }
            for week in weeks
            for metric, subject, limit in figures
        ],
    )


def _runs(home: Path) -> None:
    tasks = [
        {"key": "bronze_feeds", "state": "SUCCESS", "seconds": 12.5, "rows_in": 900, "rows_out": 880, "attempts": 1},
        {
            "key": "star_schema",
            "state": "FAILED",
            "attempts": 2,
            "error": {"message": "disk full\nmore", "name": "OSError"},
        },
    ]
    for run_id, state in (("20260210T020000-bbbb", "SUCCESS"), ("20260211T020000-aaaa", "FAILED")):
        run = {"run_id": run_id, "job": "lakehouse", "state": state, "started": "2026-02-11T02:00:00.000+00:00"}
        file = home / "runs" / run_id / "run.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(run | {"seconds": 40.0, "tasks": tasks}), encoding="utf-8")
