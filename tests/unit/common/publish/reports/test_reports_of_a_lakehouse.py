"""Reports of real tables: those of the box, their counts by time travel, and an order that leaves nothing to chance."""

import csv
import json
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from publish_builders import noted, publish_killed
from report_builders import an_output, contents, options, snapshot_options

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.marts import ALERT_OUTCOMES, CUSTOMER_SPENDING, DAILY_FRAUD_SUMMARY, MERCHANT_RISK
from common.contracts.ops import BATCHES, DELIVERIES
from common.contracts.silver import FRAUD_REPORTS, MERCHANT, TRANSACTIONS
from common.contracts.table import Table
from common.contracts.verdicts import ALERT_VERDICTS
from common.publish.declaration import load_output
from common.publish.delivery import FOUND
from common.publish.publish import check_outputs, failure, publish, result
from common.publish.reports.manifest import SUFFIX
from common.publish.reports.period import period_of
from common.publish.reports.query import checked_query
from common.publish.reports.rows import LakeRows
from common.publish.writers.csv_reports import CsvReports
from common.settings import repository
from common.sources.feed import silent
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

TODAY = date(2025, 3, 4)
TABLES = (TRANSACTIONS, DAILY_FRAUD_SUMMARY, ALERT_OUTCOMES, MERCHANT_RISK, TRANSACTION_SCORES, FRAUD_REPORTS)


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def add(lake: Lake, table: Table, *rows: dict[str, Any]) -> None:
    values = [tuple(row.get(name) for name in table.column_names) for row in rows]
    lake.append(lake.spark.createDataFrame(values, schema_of(table)), table)


def a_score(name: str, day: date, score: float, **changed: Any) -> dict[str, Any]:
    row = {"transaction_id": name, "event_time": at(day), "event_date": day, "customer_id": "C1", "score": score}
    row |= {"decision": "fraud", "is_backfill": False, "rules_hit": [], "reasons": ['=1+1, "new" country']}
    return row | {"merchant_id": "-M1", "amount_eur": Decimal("12.50")} | changed


@pytest.fixture(scope="module")
def world(lake: Lake) -> Lake:
    lake.ensure(*TABLES, MERCHANT.history)
    add(lake, TRANSACTIONS, *({"event_time": at(day), "event_date": day} for day in (date(2025, 2, 20), TODAY)))
    days = [date(2025, 3, 2), date(2025, 3, 3)]
    sums = {"transactions": 100, "amount_eur": Decimal("1000.00"), "frauds": 1, "fraud_amount_eur": Decimal("9.50")}
    add(lake, DAILY_FRAUD_SUMMARY, *({"event_date": day} | sums for day in days))
    add(lake, ALERT_OUTCOMES, *({"event_date": days[1], "cause": cause, "alerts": 2} for cause in ("model", "both")))
    of_month = sums | {"month": date(2025, 2, 1), "smoothed_fraud_rate": 0.0123456, "alerts": 1, "alerts_confirmed": 0}
    add(lake, MERCHANT_RISK, *(of_month | {"merchant_id": f"M{n}", "risk_rank": n} for n in (101, 2, 1)))
    name = {"merchant_id": "M1", "name": "@Café", "country": "FR", "valid_from": at(days[0])}
    add(lake, MERCHANT.history, name | {"is_current": True}, name | {"name": "Old", "is_current": False})
    add(
        lake,
        TRANSACTION_SCORES,
        a_score("T1", TODAY, 0.5),
        a_score("T2", TODAY, 0.9),
        a_score("T3", TODAY, 0.99, is_backfill=True),
        a_score("T4", TODAY, 0.99, decision="genuine"),
        a_score("T5", date(2025, 2, 20), 0.99),
        a_score("T6", TODAY, 0.99),
    )
    add(lake, FRAUD_REPORTS, {"transaction_id": "T6", "is_fraud": True, "reported_at": at(TODAY)})
    return lake


def in_the_box(folder: Path) -> CsvReports:
    output = load_output(repository() / "outputs", "reports")
    assert isinstance(output, CsvReports)
    daily = output.reports["daily_fraud_report"].model_copy(update={"reopen": timedelta(days=3)})
    reports = {**output.reports, "daily_fraud_report": daily}
    return output.model_copy(update={"folder": str(folder), "reports": reports})


