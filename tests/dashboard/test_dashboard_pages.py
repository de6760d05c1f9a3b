"""Each page on a small world: its figures, what it says where something is missing, and that a view can be shared."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlglot
import streamlit as st
from app_pages import Open
from apps.dashboard.pages import PAGES
from apps.dashboard.queries import ask as asking
from dashboard_world import LAST, World
from streamlit.testing.v1 import AppTest

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.marts import ALERT_OUTCOMES, COUNTRY_CHANNEL_MATRIX, DAILY_FRAUD_SUMMARY, MERCHANT_RISK
from common.contracts.monitoring import MODEL_MONITORING
from common.contracts.ops import BATCHES, MODEL_PROMOTIONS, QUALITY_RESULTS
from common.contracts.silver import CUSTOMER, FRAUD_REPORTS, QUARANTINE
from common.contracts.star import DIMENSIONS, FACT_TRANSACTION
from common.contracts.table import Table
from common.contracts.verdicts import ALERT_VERDICTS
from common.queries.statements import named_tables

ASKED = {
    TRANSACTION_SCORES: ("today", "alerts", "model"),
    FACT_TRANSACTION: ("today", "alerts"),
    DIMENSIONS["merchant"]: ("today", "alerts", "merchants"),
    DAILY_FRAUD_SUMMARY: ("today", "alerts", "merchants"),
    ALERT_OUTCOMES: ("today",),
    MERCHANT_RISK: ("merchants",),
    COUNTRY_CHANNEL_MATRIX: ("alerts", "merchants"),
    MODEL_MONITORING: ("model",),
    FRAUD_REPORTS: ("today", "alerts"),
    ALERT_VERDICTS: ("today", "alerts"),
    CUSTOMER.history: ("alerts",),
    QUARANTINE: ("quality",),
    BATCHES: ("today", "quality", "runs"),
    QUALITY_RESULTS: ("quality",),
    MODEL_PROMOTIONS: ("model",),
}
"""Every table that is asked for, with the pages that show something of it."""


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def sentences(page: AppTest) -> str:
    return " ".join(element.value for element in (*page.info, *page.success, *page.caption))


def assert_sound(page: AppTest) -> None:
    assert not page.exception, page.exception[0].value
    assert not page.error, page.error[0].value
    assert len(page.title) == 1


def test_today_s_figures_are_those_of_the_tables(looked_at: World, open_page: Open) -> None:
    page = open_page("today")

    assert_sound(page)
    assert page.title[0].value == f"{LAST:%A, %d %B %Y}"
    of_today = [row for row in looked_at.rows["silver.transactions"] if row["event_date"] == LAST]
    since = LAST - timedelta(days=29)
    outcomes = [row for row in looked_at.rows["gold.alert_outcomes"] if row["event_date"] >= since]
    confirmed, closed = (sum(row[name] for row in outcomes) for name in ("confirmed", "alerts"))
    closed -= sum(row["still_open"] for row in outcomes)
    assert metrics(page) == {
        "Alerts today": str(sum(row["event_date"] == LAST for row in looked_at.alerts)),
        "Transactions today": f"{len(of_today):,}",
        "Volume today": f"€ {sum(row['amount_eur'] for row in of_today):,.0f}",
        "Saved in 30 days": f"€ {sum(row['saved_eur'] for row in outcomes):,.0f}",
        "Alerts confirmed": f"{confirmed / closed:.0%}",
    }
    newest = max(looked_at.alerts, key=lambda row: row["event_time"])
    assert page.dataframe[0].value["transaction_id"].iloc[0] == newest["transaction_id"]


def test_alerts_are_narrowed_by_the_address(looked_at: World, open_page: Open) -> None:
    days = ["2026-01-25", "2026-02-05"]
    page = open_page("alerts", days=days, country="DE", merchant="M001")

    assert_sound(page)
    wanted = {
        row["transaction_id"]
        for row in looked_at.alerts
        if row["country"] == "DE" and row["merchant_id"] == "M001" and days[0] <= str(row["event_date"]) <= days[1]
    }
    assert wanted
    assert set(page.dataframe[0].value["transaction_id"]) == wanted
    assert f"{len(wanted)} alerts" in sentences(page)
    assert "What nothing is known of in 7 days counts as genuine" in sentences(page)


def test_of_days_in_the_address_those_that_are_known_are_shown(looked_at: World, open_page: Open) -> None:
    asked = [(LAST - timedelta(days=2)).isoformat(), (LAST + timedelta(days=1)).isoformat()]
    page = open_page("alerts", days=asked)
    assert_sound(page)
    assert len(page.dataframe[0].value) == sum(row["event_date"] > LAST - timedelta(days=3) for row in looked_at.alerts)
    assert "Saved in 3 days" in metrics(open_page("today", days=asked))


@pytest.mark.parametrize("address", [{"days": ["1999-01-01", "x"]}, {"country": "Atlantis"}, {"alert": "T0"}])
def test_an_address_that_makes_no_sense_does_no_harm(
    looked_at: World, open_page: Open, address: dict[str, str | list[str]]
) -> None:
    page = open_page("alerts", **address)
    assert_sound(page)
    assert len(page.dataframe[0].value) == sum(
        row["event_date"] > LAST - timedelta(days=30) for row in looked_at.alerts
    )


def test_the_story_of_a_card_is_told_by_the_address(looked_at: World, open_page: Open) -> None:
    alert = next(row for row in looked_at.alerts if row["rules_hit"])
    page = open_page("alerts", alert=alert["transaction_id"])

    assert_sound(page)
    assert f"€ {alert['amount_eur']:,.2f}" in page.header[0].value
    told = " ".join(text.value for text in page.markdown).replace("\\", "")
    assert alert["reasons"][0] in told
    assert f"score** {alert['score']:.3f}" in told
    assert f"Terminal {alert['terminal_id']}" in told


EVIL = "<b>x</b> [y](javascript:z) $a$ :red[b]"


def assert_escaped(text: str) -> None:
    """What EVIL has is in the text, and none of its signs means anything there."""
    assert "javascript" in text
    of_it = text.split("x\\<", 1)[-1]  # what stands before may have marks of its own
    for sign in "[]()$<>":
        assert text.count(sign) == text.count(f"\\{sign}") > 0
    assert "red\\[" in of_it
    assert "javascript\\:" in of_it


def test_what_a_sender_wrote_is_shown_as_it_is(changing: World, open_page: Open) -> None:
    evil = {"transaction_id": "EVIL", "reasons": [EVIL], "terminal_id": EVIL, "merchant_id": EVIL}
    changing.write(TRANSACTION_SCORES, [changing.alerts[-1] | evil])
    page = open_page("alerts", alert="EVIL")
    assert_sound(page)
    texts = [text.value for text in page.markdown if "javascript" in text.value]
    assert len(texts) == 3  # the reasons, the facts, the terminal
    for text in (*texts, page.header[0].value):
        assert_escaped(text)


def test_a_merchant_s_name_is_shown_as_it_is(changing: World, open_page: Open) -> None:
    changing.write(TRANSACTION_SCORES, [changing.alerts[-1] | {"transaction_id": "EVIL", "merchant_id": "EVIL"}])
    payment = {"transaction_id": "EVIL", "event_date": changing.alerts[-1]["event_date"], "merchant_key": 666}
    changing.write(FACT_TRANSACTION, [changing.rows[FACT_TRANSACTION.name][-1] | payment])
    known = changing.rows[DIMENSIONS["merchant"].name][0]
    changing.write(DIMENSIONS["merchant"], [known | {"merchant_id": "EVIL", "merchant_key": 666, "name": EVIL}])
    assert_escaped(open_page("alerts", alert="EVIL").header[0].value)


def test_what_stands_in_the_address_is_shown_as_it_is(looked_at: World, open_page: Open) -> None:
    merchants, alerts = open_page("merchants", merchant=EVIL), open_page("alerts", alert=EVIL)
    for page in (merchants, alerts):
        assert_sound(page)
    assert_escaped(next(header.value for header in merchants.header if "Months of" in header.value))
    for page in (merchants, alerts):
        assert_escaped(next(info.value for info in page.info if "javascript" in info.value))


def test_a_transaction_that_was_not_scored_has_no_story(looked_at: World, open_page: Open) -> None:
    page = open_page("alerts", alert="T0")
    assert_sound(page)
    assert "T0 was not scored" in sentences(page)


def test_merchants_and_countries(looked_at: World, open_page: Open) -> None:
    page = open_page("merchants", merchant="M001")
    assert_sound(page)
    shown = page.dataframe[0].value
    assert list(shown["merchant_id"]) == ["M001"]
    theirs = [row for row in looked_at.rows["gold.merchant_risk"] if row["merchant_id"] == "M001"]
    assert shown["frauds"].iloc[0] == sum(row["frauds"] for row in theirs)
    assert len(page.dataframe[1].value) == 2  # its months
    assert set(page.dataframe[2].value["country"]) == {"DE", "FR", "RU"}


def test_data_quality_shows_what_does_not_hold(looked_at: World, open_page: Open) -> None:
    page = open_page("quality")
    assert_sound(page)
    assert metrics(page)["Checks that hold"] == "2 of 3"
    assert (metrics(page)["Failures"], metrics(page)["Warnings"]) == ("0", "1")
    assert list(page.dataframe[0].value["subject"]) == ["silver.transactions"]
    assert "None is lost" in sentences(page)


def test_lost_records_are_said_to_be(changing: World, open_page: Open) -> None:
    batch = changing.rows[BATCHES.name][0]
    changing.write(
        BATCHES, [batch | {"batch_id": 1, "records_read": 30, "accepted": 1, "duplicates": 0, "quarantined": 0}]
    )
    page = open_page("quality")
    assert "29 records are lost" in sentences(page)
    assert "None is lost" not in sentences(page)


def test_the_model_in_use_and_why(looked_at: World, open_page: Open) -> None:
    page = open_page("model")
    assert_sound(page)
    assert metrics(page)["Version that scores"] == "2"
    assert metrics(page)["Criteria met"] == "2 of 2"
    assert page.header[0].value == "Last decision: version 3, kept out"
    criteria = page.dataframe[0]
    assert list(criteria.value["figure"]) == ["0.500", "1.100"]
    psi = [row for row in looked_at.rows[MODEL_MONITORING.name] if row["metric"] == "psi"]
    beyond = sum(row["is_breached"] for row in psi)
    assert f"{beyond} of {len(psi)} figures are beyond their limit" in sentences(page)


def test_a_run_is_told_by_the_address(looked_at: World, open_page: Open) -> None:
    page = open_page("runs", run="20260210T020000-bbbb")
    assert_sound(page)
    assert page.header[0].value == "Tasks of lakehouse, success"
    assert open_page("runs").header[0].value == "Tasks of lakehouse, failed"


@pytest.mark.parametrize("place", PAGES)
def test_an_empty_lakehouse_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Open, place: str
) -> None:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    st.cache_data.clear()
    page = open_page(place)
    assert_sound(page)
    assert "`lakehouse run lakehouse`" in sentences(page)


@pytest.mark.parametrize("table", ASKED, ids=lambda table: table.short_name)
def test_a_table_that_is_missing_or_has_no_rows_is_no_traceback(changing: World, open_page: Open, table: Table) -> None:
    shutil.rmtree(changing.folder(table))
    for place in ASKED[table]:
        assert_sound(open_page(place, **_story(changing, place)))
    changing.write(table, [])
    st.cache_data.clear()
    for place in ASKED[table]:
        assert_sound(open_page(place, **_story(changing, place)))


def _story(world: World, place: str) -> dict[str, str]:
    return {"alert": world.alerts[-1]["transaction_id"]} if place == "alerts" else {}


def test_the_tables_above_are_all_that_are_asked_for(
    looked_at: World, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, set[str]] = {}
    answer = asking.rows
    for place in PAGES:
        st.cache_data.clear()

        def watched(statement: str, place: str = place) -> object:
            for table in named_tables(sqlglot.parse_one(statement, read="databricks")):
                asked.setdefault(f"{table.db}.{table.name}", set()).add(place)
            return answer(statement)

        monkeypatch.setattr(asking, "rows", watched)
        assert_sound(open_page(place, **_story(looked_at, place)))
    assert {name: places - set(ASKED_BY_NAME.get(name, ())) for name, places in asked.items()} == {
        name: set() for name in ASKED_BY_NAME
    }


ASKED_BY_NAME = {table.name: places for table, places in ASKED.items()} | {"silver.transactions": ("today",)}


def test_without_a_model_the_pages_say_so(changing: World, open_page: Open) -> None:
    for table in (TRANSACTION_SCORES, MODEL_PROMOTIONS, MODEL_MONITORING):
        shutil.rmtree(changing.folder(table))
    for place in ("today", "alerts", "model"):
        assert "there is no model" in sentences(open_page(place))


def test_days_without_an_alert_say_so(looked_at: World, open_page: Open) -> None:
    quiet = [date(2026, 1, 2).isoformat(), date(2026, 1, 8).isoformat()]
    for place in ("today", "alerts"):
        page = open_page(place, days=quiet)
        assert_sound(page)
        assert any("alert" in info.value for info in page.info)


def test_a_table_that_changes_is_seen_once_answers_are_old(changing: World, open_page: Open) -> None:
    before = metrics(open_page("model"))["Version that scores"]
    newer = changing.alerts[-1] | {"transaction_id": "NEW", "model_version": "9"}
    changing.write(TRANSACTION_SCORES, [newer | {"scored_at": newer["scored_at"] + timedelta(days=1)}])

    assert metrics(open_page("model"))["Version that scores"] == before
    st.cache_data.clear()
    assert metrics(open_page("model"))["Version that scores"] == "9"


def test_a_damaged_table_is_a_sentence(changing: World, open_page: Open) -> None:
    for file in changing.folder(TRANSACTION_SCORES).glob("*.parquet"):
        file.unlink()
    page = open_page("alerts")
    assert not page.exception
    assert "doesn't answer" in page.error[0].value
