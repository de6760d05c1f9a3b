"""What the pages ask, against the rows of the world, in plain Python."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
import sqlglot
from apps.dashboard.queries import alerts, merchants, model, quality, runs, story, today
from apps.dashboard.queries.ask import ask, tables_there
from apps.dashboard.queries.days import Days, known_days
from apps.dashboard.roles import Role
from dashboard_world import LAST, LIVE, MERCHANTS, World, at
from sqlglot import exp

from common.contracts.ops import BATCHES
from common.contracts.silver import FRAUD_REPORTS
from common.contracts.verdicts import ALERT_VERDICTS

ALL = Days(date(2026, 1, 1), LAST)


@pytest.fixture
def there(looked_at: World) -> frozenset[str]:
    return tables_there()


def known_so_far(world: World) -> dict[str, str]:
    """The last statement on each transaction, of those at one time fraud; who is unsure states nothing."""
    stated = [
        (row["transaction_id"], row["reported_at"], row["is_fraud"]) for row in world.rows["silver.fraud_reports"]
    ]
    stated += [
        (row["transaction_id"], row["decided_at"], row["verdict"] == "fraud")
        for row in world.rows["silver.alert_verdicts"]
        if row["verdict"] != "unsure"
    ]
    return {one: "fraud" if is_fraud else "genuine" for one, _, is_fraud in sorted(stated, key=lambda each: each[1:])}


def test_the_days_go_from_the_first_transaction_to_the_last(looked_at: World, there: frozenset[str]) -> None:
    assert known_days(ask, there) == Days(date(2026, 1, 1), LAST)
    assert known_days(ask, there - {"gold.daily_fraud_summary"}) == Days(date(2026, 1, 1), LAST)
    assert known_days(ask, frozenset()) is None


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"country": "RU"},
        {"merchant": "M001"},
        {"customer": "C003"},
        {"customer": "A005"},
        {"country": "DE", "merchant": "M002"},
    ],
)
def test_alerts_are_those_that_were_chosen(looked_at: World, there: frozenset[str], chosen: dict[str, str]) -> None:
    columns = {"country": ("country",), "merchant": ("merchant_id",), "customer": ("customer_id", "account_id")}
    wanted = [
        row
        for row in looked_at.alerts
        if row["event_date"] <= LAST - timedelta(days=2)
        and all(value in {row[column] for column in columns[name]} for name, value in chosen.items())
    ]

    found = alerts.alerts(ask, there, Days(LIVE, LAST - timedelta(days=2)), alerts.Chosen(**chosen))

    assert len(wanted) > 1
    assert sorted(found["transaction_id"]) == sorted(row["transaction_id"] for row in wanted)
    assert found["event_time"].is_monotonic_decreasing
    names = dict(zip(found["transaction_id"], found["merchant"], strict=True))
    assert names == {row["transaction_id"]: MERCHANTS[row["merchant_id"]] for row in wanted}


def test_what_is_typed_is_never_sql(looked_at: World, there: frozenset[str]) -> None:
    for typed in ("' OR TRUE OR '", "\\' OR TRUE OR \\'", "x'); --"):
        assert alerts.alerts(ask, there, ALL, alerts.Chosen(merchant=typed)).empty
        assert alerts.scored(ask, there, typed) is None
        assert merchants.riskiest(ask, there, ALL, merchant=typed).empty


def test_the_last_statement_counts(looked_at: World, there: frozenset[str]) -> None:
    found = alerts.alerts(ask, there, ALL)

    known = known_so_far(looked_at)
    assert {"fraud", "genuine"} <= {known.get(row["transaction_id"], "") for row in looked_at.alerts}
    assert dict(zip(found["transaction_id"], found["known"], strict=True)) == {
        row["transaction_id"]: known.get(row["transaction_id"], alerts.NOTHING_KNOWN) for row in looked_at.alerts
    }


def test_of_statements_at_one_time_fraud_is_believed_and_a_later_one_counts(changing: World) -> None:
    first, second = (row["transaction_id"] for row in changing.alerts[-2:])
    for transaction_id, says, day in ((first, True, 20), (first, False, 20), (second, True, 20), (second, False, 21)):
        report = {"transaction_id": transaction_id, "is_fraud": says, "reported_at": at(date(2026, 3, day))}
        changing.write(FRAUD_REPORTS, [report])

    found = alerts.alerts(ask, tables_there(), ALL).set_index("transaction_id")["known"]

    assert (found[first], found[second]) == ("fraud", "genuine")


def test_a_list_is_cut_at_its_newest(looked_at: World, there: frozenset[str]) -> None:
    newest = sorted(looked_at.alerts, key=lambda row: (row["event_time"], row["transaction_id"]))[-5:]
    found = alerts.alerts(ask, there, ALL, limit=5)
    assert set(found["event_time"]) == {row["event_time"].replace(tzinfo=None) for row in newest}


def test_times_are_utc_and_amounts_are_numbers(looked_at: World, there: frozenset[str]) -> None:
    row = looked_at.alerts[0]
    found = alerts.scored(ask, there, row["transaction_id"])
    assert found is not None
    assert found["event_time"] == row["event_time"].replace(tzinfo=None)
    assert found["amount_eur"] == float(row["amount_eur"])


def test_figures_of_today_beside_the_week_before(looked_at: World) -> None:
    by_day = Counter(row["event_date"] for row in looked_at.rows["silver.transactions"])
    figure = today.figure(today.by_day(ask, ALL), "transactions", LAST)

    week = [by_day[LAST - timedelta(days=n)] for n in range(1, 8)]
    assert figure.today == by_day[LAST]
    assert figure.usual == pytest.approx(sum(week) / 7)


def test_a_day_without_an_alert_counts_as_none() -> None:
    rows = pd.DataFrame({"event_date": pd.to_datetime(["2026-02-01", "2026-02-04"]), "alerts": [6, 2]})
    assert today.figure(rows, "alerts", date(2026, 2, 4)) == today.Figure(2, 2.0)
    assert today.figure(rows, "alerts", date(2026, 2, 5)) == today.Figure(0, 2.0)
    assert today.figure(rows, "alerts", date(2026, 2, 1)) == today.Figure(6, None)


def test_outcomes_of_each_day_are_sums_over_causes(looked_at: World) -> None:
    wanted: dict[date, Decimal] = {}
    for row in looked_at.rows["gold.alert_outcomes"]:
        wanted[row["event_date"]] = wanted.get(row["event_date"], Decimal(0)) + row["saved_eur"]

    found = today.outcomes_by_day(ask, ALL)

    assert dict(zip(found["event_date"].dt.date, found["saved_eur"], strict=True)) == pytest.approx(
        {day: float(saved) for day, saved in wanted.items()}
    )
    assert found["alerts"].sum() == len(looked_at.alerts)


def test_freshness_is_hours_behind_the_newest_transaction(looked_at: World, there: frozenset[str]) -> None:
    found = today.freshness(ask, there).set_index("what")

    newest = max(row["event_time"] for row in looked_at.rows["silver.transactions"])
    newest_alert = max(row["event_time"] for row in looked_at.alerts)
    assert found.loc["transactions", "hours_behind"] == 0
    assert found.loc["alerts", "hours_behind"] == pytest.approx((newest - newest_alert).total_seconds() / 3600)
    # Reports came days after the last transaction.
    assert found.loc["fraud reports", "hours_behind"] == 0


def test_a_story_has_the_payments_around_the_alert(looked_at: World, there: frozenset[str]) -> None:
    alert = looked_at.alerts[len(looked_at.alerts) // 2]
    found = story.payments(ask, there, _scored(there, alert))

    first, last = alert["event_date"] - timedelta(days=42), alert["event_date"] + timedelta(days=7)
    theirs = [
        row
        for row in looked_at.rows["gold.transaction_scores"]
        if row["customer_id"] == alert["customer_id"] and first <= row["event_date"] <= last
    ]
    known = known_so_far(looked_at)
    assert list(found["transaction_id"]) == [
        row["transaction_id"] for row in sorted(theirs, key=lambda row: (row["event_time"], row["transaction_id"]))
    ]
    assert set(found.loc[found["is_fraud"], "transaction_id"]) == {
        row["transaction_id"] for row in theirs if known.get(row["transaction_id"]) == "fraud"
    }
    alerted = {row["transaction_id"] for row in looked_at.alerts}
    assert set(found.loc[found["is_alert"], "transaction_id"]) == {row["transaction_id"] for row in theirs} & alerted


def test_a_story_has_the_terminal_s_days(looked_at: World, there: frozenset[str]) -> None:
    alert = looked_at.alerts[0]
    found = story.terminal_days(ask, there, _scored(there, alert))
    first, last = alert["event_date"] - timedelta(days=42), alert["event_date"] + timedelta(days=7)
    there_rows = [
        row
        for row in looked_at.rows["gold.transaction_scores"]
        if row["terminal_id"] == alert["terminal_id"] and first <= row["event_date"] <= last
    ]
    assert found["transactions"].sum() == len(there_rows)
    known = known_so_far(looked_at)
    frauds = sum(known.get(row["transaction_id"]) == "fraud" for row in there_rows)
    assert found.loc[found["known"] == "known fraud", "transactions"].sum() == frauds


def test_statements_are_in_order_with_who_made_them(looked_at: World, there: frozenset[str]) -> None:
    verdict = looked_at.rows[ALERT_VERDICTS.name][0]
    found = story.statements(ask, there, verdict["transaction_id"], Role.ANALYST)
    assert list(found.columns) == ["stated_at", "by", "says"]
    assert found["stated_at"].is_monotonic_increasing
    assert ("erin", verdict["verdict"]) in set(zip(found["by"], found["says"], strict=True))


def test_merchants_are_ranked_by_the_newest_of_the_months(looked_at: World, there: frozenset[str]) -> None:
    rows = looked_at.rows["gold.merchant_risk"]
    newest = {row["merchant_id"]: row["smoothed_fraud_rate"] for row in rows if row["month"] == date(2026, 2, 1)}

    found = merchants.riskiest(ask, there, ALL)

    assert list(found["smoothed_fraud_rate"]) == pytest.approx(sorted(newest.values(), reverse=True))
    assert found["transactions"].sum() == len(looked_at.rows["silver.transactions"])
    january = merchants.riskiest(ask, there, Days(date(2026, 1, 30), date(2026, 1, 31)))
    assert january["frauds"].sum() == sum(row["frauds"] for row in rows if row["month"] == date(2026, 1, 1))


def test_countries_are_summed_over_months(looked_at: World) -> None:
    found = merchants.countries(ask, ALL).set_index(["country", "channel"])["transactions"].to_dict()
    assert found == Counter((row["country"], row["channel"]) for row in looked_at.rows["silver.transactions"])


def test_a_record_that_nothing_is_known_of_is_lost(changing: World) -> None:
    assert list(quality.conservation(ask)["lost"]) == [0]
    batch = changing.rows[BATCHES.name][0]
    changing.write(
        BATCHES, [batch | {"batch_id": 1, "records_read": 10, "accepted": 3, "duplicates": 0, "quarantined": 4}]
    )
    assert list(quality.conservation(ask)["lost"]) == [3]


def test_the_newest_outcome_of_each_check_counts(changing: World) -> None:
    from common.contracts.ops import QUALITY_RESULTS

    failed = changing.rows[QUALITY_RESULTS.name][1]
    changing.write(QUALITY_RESULTS, [failed | {"passed": True, "checked_at": failed["checked_at"] + timedelta(days=1)}])
    assert quality.last_checks(ask)["passed"].all()


def test_quarantined_records_are_counted_by_check(looked_at: World) -> None:
    found = quality.quarantined_by_check(ask)
    assert dict(zip(found["check_name"], found["records"], strict=True)) == {"amount_not_negative": 7, "well_formed": 4}


def test_decisions_have_the_criteria_that_were_met(looked_at: World) -> None:
    found = model.decisions(ask)
    shown = found[["model_version", "decision", "criteria_met", "criteria"]].to_numpy().tolist()
    assert shown == [["3", "kept_out", 1, 2], ["2", "promoted", 2, 2], ["1", "promoted", 1, 1]]
    assert list(model.criteria(ask, found.iloc[0])["criterion"]) == ["average_precision", "calibration"]
    assert model.in_use(ask) == "2"


def test_a_run_that_was_killed_does_not_run_for_ever(looked_at: World) -> None:
    file = looked_at.home / "runs" / "20260209T020000-cccc" / "run.json"
    file.parent.mkdir()
    file.write_text('{"run_id": "20260209T020000-cccc", "job": "ingest", "state": "RUNNING", "tasks": []}')
    try:
        table = runs.run_table(runs.last_runs()).set_index("run_id")
    finally:
        file.unlink()
        file.parent.rmdir()
    assert table.loc["20260209T020000-cccc", "state"] == "ABANDONED"
    assert table.loc["20260211T020000-aaaa", "succeeded"] == 1


def test_a_task_that_failed_says_why_in_a_line(looked_at: World) -> None:
    tasks = runs.task_table(runs.last_runs()[0]).set_index("key")
    assert tasks.loc["star_schema", "note"] == "disk full"
    assert not tasks.loc["bronze_feeds", "note"]


def _scored(there: frozenset[str], row: dict[str, Any]) -> "pd.Series[Any]":
    found = alerts.scored(ask, there, row["transaction_id"])
    assert found is not None
    return found


def test_what_is_stored_can_end_no_text_of_a_query() -> None:
    asked: list[str] = []

    def noted(statement: str) -> pd.DataFrame:
        asked.append(statement)
        return pd.DataFrame()

    stored = {"model_version": "2' OR 'a' = 'a", "decision": "kept\\", "decided_at": at(LAST)}
    model.criteria(noted, pd.Series(stored))
    texts = {literal.this for literal in sqlglot.parse_one(asked[0], read="databricks").find_all(exp.Literal)}
    assert {stored["model_version"], stored["decision"]} <= texts
