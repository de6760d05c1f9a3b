import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from ml_builders import a_world, day

from common.contracts.features import FEATURE_NAMES
from common.errors import ModelError
from common.ml import scoring
from common.ml.booster import Candidate, fit
from common.ml.champion import Champion
from common.ml.scoring import ADDED, SHADOW, score, scorer

SHADOWED = ["challenger_version", "challenger_score"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return a_world(days=20).rows


@pytest.fixture(scope="module")
def champion(rows: pd.DataFrame) -> Champion:
    frauds = a_world(days=20).reports["transaction_id"]
    booster = fit(rows.assign(is_fraud=rows["transaction_id"].isin(frauds)), FEATURE_NAMES, Candidate(3, 0.3, 20), 1)
    return Champion("7", FEATURE_NAMES, 0.2, 10, day(10, 0), bytes(booster.save_raw("ubj")))


def scored(rows: pd.DataFrame, champion: Champion, blocked: str | None = None) -> pd.DataFrame:
    return score(rows, champion, champion.load(), blocked)


def test_scores_equal_those_of_the_booster_itself(rows: pd.DataFrame, champion: Champion) -> None:
    data = xgb.DMatrix(rows[list(FEATURE_NAMES)].astype("float32"))
    expected = champion.load().predict(data)
    np.testing.assert_allclose(scored(rows, champion)["score"], expected, rtol=1e-6)


def test_the_order_of_columns_does_not_matter(rows: pd.DataFrame, champion: Champion) -> None:
    turned = rows[rows.columns[::-1]]
    np.testing.assert_array_equal(scored(turned, champion)["score"], scored(rows, champion)["score"])


def test_rows_before_T_are_backfill_and_only_alerts_after_it_have_reasons(  # noqa: N802
    rows: pd.DataFrame, champion: Champion
) -> None:
    result = scored(rows, champion)
    assert (result["is_backfill"] == (rows["event_time"] < day(10, 0))).all()
    has_reasons = result["reasons"].map(len) > 0
    assert (has_reasons == ((result["score"] > 0.2) & ~result["is_backfill"])).all()
    assert has_reasons.any()
    assert ((result["decision"] == "fraud") == (result["score"] > 0.2)).all()


def test_only_alerts_are_explained(rows: pd.DataFrame, champion: Champion, monkeypatch: pytest.MonkeyPatch) -> None:
    explained = []
    monkeypatch.setattr(
        scoring, "reasons", lambda booster, frame, features: explained.extend(frame.index) or [["why"]] * len(frame)
    )

    result = scored(rows, champion)

    alerts = result[(result["decision"] == "fraud") & ~result["is_backfill"]]
    assert explained == alerts.index.tolist()
    assert 0 < len(explained) < len(rows) / 2


def test_times_without_a_zone_are_utc(rows: pd.DataFrame, champion: Champion) -> None:
    naive = rows.assign(event_time=rows["event_time"].dt.tz_localize(None))
    assert scored(naive, champion)["is_backfill"].equals(scored(rows, champion)["is_backfill"])


def test_a_row_that_a_rule_blocks_has_reasons_whatever_its_score(rows: pd.DataFrame, champion: Champion) -> None:
    late = rows[rows["event_time"] >= day(10, 0)]
    low = late[scored(late, champion)["score"] < 0.05].head(20)
    blocked = low.assign(is_blocked=[number % 2 == 0 for number in range(20)])
    result = scored(blocked, champion, "is_blocked")
    assert (result["reasons"].map(len) > 0).tolist() == blocked["is_blocked"].tolist()
    assert (result["decision"] == "fraud").tolist() == blocked["is_blocked"].tolist()


def test_a_partition_is_scored_frame_by_frame_as_it_would_be_at_once(rows: pd.DataFrame, champion: Champion) -> None:
    work = pickle.loads(pickle.dumps(champion))
    frames = [rows.iloc[:700], rows.iloc[700:], rows.iloc[:0]]
    result = pd.concat(scorer(work, FEATURE_NAMES)(iter(frames)))
    pd.testing.assert_frame_equal(result.drop(columns=SHADOWED), scored(rows, champion))
    assert [*ADDED, *SHADOW] == result.columns.tolist()[len(rows.columns) :]
    assert result[SHADOWED].isna().all(axis=None), "without a challenger they are null"


def test_a_challenger_adds_its_score_and_changes_nothing_else(rows: pd.DataFrame, champion: Champion) -> None:
    some = rows.assign(is_blocked=np.arange(len(rows)) % 7 == 0)
    without, beside = (
        pd.concat(scorer(champion, FEATURE_NAMES, "is_blocked", model)(iter([some.iloc[:900], some.iloc[900:]])))
        for model in (None, another(rows))
    )
    pd.testing.assert_frame_equal(beside.drop(columns=SHADOWED), without.drop(columns=SHADOWED))
    assert set(beside["challenger_version"]) == {"8"}
    by_itself = scored(rows, another(rows))
    np.testing.assert_array_equal(beside["challenger_score"], by_itself["score"])
    assert ((by_itself["decision"] == "fraud") != (without["decision"] == "fraud")).any(), "it would decide otherwise"


def test_a_challenger_that_lacks_a_feature_is_refused(rows: pd.DataFrame, champion: Champion) -> None:
    with pytest.raises(ModelError, match=r"version 8 .*does not get: amount_eur"):
        scorer(replace(champion, features=("is_night",)), ["is_night"], challenger=another(rows))


def another(rows: pd.DataFrame) -> Champion:
    """A model of one feature, that alerts on everything dear."""
    booster = fit(rows.assign(is_fraud=rows["amount_eur"] > 40), ("amount_eur",), Candidate(2, 0.3, 5), 1)
    return Champion("8", ("amount_eur",), 0.1, 10, day(15, 0), bytes(booster.save_raw("ubj")))


def test_a_missing_feature_value_is_scored(rows: pd.DataFrame, champion: Champion) -> None:
    gaps = rows.head(5).assign(terminal_fraud_rate_7d=np.nan, is_night=pd.Series([None] * 5, dtype=object))
    assert scored(gaps, champion)["score"].between(0, 1).all()


def test_a_model_that_lacks_a_feature_is_refused_with_its_name(champion: Champion) -> None:
    computed = [*(name for name in FEATURE_NAMES if name != "is_night"), "brand_new"]
    with pytest.raises(ModelError, match=r"version 7 .*does not get: is_night\. Train a new one: .*lakehouse run"):
        scorer(champion, computed)


def test_features_that_a_model_does_not_know_change_nothing(rows: pd.DataFrame, champion: Champion) -> None:
    with_more = rows.assign(brand_new=1.0)
    [result] = scorer(champion, [*FEATURE_NAMES, "brand_new"])(iter([with_more]))
    pd.testing.assert_frame_equal(result.drop(columns=["brand_new", *SHADOWED]), scored(rows, champion))


def test_an_infinite_feature_is_scored_as_a_missing_one(rows: pd.DataFrame, champion: Champion) -> None:
    some = rows.head(50)
    infinite, missing = (scored(some.assign(amount_eur=value), champion) for value in (np.inf, np.nan))
    assert infinite["score"].between(0, 1).all()
    pd.testing.assert_frame_equal(infinite.drop(columns="amount_eur"), missing.drop(columns="amount_eur"))
