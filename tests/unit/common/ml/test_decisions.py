"""Decisions as rows of ops.model_promotions, each once; and the slices of a window, read from the tables."""

from datetime import timedelta

import pytest
from ml_builders import day
from pyspark.sql import SparkSession
from small_models import BAD, GOOD, register
from test_window import Tables, a_transaction

from common.contracts.ops import MODEL_PROMOTIONS
from common.contracts.silver import TRANSACTIONS
from common.errors import ModelError
from common.ml import decisions
from common.ml.gate import Verdict
from common.ml.model_versions import ALIAS
from common.ml.registry import Registry
from common.ml.rollback import plan_rollback, roll_back_planned
from common.ml.slices import read_slices
from common.ml.version import PROMOTED
from common.settings import Settings
from common.storage.lake import Lake

pytestmark = pytest.mark.spark


def test_a_decision_is_noted_once_with_each_criterion_and_a_persons_word(lake: Lake, settings: Settings) -> None:
    registry = Registry(settings)
    number = register(registry)
    for _ in range(2):  # the second time as after a kill: the version is read again
        version = registry.version(number)
        assert version is not None
        verdict = Verdict((GOOD, BAD), "rules")
        decisions.record(lake, registry, version, decision="kept_out", against="rules", verdict=verdict)
    version = registry.version(number)
    assert version is not None
    said = ("rollback", False, "misses stolen cards")
    decisions.record(lake, registry, version, decision="rolled_back", against="3", said=said)
    decisions.record(lake, registry, version, decision="promoted", against="3")

    rows = lake.table(MODEL_PROMOTIONS).orderBy("decision", "criterion").collect()
    assert [(row.model_version, row.decision, row.judged_against, row.criterion, row.passed) for row in rows] == [
        ("1", "kept_out", "rules", "average precision", True),
        ("1", "kept_out", "rules", "calibration", False),
        ("1", "rolled_back", "3", "rollback", False),
    ]
    assert [row.figure for row in rows] == [0.1, 3.0, None]
    assert rows[1].sentence == BAD.sentence


def test_that_a_version_has_passed_is_believed_of_the_table_and_not_of_a_tag(lake: Lake, settings: Settings) -> None:
    registry = Registry(settings)
    number = register(registry)
    registry.note(number, {"gate": "passed", "judged_against": "9"})  # as a person may who approves by a tag
    version = registry.version(number)
    assert version is not None
    assert version.has_passed("9")
    assert not decisions.has_passed(lake, version, "9")

    said = ("approval", True, "approved by anna in MLflow")
    decisions.record(lake, registry, version, decision="promoted", against="9", said=said)
    assert not decisions.has_passed(lake, version, "9"), "a person's word is no criterion"
    for against, criteria in (("8", (GOOD, BAD)), ("9", (GOOD,))):
        verdict = Verdict(criteria, against)
        decisions.record(lake, registry, version, decision="waits_for_approval", against=against, verdict=verdict)
    assert [decisions.has_passed(lake, version, against) for against in ("8", "9", None)] == [False, True, True]


def test_rollback_goes_to_no_version_that_only_its_tags_call_promoted(lake: Lake, settings: Settings) -> None:
    registry = Registry(settings)
    numbers = [register(registry) for _ in range(3)][1:]  # other tests here decided on version 1
    registry.note(numbers[0], {"decision": PROMOTED, "gate": "passed"})
    registry.make_champion(numbers[1])
    plan = plan_rollback(registry, numbers[0])
    with pytest.raises(ModelError, match="no verdict of the gate"):
        roll_back_planned(lake, registry, plan, reason="")
    assert registry.alias_number(ALIAS) == numbers[1]

    target = registry.version(numbers[0])
    assert target is not None
    verdict = Verdict((GOOD,), "rules")
    decisions.record(lake, registry, target, decision=PROMOTED, against="rules", verdict=verdict)
    roll_back_planned(lake, registry, plan, reason="")
    assert registry.alias_number(ALIAS) == numbers[0]


def test_the_slices_of_a_window(spark: SparkSession) -> None:
    start, end = day(30, 0), day(37, 0)
    online = {"channel": "online", "country": "PT"}
    rows = [
        a_transaction("old", start - timedelta(days=10)),
        a_transaction("known", start, **online),
        a_transaction("new", start + timedelta(days=1), customer_id="c2", channel="atm"),
        a_transaction("nobody", start, customer_id=None),
        a_transaction("late", end),
    ]
    rows = [row | {"amount_eur": None} for row in rows]  # a decimal in silver, and no matter here
    found = read_slices(Tables(spark, {TRANSACTIONS.name: rows}), start, end)  # type: ignore[arg-type]
    assert found.sort_index().astype(object).where(found.notna(), None).to_dict("index") == {
        "known": {"channel": "online", "country": "PT", "customer_age": "7 to 29 days"},
        "new": {"channel": "atm", "country": None, "customer_age": "0 to 6 days"},
        "nobody": {"channel": None, "country": None, "customer_age": None},
    }
