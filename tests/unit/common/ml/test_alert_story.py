"""What a reviewer reads of a small world: the day's alerts ranked, and the story of one, drawn as well."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from ml_builders import a_world

from common.contracts.ddl import schema_of
from common.contracts.features import FEATURE_NAMES, FEATURES
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.contracts.table import Table
from common.contracts.verdicts import ALERT_VERDICTS
from common.errors import ParameterError
from common.looks.alert_story import FRAUD, plot_story
from common.ml.alert_story import DAYS_AFTER, DAYS_BEFORE, Story, alerts_of_day, reasons_of, statements, story_of
from common.ml.booster import Candidate, fit
from common.ml.champion import Champion
from common.ml.explain import sentence
from common.result import Result
from common.settings import repository
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

DAY = datetime(2025, 9, 28, tzinfo=UTC)
SEEN = {column.name: {"double": 1.5, "bigint": 1, "boolean": True}[column.type] for column in FEATURES}


def at(days: float) -> datetime:
    return DAY + timedelta(days=days)


def a_score(name: str, days: float, amount: int, score: float = 0.1, **others: object) -> dict[str, object]:
    judged = {"score": score, "threshold": 0.5, "decision": "fraud" if score > 0.5 else "genuine", "is_backfill": False}
    when = {"event_time": at(days), "event_date": at(days).date()}
    who = {
        "customer_id": "c1",
        "account_id": "a1",
        "terminal_id": "t1",
        "amount_eur": Decimal(amount),
        "model_version": "1",
    }
    seen = {"features": SEEN, "rules_hit": [], "reasons": ["because"]}
    return {"transaction_id": name} | when | who | judged | seen | others


def add(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    data = [tuple(row.get(name) for name in table.column_names) for row in rows]
    lake.append(lake.spark.createDataFrame(data, schema_of(table)), table)


@pytest.fixture(scope="module")
def empty(lake: Lake) -> Lake:
    """A lakehouse in which nothing was scored yet."""
    assert alerts_of_day(lake).empty
    assert story_of(lake, "") is None
    assert plot_story(None) is None
    assert reasons_of(None).empty
    return lake


@pytest.fixture(scope="module")
def scored(empty: Lake) -> Lake:
    """A customer's payments of weeks, three alerts of the customer on one day, and others."""
    lake = empty
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, ALERT_VERDICTS, TRANSACTION_SCORES)
    add(
        lake,
        TRANSACTION_SCORES,
        *(a_score(f"usual{n}", -n, 10 * n) for n in range(1, 11)),
        a_score("stolen", -3.5, 900, 0.7, terminal_id="t2"),
        a_score("too early", -DAYS_BEFORE - 1, 10),
        a_score("too late", DAYS_AFTER + 1, 10),
        a_score("high", 0.5, 480, 0.9, rules_hit=["unusual_amount", "of last year"]),
        a_score("low", 0.2, 5, 0.6),
        a_score("quiet", 0.3, 5, 0.2),
        a_score("backfill", 0.4, 5, 0.95, is_backfill=True),
        a_score("other", 0.6, 50, 0.8, customer_id="c2", account_id=None),
        a_score("nobody", 0.7, 60, 0.8, customer_id=None, account_id=None, terminal_id=None),
        a_score("yesterday", -0.5, 70, 0.8, customer_id="c3", account_id="a3"),
    )
    add(lake, TRANSACTIONS, {"transaction_id": "unscored", "event_time": at(0), "event_date": at(0).date()})
    reports = [("stolen", True), ("usual4", True), ("usual4", False), ("unknown", True)]
    add(lake, FRAUD_REPORTS, *({"transaction_id": n, "is_fraud": f, "reported_at": at(2 - f)} for n, f in reports))
    verdicts = [("other", "fraud", 1), ("other", "unsure", 2), ("high", "genuine", 1), ("high", "fraud", 3)]
    add(
        lake,
        ALERT_VERDICTS,
        *(
            {"transaction_id": n, "verdict": v, "reviewer": "anna", "decided_at": at(d), "note": "Jane Doe was ill"}
            for n, v, d in verdicts
        ),
    )
    return lake


@pytest.fixture(scope="module")
def story(scored: Lake) -> Story:
    found = story_of(scored, "high")
    assert found is not None
    return found


def test_alerts_of_the_newest_day_are_ranked_with_each_card_once(scored: Lake) -> None:
    ranked = alerts_of_day(scored)

    assert ranked.index.tolist() == [1, 2, 3]
    assert ranked["transaction_id"].tolist() == ["high", "nobody", "other"]
    assert ranked["card"].tolist() == ["a1", "nobody", "c2"]
    assert ranked["alerts"].tolist() == [2, 1, 1]
    assert ranked["verdict"].tolist() == ["fraud", None, "unsure"]
    assert ranked["known"].tolist() == ["fraud", None, "fraud"]


@pytest.mark.parametrize(("day", "transaction_id"), [("2025-09-27", ""), ("2025-09-27", "high"), ("", "yesterday")])
def test_the_day_is_the_one_asked_for_or_that_of_the_transaction(scored: Lake, day: str, transaction_id: str) -> None:
    assert alerts_of_day(scored, day, transaction_id)["transaction_id"].tolist() == ["yesterday"]


def test_a_day_without_alerts_has_none(scored: Lake) -> None:
    assert alerts_of_day(scored, "2020-01-01").empty


def test_what_is_not_there_has_no_story_and_is_named(scored: Lake) -> None:
    with pytest.raises(
        ParameterError, match=r"transaction_id='T0': neither gold.transaction_scores nor .*lakehouse sql"
    ):
        story_of(scored, "T0")


