"""Which transactions count as scored by both, what is read of them, and what is said where there are none."""

from dataclasses import replace

import pandas as pd
import pytest
from small_models import small_model
from test_alert_story import a_score, add, at

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS
from common.ml.champion import Champion
from common.ml.promote import Contest
from common.ml.shadow import Shadow
from common.ml.shadow_rows import DAYS_BACK, read_shadow
from common.ml.version import Version
from common.rules import RULES
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

BLOCKING = next(rule.name for rule in RULES if rule.severity == "block")


def model(version: str) -> Champion:
    return replace(small_model(), version=version, threshold=0.3 if version == "2" else 0.5, test_start=at(0))


def contest(candidate: str = "2", champion: str = "1") -> Contest:
    of = {number: Version(model(number), "run", "", "") for number in (candidate, champion)}
    return Contest(of[candidate], of[champion], "")


def beside(name: str, days: float, challenger: float, score: float = 0.1, **others: object) -> dict[str, object]:
    shadow = {"challenger_version": "2", "challenger_score": challenger, "account_id": f"of {name}"}
    return a_score(name, days, 10, score) | shadow | others


def test_what_both_scored_is_compared_with_the_labels_that_are_known(lake: Lake) -> None:
    missing = read_shadow(lake, contest())
    before = tuple(c for c in TRANSACTION_SCORES.columns if not c.name.startswith("challenger"))
    lake.ensure(replace(TRANSACTION_SCORES, columns=before), FRAUD_REPORTS)
    not_upgraded = read_shadow(lake, contest())
    lake.ensure(TRANSACTION_SCORES)
    assert missing == not_upgraded == read_shadow(lake, contest())
    assert missing == (
        "There are no shadow scores of version 2 beside champion version 1 yet: it gives them when something new is "
        "scored while it has the alias challenger."
    )
    assert read_shadow(lake, Contest(None, None, "nothing to promote")) == (
        "There are no shadow scores to compare: nothing to promote."
    )

    add(
        lake,
        TRANSACTION_SCORES,
        beside("caught", 40.5, 0.9),
        beside("ruled", 40.9, 0.1, 0.2, rules_hit=[BLOCKING], decision="fraud"),
        beside("too old to count", 47.9 - DAYS_BACK - 1, 0.9),
        beside("open", 47.9, 0.35, 0.6),
        beside("backfill", 41, 0.9, is_backfill=True),
        beside("learnt from", -1, 0.9),
        beside("other challenger", 42, 0.9, challenger_version="3"),
        beside("other champion", 42, 0.9, model_version="7"),
        a_score("champion alone", 47.99, 10),
    )
    report = {"transaction_id": "caught", "is_fraud": True, "reported_at": at(43), "record_id": "r"}
    late = report | {"transaction_id": "open"}
    rows = [tuple(row.get(name) for name in FRAUD_REPORTS.column_names) for row in (report, late)]
    lake.append(lake.spark.createDataFrame(rows, schema_of(FRAUD_REPORTS)), FRAUD_REPORTS)

    shadow = read_shadow(lake, contest())

    assert isinstance(shadow, Shadow)
    columns = ["transaction_id", "score", "rival_score", "would_alert", "is_alert", "is_mature", "is_fraud"]
    expected = [
        ("caught", 0.9, 0.1, True, False, True, True),
        ("ruled", 0.1, 0.2, True, True, True, False),
        ("open", 0.35, 0.6, True, True, False, True),
    ]
    pd.testing.assert_frame_equal(shadow.rows[columns], pd.DataFrame(expected, columns=columns))
    assert shadow.rows["card"].tolist() == ["of caught", "of ruled", "of open"]
    assert shadow.examples["transaction_id"].tolist() == ["caught", "open", "ruled"]
    assert shadow.examples["higher"].tolist() == ["2", "1", "1"]
    assert shadow.examples["label"].tolist() == ["fraud", "fraud", "genuine"]
    assert shadow.evidence is not None
    assert shadow.evidence.frauds == 1