def read(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))


def test_what_a_killed_run_wrote_is_noted_by_the_next(world: Lake, tmp_path: Path) -> None:
    whole = in_the_box(tmp_path)
    reports = {name: whole.reports[name] for name in ("merchant_risk_report", "alerts_open")}
    output = whole.model_copy(update={"name": "killed", "reports": reports})
    publish_killed(world, [output])
    assert noted(world, output) == []
    publish(world, [output])

    manifests = [json.loads(file.read_text()) for file in tmp_path.glob(f"*{SUFFIX}")]
    written = {datetime.fromisoformat(manifest["written_at"]) for manifest in manifests}
    found = noted(world, output)
    assert {item for item, _, _ in found} == {"merchant_risk_report 2025-02-01", "alerts_open"}
    assert ({mode for _, mode, _ in found}, {at for _, _, at in found}) == ({FOUND}, written)


def items(lake: Lake, output: CsvReports) -> list[tuple[str, str]]:
    return [(delivery.item, delivery.mode) for delivery in output.deliver(lake, silent)]


def test_those_of_the_box_are_written_noted_and_right(world: Lake, tmp_path: Path) -> None:
    output = in_the_box(tmp_path)
    came_of = publish(world, [output])
    assert failure(came_of) is None
    days = [f"daily_fraud_report 2025-03-0{day}" for day in (1, 2, 3)]
    written = [*days, "merchant_risk_report 2025-02-01", "alerts_open"]
    assert [delivery.item for delivery in came_of["reports"]] == written
    assert list(result(came_of).facts["sent"]) == [f"reports: {item}" for item in written]
    noted = world.table(DELIVERIES).where("output = 'reports'").select("item", "writer", "mode", "rows_written")
    assert sorted(row["item"] for row in noted.collect()) == sorted(written)

    assert read(tmp_path / "daily_fraud_report_2025-03-03.csv")[1:] == [
        ["2025-03-03", "100", "1000.00", "1", "9.50", cause, "2", "", "", "", "", "", ""] for cause in ("both", "model")
    ]
    assert read(tmp_path / "daily_fraud_report_2025-03-01.csv")[0][:3] == ["Day", "Transactions", "Amount (EUR)"]
    rows = read(tmp_path / "merchant_risk_report_2025-02.csv")
    assert [row[1:6] for row in rows[1:]] == [["1", "M1", "'@Café", "", "FR"], ["2", "M2", "", "", ""]]
    assert rows[1][10] == "0.01235"
    # An alert that is reported, backfilled, genuine or old isn't open. The table of verdicts isn't there yet.
    assert read(tmp_path / "alerts_open.csv")[1:] == [
        [name, "2025-03-04T12:00:00Z", "C1", "", "'-M1", "12.50", score, "[]", '["=1+1, \\"new\\" country"]']
        for name, score in (("T2", "0.9"), ("T1", "0.5"))
    ]

    findings = check_outputs(world, [output])
    assert [finding.details for finding in findings if finding.check_name == "output_complete"] == [
        "3 rows, those of 3 files counted again",
        "2 rows, those of 1 files counted again",
        "2 rows, those of 1 files counted again",
    ]
    assert all(finding.passed for finding in findings)

    before, state = contents(tmp_path), output.state(world.settings)
    assert items(world, output) == [(name, "unchanged") for name in output.reports]
    assert contents(tmp_path) == before
    assert output.state(world.settings) == state

    # What comes later changes neither a file nor what is found of it, until the next run.
    world.ensure(ALERT_VERDICTS)
    verdict = {
        "verdict_id": "v",
        "transaction_id": "T2",
        "verdict": "genuine",
        "reviewer": "r",
        "decided_at": at(TODAY),
    }
    add(world, ALERT_VERDICTS, verdict)
    add(world, DAILY_FRAUD_SUMMARY, {"event_date": date(2025, 3, 1), "transactions": 7})
    assert all(finding.passed for finding in check_outputs(world, [output]))
    assert items(world, output) == [
        ("daily_fraud_report 2025-03-01", "changed"),
        ("merchant_risk_report", "unchanged"),
        ("alerts_open", "changed"),
    ]
    assert [row[0] for row in read(tmp_path / "alerts_open.csv")[1:]] == ["T1"]
    world.spark.sql(f"DROP TABLE {world.full_name(ALERT_VERDICTS)}")


