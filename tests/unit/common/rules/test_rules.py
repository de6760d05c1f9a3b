"""Each rule fires, doesn't fire, and keeps quiet where an input is missing."""

from typing import Any

import pytest
from pyspark.sql import SparkSession

from common.contracts.features import FEATURES
from common.errors import DeclarationError
from common.rules import RULES, Rule, blocks, evaluate, sentence, sentences
from common.settings import HIGH_RISK_COUNTRIES

SCHEMA = ", ".join(
    ["name string"]
    + [f"{column.name} {column.type}" for column in FEATURES]
    + ["channel string", "country string", "is_watchlisted boolean"]
)
COLUMNS = [part.split()[0] for part in SCHEMA.split(", ")]
ORDINARY = {
    "amount_eur": 40.0,
    "customer_tx_count_30d": 21,
    "customer_amount_mean_30d": 40.0,
    "channel": "card_present",
    "country": "DE",
    "is_watchlisted": False,
}
BLIND = dict.fromkeys(ORDINARY)


def with_mean_of_others(amount: float, mean: float, others: int) -> dict[str, Any]:
    """A payment of a customer whose other payments of 30 days have this mean."""
    count = others + 1
    return {
        "amount_eur": amount,
        "customer_tx_count_30d": count,
        "customer_amount_mean_30d": (mean * others + amount) / count,
    }


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "ordinary": ({}, []),
    "large online": ({"channel": "online", "amount_eur": 30_000.01}, ["large_online_amount", "unusual_amount"]),
    "exactly the limit online": (
        {"channel": "online", **with_mean_of_others(30_000.0, 25_000.0, 20)},
        [],
    ),
    "large in a shop": (with_mean_of_others(90_000.0, 80_000.0, 20), []),
    "large online, customer new": (
        {"channel": "online", **with_mean_of_others(40_000.0, 0.0, 0)},
        ["large_online_amount"],
    ),
    "large, channel unknown": ({"channel": None, **with_mean_of_others(90_000.0, 80_000.0, 20)}, []),
    "watchlisted": ({"is_watchlisted": True}, ["watchlisted_merchant"]),
    "merchant unknown": ({"is_watchlisted": None}, []),
    **{f"country {code}": ({"country": code}, ["high_risk_country"]) for code in HIGH_RISK_COUNTRIES},
    "country unknown": ({"country": None}, []),
    "five times the others": (with_mean_of_others(250.0, 50.0, 8), ["unusual_amount"]),
    "just below five times": (with_mean_of_others(250.0, 50.1, 8), []),
    "five times, but little money": (with_mean_of_others(249.0, 10.0, 8), []),
    "enough others": (with_mean_of_others(400.0, 10.0, 5), ["unusual_amount"]),
    "too few others": (with_mean_of_others(400.0, 10.0, 4), []),
    "no mean": ({"amount_eur": 400.0, "customer_amount_mean_30d": None}, []),
    "no count": ({"amount_eur": 400.0, "customer_tx_count_30d": None}, []),
    "amount unknown": ({"amount_eur": None, "channel": "online"}, []),
    "nothing known": (BLIND, []),
    "everything": (
        {"channel": "online", "amount_eur": 50_000.0, "country": HIGH_RISK_COUNTRIES[0], "is_watchlisted": True},
        [rule.name for rule in RULES],
    ),
}


@pytest.fixture(scope="module")
def judged(spark: SparkSession) -> dict[str, Any]:
    """Every case after evaluation, by its name."""
    rows = [
        tuple({**dict.fromkeys(COLUMNS), **ORDINARY, **changed, "name": name}[column] for column in COLUMNS)
        for name, (changed, _) in CASES.items()
    ]
    frame = evaluate(spark.createDataFrame(rows, SCHEMA))
    frame = frame.withColumn("blocked", blocks()).withColumn("text", sentences())
    return {row["name"]: row for row in frame.collect()}


@pytest.mark.spark
@pytest.mark.parametrize("name", CASES)
def test_the_rules_that_fire(judged: dict[str, Any], name: str) -> None:
    assert judged[name]["rules_hit"] == CASES[name][1]


@pytest.mark.spark
def test_only_the_large_online_amount_blocks(judged: dict[str, Any]) -> None:
    blocked = {name for name, row in judged.items() if row["blocked"]}
    assert blocked == {name for name, (_, fired) in CASES.items() if "large_online_amount" in fired}


@pytest.mark.spark
def test_hits_are_shown_in_words(judged: dict[str, Any]) -> None:
    assert judged["ordinary"]["text"] == []
    assert judged["watchlisted"]["text"] == ["rule watchlisted_merchant: the merchant is on the fraud team's watchlist"]
    assert judged["everything"]["text"] == [sentence(rule.name) for rule in RULES]


@pytest.mark.spark
def test_rules_of_ones_own(spark: SparkSession) -> None:
    rules = (Rule("odd", "id % 2 = 1", "review", "odd"), Rule("big", "id > 2", "block", "big"))
    frame = evaluate(spark.range(4), rules).withColumn("blocked", blocks("rules_hit", rules))
    rows = frame.withColumn("text", sentences("rules_hit", rules[:1])).orderBy("id").collect()
    assert [(row["rules_hit"], row["blocked"]) for row in rows] == [
        ([], False),
        (["odd"], False),
        ([], False),
        (["odd", "big"], True),
    ]
    assert rows[3]["text"] == ["rule odd: odd", "big"]
    nothing = evaluate(spark.range(1), ()).withColumn("blocked", blocks("rules_hit", ())).first()
    assert (nothing["rules_hit"], nothing["blocked"]) == ([], False)


def test_a_rule_that_is_no_longer_declared_gives_its_name() -> None:
    assert sentence("retired") == "retired"


def test_a_severity_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DeclarationError, match="severity='stop': must be one of block, review"):
        Rule("x", "true", "stop", "x")  # type: ignore[arg-type]


def test_a_name_used_twice_is_refused() -> None:
    rule = Rule("x", "true", "review", "x")
    with pytest.raises(DeclarationError, match="declared twice: x"):
        evaluate(None, (rule, rule))  # type: ignore[arg-type]
