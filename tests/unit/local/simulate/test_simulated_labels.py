"""Reports that are wrong, or never come: friendly fraud, and frauds that nobody reports."""

import json
from collections import Counter, defaultdict

import pytest
from eventful_worlds import DAYS, HARD, alone, eventful
from simulated_files import Made, landed_files, truth

from local.simulate import World, simulate


def made(tmp_path_factory: pytest.TempPathFactory, world: World) -> Made:
    landing = tmp_path_factory.mktemp("landing")
    return Made(landing, world, simulate(landing, world))


@pytest.fixture(scope="module")
def easy_files(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory, eventful())


@pytest.fixture(scope="module")
def friendly_files(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory, alone("friendly_fraud_rate"))


@pytest.fixture(scope="module")
def quiet_files(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory, alone("unreported_share"))


def reports_of(made: Made) -> list[tuple[str, bool, str]]:
    """Every report that came: transaction, verdict, time."""
    reports = [json.loads(line) for path in made.files("fraud_reports") for line in made.lines(path)]
    return [(report["transaction_id"], report["is_fraud"], report["reported_at"]) for report in reports]


def labelled(made: Made, kind: str) -> set[str]:
    return {row["transaction_id"] for row in truth(made.landing, "labels") if row["kind"] == kind}


@pytest.mark.parametrize("files", ["friendly_files", "quiet_files"])
def test_wrong_labels_change_reports_and_nothing_else(
    easy_files: Made, files: str, request: pytest.FixtureRequest
) -> None:
    changed: Made = request.getfixturevalue(files)
    assert truth(changed.landing, "fraud") == truth(easy_files.landing, "fraud")
    before, after = landed_files(easy_files.landing), landed_files(changed.landing)
    different = {name.split("/")[1] for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert different == {"fraud_reports"}


def test_friendly_fraud_is_genuine_online_and_reported_for_good(easy_files: Made, friendly_files: Made) -> None:
    friendly = labelled(friendly_files, "friendly_fraud")
    frauds = {row["transaction_id"] for row in truth(friendly_files.landing, "fraud")}
    assert not friendly & frauds
    online = [
        row for row in friendly_files.clean_transactions if row["channel"] == "online" and row["id"] not in frauds
    ]
    assert friendly <= {row["id"] for row in online}
    share, expected = len(friendly) / len(online), HARD["friendly_fraud_rate"]
    assert share == pytest.approx(expected, abs=4 * (expected / len(online)) ** 0.5)

    added = Counter(reports_of(friendly_files))
    added.subtract(reports_of(easy_files))
    assert min(added.values()) == 0
    happened = {row["id"]: row["ts"] for row in online}
    settled = {each for each in friendly if happened[each] < f"{friendly_files.world.day(DAYS - 31)}"}
    reported = [each for each, count in added.items() if count]
    assert len(settled) > 50
    assert settled <= {transaction for transaction, _, _ in reported} <= friendly
    assert all(is_fraud and reported_at >= happened[id_] for id_, is_fraud, reported_at in reported)
    assert max(Counter(transaction for transaction, _, _ in reported).values()) == 1


def test_of_some_frauds_no_report_ever_comes(easy_files: Made, quiet_files: Made) -> None:
    unreported, before = labelled(quiet_files, "unreported"), labelled(easy_files, "unreported")
    frauds = {row["transaction_id"] for row in truth(quiet_files.landing, "fraud")}
    assert before < unreported < frauds
    reported = {transaction for transaction, is_fraud, _ in reports_of(quiet_files) if is_fraud}
    assert not reported & unreported
    share = HARD["unreported_share"]
    would_be = len(frauds) - len(before)
    found = len(unreported - before) / would_be
    assert found == pytest.approx(share, abs=4 * (share * (1 - share) / would_be) ** 0.5)

    missing = Counter(reports_of(easy_files))
    missing.subtract(reports_of(quiet_files))
    assert min(missing.values()) == 0
    lost = {transaction for (transaction, _, _), count in missing.items() if count}
    assert lost
    assert lost <= unreported


def test_every_fraud_of_early_days_is_reported_or_known_to_be_unreported(quiet_files: Made) -> None:
    days: defaultdict[str, str] = defaultdict(
        str, {row["id"]: row["ts"][:10] for row in quiet_files.clean_transactions}
    )
    early = f"{quiet_files.world.day(DAYS - 31)}"
    frauds = {row["transaction_id"] for row in truth(quiet_files.landing, "fraud")}
    settled = {each for each in frauds if days[each] < early}
    reported = {transaction for transaction, _, _ in reports_of(quiet_files)}
    assert settled - reported == settled & labelled(quiet_files, "unreported")