def test_rows_that_the_order_does_not_tell_apart_come_in_one_order(world: Lake, tmp_path: Path) -> None:
    query = "SELECT decision, transaction_id FROM gold.transaction_scores ORDER BY decision LIMIT 3"
    output = an_output({"ties": snapshot_options(query=query, file="t.csv")}, folder=str(tmp_path))
    output.deliver(world, silent)
    assert read(tmp_path / "t.csv")[1:] == [["fraud", "T1"], ["fraud", "T2"], ["fraud", "T3"]]


def test_many_periods_by_one_query_keep_the_order_of_each(world: Lake) -> None:
    world.ensure(CUSTOMER_SPENDING)
    numbers = random.Random(7).sample(range(1000), 600)
    rows = world.spark.createDataFrame([(f"C{number:03}", number % 3 + 1, number) for number in numbers])
    spending = rows.selectExpr("_1 AS customer_id", "make_date(2025, _2, 1) AS month", "_3 AS transactions")
    empty = world.table(CUSTOMER_SPENDING)
    world.append(empty.unionByName(spending.repartition(8), allowMissingColumns=True), CUSTOMER_SPENDING)
    query = """
    SELECT customer_id FROM gold.customer_spending
    WHERE month >= :period_start AND month < :period_end ORDER BY transactions DESC
    """
    months = [period_of("month", date(2025, month, 1)) for month in (1, 2, 3, 4)]
    lake_rows, checked = LakeRows(world), checked_query(query, True)
    versions = {CUSTOMER_SPENDING.name: world.version(CUSTOMER_SPENDING)}
    tables = lake_rows.of(checked, versions, months)
    for month, table in enumerate(tables):
        expected = [f"C{number:03}" for number in sorted(numbers, reverse=True) if number % 3 == month]
        assert table.column_names == ["customer_id"]
        assert table.column("customer_id").to_pylist() == expected
    assert tables[0] == lake_rows.of(checked, versions, months[:1])[0]
    assert tables[3].num_rows == 0


def test_a_query_that_spark_refuses_is_told_and_the_others_written(world: Lake, tmp_path: Path) -> None:
    query = "SELECT no_such AS a FROM gold.merchant_risk ORDER BY a"
    reports = {"wrong": snapshot_options(query=query, file="w.csv"), "daily": options(reopen="0 days")}
    failed, written = an_output(reports, folder=str(tmp_path)).deliver(world, silent)
    assert "the query fails: [UNRESOLVED_COLUMN" in failed.failure
    assert "\n" not in failed.failure
    assert written.item == "daily 2025-03-03"


def test_a_view_is_read_as_its_table_was(world: Lake) -> None:
    query = checked_query(
        "SELECT fraud_transactions.transaction_id AS t FROM `gold`.`Fraud_Transactions` ORDER BY t", False
    )
    rows = LakeRows(world)
    now = {table: world.version(table) for table in query.tables}
    before = {table: version - 1 for table, version in now.items()}

    def names(versions: dict[str, int]) -> Sequence[str]:
        (found,) = rows.of(query, versions, [None])
        named: list[str] = found.column("t").to_pylist()
        return named

    assert names(now) == ["T1", "T2", "T3", "T5", "T6"]
    assert names(before) == []
    # One of the versions is not there: the other is counted all the same.
    assert rows.counts([(query, now, None), (query, dict.fromkeys(now, 999), None)]) == [5, None]


def test_an_erasure_is_seen(world: Lake) -> None:
    assert LakeRows(world).erased_until() == ""
    world.ensure(BATCHES)
    add(
        world, BATCHES, {"kind": "stream", "committed_at": at(TODAY)}, {"kind": "erasure", "committed_at": at(TODAY, 3)}
    )
    assert LakeRows(world).erased_until() == str(int(at(TODAY, 3).timestamp()) * 1_000_000)
