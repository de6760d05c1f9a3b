import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean

import pytest
from simulated_files import WORLD, Made, truth

from common.settings import HIGH_RISK_COUNTRIES
from common.silver.exchange import rates
from local.simulate import World, simulate
from local.simulate.settings import DIRT_RATES, FRAUD_RATES


def euro(row: dict[str, str]) -> float:
    """The amount in euro by the rates of the lakehouse itself."""
    units = 1.0 if row["currency"] == "EUR" else float(rates()[row["currency"]][-1][1])
    return float(row["amount"]) / units


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The world of this folder without difficulties: mechanisms as they are by themselves."""
    landing, world = tmp_path_factory.mktemp("easy"), replace(WORLD, difficulty=0.0)
    return Made(landing, world, simulate(landing, world))


@pytest.fixture(scope="module")
def mechanism(made: Made) -> dict[str, str]:
    return {row["transaction_id"]: row["mechanism"] for row in truth(made.landing, "fraud")}


@pytest.fixture(scope="module")
def by_mechanism(made: Made, mechanism: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    rows = defaultdict(list)
    for row in made.clean_transactions:
        rows[mechanism.get(row["id"], "genuine")].append(row)
    return rows


@pytest.fixture(scope="module")
def watchlisted(made: Made) -> set[str]:
    """Merchants that were on the watchlist at any time."""
    return {row["id"] for path in made.files("merchants") for row in made.rows(path) if row["watchlist"]}


def test_less_than_one_percent_is_fraud(made: Made, mechanism: dict[str, str]) -> None:
    assert 0.004 < len(mechanism) / made.summary.transactions < 0.01
    assert made.summary.frauds == Counter(mechanism.values())
    assert made.summary.fraud_rate == len(mechanism) / made.summary.transactions


def test_the_default_world_has_the_size_that_is_documented() -> None:
    world = World()
    assert world.customers * world.transactions_per_customer_day * world.days == 300_000


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("large_amount", "large_amount_rate"),
        ("high_risk_country", "high_risk_country_rate"),
        ("watchlisted_merchant", "watchlisted_merchant_rate"),
    ],
)
def test_single_frauds_occur_at_about_their_rate(made: Made, name: str, rate: str) -> None:
    expected = getattr(made.world, rate) * made.summary.transactions
    assert abs(made.summary.frauds[name] - expected) < 5 * expected**0.5


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("compromised_terminal_share", "compromised_terminal"),
        ("stolen_card_share", "stolen_card"),
        ("large_amount_rate", "large_amount"),
        ("test_burst_rate", "test_burst"),
        ("high_risk_country_rate", "high_risk_country"),
        ("watchlisted_merchant_rate", "watchlisted_merchant"),
    ],
)
def test_each_mechanism_has_a_rate_of_its_own(tmp_path: Path, setting: str, name: str) -> None:
    none = dict.fromkeys([*FRAUD_RATES, "compromised_terminal_share", "stolen_card_share"], 0.0)
    world = replace(
        World(), customers=300, merchants=50, terminals=100, days=3, difficulty=0.0, **(none | {setting: 0.2})
    )
    assert set(simulate(tmp_path, world).frauds) == {name}


def test_compromised_terminals_are_mostly_fraud_for_weeks(made: Made, by_mechanism, mechanism) -> None:
    frauds = Counter(row["terminal"] for row in by_mechanism["compromised_terminal"])
    terminal, count = frauds.most_common(1)[0]
    assert count >= 5
    days = sorted(row["ts"][:10] for row in by_mechanism["compromised_terminal"] if row["terminal"] == terminal)
    at_it = [
        row for row in made.clean_transactions if row["terminal"] == terminal and days[0] <= row["ts"][:10] <= days[-1]
    ]
    share = sum(mechanism.get(row["id"]) == "compromised_terminal" for row in at_it) / len(at_it)
    assert share > 0.6
    assert all(row["channel"] != "online" for row in by_mechanism["compromised_terminal"])


def test_stolen_cards_are_used_for_unusual_amounts(by_mechanism) -> None:
    usual = defaultdict(list)
    for row in by_mechanism["genuine"]:
        usual[row["customer"]].append(euro(row))
    ratios = [euro(row) / mean(usual[row["customer"]]) for row in by_mechanism["stolen_card"] if usual[row["customer"]]]
    assert len(ratios) > 20
    assert mean(ratio > 3 for ratio in ratios) > 0.85


def test_large_amounts_are_online_and_above_thirty_thousand_euro(by_mechanism) -> None:
    assert by_mechanism["large_amount"]
    for row in by_mechanism["large_amount"]:
        assert row["channel"] == "online"
        assert euro(row) > 30_000


def test_bursts_are_small_tests_and_then_a_large_one(tmp_path: Path) -> None:
    world = replace(World(), customers=2000, days=1, test_burst_rate=0.01, **dict.fromkeys(DIRT_RATES, 0.0))
    bursts_only = Made(tmp_path, world, simulate(tmp_path, world))
    frauds = {row["transaction_id"] for row in truth(tmp_path, "fraud") if row["mechanism"] == "test_burst"}
    bursts = defaultdict(list)
    for row in bursts_only.clean_transactions:
        if row["id"] in frauds:
            bursts[row["customer"]].append(row)
    once = [rows for rows in bursts.values() if sum(euro(row) > 200 for row in rows) == 1]
    assert once
    for rows in once:
        *tests, last = rows
        assert 4 <= len(tests) <= 8
        assert all(0.4 < euro(row) < 2.7 for row in tests)
        assert 250 < euro(last) < 1600
        lasted = datetime.fromisoformat(last["ts"]) - datetime.fromisoformat(tests[0]["ts"])
        assert lasted <= timedelta(hours=2)
        assert all(row["channel"] == "online" for row in rows)


def test_high_risk_countries_are_mostly_but_not_only_fraud(made: Made, by_mechanism, mechanism) -> None:
    assert all(row["country"] in HIGH_RISK_COUNTRIES for row in by_mechanism["high_risk_country"])
    genuine = [row for row in by_mechanism["genuine"] if row["country"] in HIGH_RISK_COUNTRIES]
    assert 0 < len(genuine) < len(by_mechanism["high_risk_country"])


def test_watchlisted_merchants_are_mostly_but_not_only_fraud(by_mechanism, watchlisted: set[str]) -> None:
    assert by_mechanism["watchlisted_merchant"]
    assert all(row["merchant"] in watchlisted for row in by_mechanism["watchlisted_merchant"])
    assert any(row["merchant"] in watchlisted for row in by_mechanism["genuine"])


def test_the_truth_is_hidden_from_the_pipeline(made: Made) -> None:
    for path in made.folder.rglob("*"):
        if path.is_file() and ".world" not in path.parts:
            assert b"mechanism" not in path.read_bytes()
    assert [path.name for path in made.folder.iterdir() if path.name.startswith(".")] == [".world"]


def test_reports_speak_of_frauds(made: Made, mechanism: dict[str, str]) -> None:
    reports = [json.loads(line) for path in made.files("fraud_reports") for line in made.lines(path)]
    of_fraud = [report for report in reports if report["transaction_id"] in mechanism]
    assert len(of_fraud) > 0.9 * len(reports)