def test_what_was_not_scored_has_no_story_and_a_word_why(scored: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert story_of(scored, "unscored") is None
    assert "transaction_id='unscored' was not scored" in capsys.readouterr().out


def test_the_notebook_records_a_verdict_on_what_was_never_scored_and_goes_on(
    scored: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"transaction_id": "unscored", "verdict": "fraud", "reviewer": "anna"}
    scope = notebook_ended("review_alerts", scored, monkeypatch, given)

    assert "fraud on unscored by anna recorded" in capsys.readouterr().out
    assert scope["story"] is None
    assert statements(scored, "unscored")[["by", "says"]].values.tolist() == [["anna", "fraud"]]


def test_the_notebook_records_nothing_on_what_is_not_there(scored: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scored.version(ALERT_VERDICTS)
    given = {"transaction_id": "T0", "verdict": "fraud", "reviewer": "anna"}
    with pytest.raises(ParameterError, match=r"silver\.transactions has no such transaction"):
        notebook_ended("review_alerts", scored, monkeypatch, given)
    assert scored.version(ALERT_VERDICTS) == before


def notebook_ended(name: str, lake: Lake, patch: pytest.MonkeyPatch, given: dict[str, str]) -> dict[str, Any]:
    """What a notebook's variables are at its end, run on this lake with these parameters."""
    results: list[Result] = []
    patch.setattr("common.notebook.open_lakehouse", lambda _: lake)
    patch.setattr(type(lake), "result", lambda _, result: results.append(result), raising=False)
    scope: dict[str, Any] = {"display": lambda _: None}
    cells = json.loads((repository() / f"notebooks/ml/{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), scope)
            scope |= given if "parameters" in cell["metadata"].get("tags", []) else {}
    assert len(results) == 1
    return scope


def test_a_story_has_the_customers_weeks_and_what_is_usual_without_known_frauds(story: Story) -> None:
    rows = story.payments.set_index("transaction_id")

    inside = {f"usual{n}" for n in range(1, 11)} | {"stolen", "high", "low", "quiet", "backfill"}
    assert set(rows.index) == inside
    assert rows.index[rows["is_fraud"]].tolist() == ["stolen", "high"]
    assert rows.index[rows["is_alert"]].tolist() == ["stolen", "low", "high"]
    before = [*range(10, 101, 10), 5, 5, 5]
    assert story.usual_eur == tuple(np.quantile(before, [0.1, 0.9]))


def test_too_few_payments_say_nothing_of_what_is_usual(scored: Lake) -> None:
    other = story_of(scored, "other")
    assert other is not None
    assert other.payments["transaction_id"].tolist() == ["other"]
    assert other.usual_eur is None


def test_a_terminals_days_have_zeros_where_nothing_happened(story: Story) -> None:
    days = story.terminal_days

    assert days.index.min() == pd.Timestamp("2025-09-18")
    assert days["transactions"].tolist() == [*([1] * 9), 2, 5]
    assert days["frauds"].sum() == 2


def test_reasons_are_those_of_the_model_that_made_the_score(story: Story) -> None:
    world = a_world(days=5)
    features = FEATURE_NAMES[3:0:-1]
    rows = world.rows.assign(is_fraud=world.rows["transaction_id"].isin(world.reports["transaction_id"]))
    booster = fit(rows, features, Candidate(3, 0.3, 20), seed=1)
    model = Champion("1", features, 0.5, 10, DAY, bytes(booster.save_raw("ubj")))

    table = story.reasons(model)

    seen = story.alert["features"]
    assert set(table["reason"]) <= {sentence(name, float(seen[name])) for name in features}
    assert len(table)
    assert (table["log_odds"] > 0).all()
    assert story.reasons(None)["reason"].tolist() == ["because"]


def test_rules_are_told_in_words_as_long_as_they_are_declared(story: Story) -> None:
    table = story.rules()
    assert table["rule"].tolist() == ["unusual_amount", "of last year"]
    assert table["severity"].tolist() == ["review", ""]
    assert "times what this customer paid" in table.loc[0, "what it saw"]


def test_statements_are_in_order_and_quote_no_note(scored: Lake) -> None:
    table = statements(scored, "high")
    assert table["says"].tolist() == ["genuine", "fraud"]
    assert set(table["by"]) == {"anna"}
    assert "Jane" not in table.to_string()
    assert statements(scored, "usual4")["says"].tolist() == ["fraud", "genuine"]


def test_the_plot_marks_the_alert_known_frauds_other_alerts_and_the_usual_amount(story: Story) -> None:
    drawn = plot_story(story)

    assert drawn is not None
    payments, terminal = drawn.axes
    labels = [text.get_text() for text in payments.get_legend().get_texts()]
    assert labels == ["usual (80% of 30 days)", "payment", "another alert", "known fraud", "this alert, a known fraud"]
    points = {dots.get_label(): len(dots.get_offsets()) for dots in payments.collections}
    assert points["payment"] == 13
    assert points["another alert"] == 2
    assert points["known fraud"] == points["this alert, a known fraud"] == 1
    red = [bar.get_height() for bar in terminal.patches if bar.get_facecolor() == to_rgba(FRAUD)]
    assert sum(red) == story.terminal_days["frauds"].sum()


def test_a_transaction_of_nobody_at_no_terminal_is_drawn_alone(scored: Lake) -> None:
    drawn = plot_story(story_of(scored, "nobody"))

    assert drawn is not None
    assert [axes.get_title(loc="right") for axes in drawn.axes] == ["Payments of nobody known", "No terminal is known"]
    assert len(drawn.axes[0].collections) == 1
