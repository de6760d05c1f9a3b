import numpy as np
import pytest
from ml_builders import a_world

from common.contracts.features import FEATURE_NAMES
from common.ml.booster import Candidate, fit, predict
from common.ml.explain import contributions, explained, reasons, sentence


@pytest.mark.parametrize(
    ("feature", "value", "expected"),
    [
        (
            "terminal_fraud_rate_7d",
            0.42,
            "42% of the payments at this terminal were fraud in the 7 days before reports could arrive",
        ),
        ("amount_eur", 1234.5, "the amount is 1,234.50 euro"),
        ("amount_to_usual", 4.79, "the amount is 4.79 times this customer's usual"),
        ("amount_to_usual", float("nan"), "it is not known what this customer usually pays"),
        ("customer_tx_count_1d", 12.0, "12 payments of this customer in the last day"),
        ("customer_country_count_30d", 0.0, "0 earlier payments of this customer in this country in the last 30 days"),
        ("is_night", 1.0, "it is night"),
        ("is_night", 0.0, "it is day"),
        ("customer_amount_mean_30d", float("nan"), "customer_amount_mean_30d is not known for this transaction"),
        ("brand_new", 2.5, "brand_new is 2.5"),
    ],
)
def test_a_sentence_tells_the_value_in_words(feature: str, value: float, expected: str) -> None:
    assert sentence(feature, value) == expected


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_every_feature_has_a_sentence_of_its_own(value: float) -> None:
    assert len({sentence(name, value) for name in FEATURE_NAMES}) == len(FEATURE_NAMES)


def test_reasons_are_the_features_that_raise_the_score_most() -> None:
    world = a_world(days=20)
    rows = world.rows.assign(is_fraud=world.rows["transaction_id"].isin(world.reports["transaction_id"]))
    booster = fit(rows, FEATURE_NAMES, Candidate(3, 0.3, 20), seed=1)
    some = rows.head(50)
    values = contributions(booster, some, FEATURE_NAMES)
    scores = predict(booster, some, FEATURE_NAMES)
    np.testing.assert_allclose(1 / (1 + np.exp(-values.sum(axis=1))), scores, rtol=1e-4)
    for number, sentences in enumerate(reasons(booster, some, FEATURE_NAMES)):
        raised = {name: value for name, value in zip(FEATURE_NAMES, values[number], strict=False) if value > 0}
        expected = sorted(raised, key=lambda name: -raised[name])[:3]
        assert sentences == [sentence(name, float(some[name].iloc[number])) for name in expected]


def test_reasons_add_up_to_the_score_of_every_row_missing_values_included() -> None:
    world = a_world(days=20)
    rows = world.rows.assign(is_fraud=world.rows["transaction_id"].isin(world.reports["transaction_id"]))
    rows.loc[::5, "customer_amount_mean_30d"] = np.nan
    booster = fit(rows, FEATURE_NAMES, Candidate(4, 0.3, 40), seed=1)

    added_up = contributions(booster, rows, FEATURE_NAMES).astype("float64").sum(axis=1)

    scores = predict(booster, rows, FEATURE_NAMES).astype("float64")
    # Sums of float32 in another order, over 40 trees.
    np.testing.assert_allclose(added_up, np.log(scores / (1 - scores)), atol=2e-4)
    assert scores.max() > 0.9
    assert scores.min() < 0.01


def test_an_explained_row_has_all_that_raised_its_score_with_shares() -> None:
    world = a_world(days=20)
    rows = world.rows.assign(is_fraud=world.rows["transaction_id"].isin(world.reports["transaction_id"]))
    features = FEATURE_NAMES[::-1][:8]
    booster = fit(rows, features, Candidate(3, 0.3, 20), seed=1)
    one = rows[rows["is_fraud"]].head(1)

    table = explained(booster, one, features)

    values = contributions(booster, one, features)[0, :-1]
    np.testing.assert_allclose(table["log_odds"], sorted(values[values > 0], reverse=True))
    np.testing.assert_allclose(table["share"], table["log_odds"] / values[values > 0].sum())
    assert table["share"].sum() == pytest.approx(1)
    assert table["reason"].tolist()[:3] == reasons(booster, one, features)[0]


def test_no_rows_have_no_reasons() -> None:
    rows = a_world(days=5).rows
    booster = fit(rows.assign(is_fraud=rows.index % 7 == 0), FEATURE_NAMES, Candidate(2, 0.3, 2), seed=1)
    assert reasons(booster, rows.head(0), FEATURE_NAMES) == []
