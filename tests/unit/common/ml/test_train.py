import pickle
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from ml_builders import a_world, day, no_rules

from common.contracts.features import FEATURE_NAMES
from common.ml.booster import fit, log_odds, matrix, predict
from common.ml.calibration import IDENTITY
from common.ml.costs import threshold_by_costs
from common.ml.enough_labels import TooFewLabels, counts, too_few_labels, validation_splits
from common.ml.folds import Protocol, protocol_at, rows_to_judge, rows_to_learn
from common.ml.search import Limits
from common.ml.search_space import STARTING_POINTS
from common.ml.threshold import threshold_for
from common.ml.train import Trained, train
from common.ml.window import Window

ONE = Limits(1, 600.0)


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("common.ml.search.MAX_ROUNDS", 30)
        yield


def trained_on(world: Window, protocol: Protocol, rules_hit: "pd.Series[int] | None" = None) -> Trained:
    hits = no_rules() if rules_hit is None else rules_hit
    return train(world, rules_hit=hits, protocol=protocol, cards_per_day=3, seed=1, limits=ONE)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return trained_on(a_world(), protocol_at(day(60, 0), train_days=25))


def test_a_trained_model_is_judged_on_the_test_window_and_beats_the_baselines(trained: Trained) -> None:
    assert trained.judged["event_time"].between(day(46, 0), day(53, 0), inclusive="left").all()
    assert trained.model.test_start == day(46, 0)
    model, random = trained.figures["model"], trained.figures["random"]
    assert model.average_precision > 5 * random.average_precision
    assert trained.table().index[0] == "model"


def test_the_scores_are_those_of_the_booster_that_is_registered(trained: Trained) -> None:
    scores = predict(trained.model.load(), trained.judged, trained.model.features)
    np.testing.assert_array_equal(scores, trained.judged["score"])


def test_importances_are_shares_of_every_feature(trained: Trained) -> None:
    assert set(trained.importance.index) == set(trained.model.features)
    assert trained.importance.sum() == pytest.approx(1.0)
    assert set(trained.importance.nlargest(2).index) == {"amount_eur", "terminal_fraud_rate_7d"}


def test_nothing_after_the_training_cut_off_changes_the_model(trained: Trained) -> None:
    world = a_world()
    later = world.rows["event_time"] >= day(46, 0)
    noisy = world.rows.assign(amount_eur=world.rows["amount_eur"].where(~later, 1.0))
    late_reports = world.reports["reported_at"] >= day(46, 0)
    reports = world.reports.assign(is_fraud=world.reports["is_fraud"] | late_reports)
    assert trained_on(Window(noisy, reports), trained.protocol).model == trained.model


def test_rules_are_counted_for_the_baseline() -> None:
    world = a_world()
    fired = pd.Series(1, index=world.reports["transaction_id"])
    result = trained_on(world, protocol_at(day(60, 0), train_days=25), fired)
    assert result.figures["rules alone"].average_precision == 1.0


def test_too_few_frauds_train_nothing_and_say_how_many_there_were() -> None:
    world = a_world(fraud_share=0.005)
    learnt = rows_to_learn(world.rows, world.reports, protocol_at(day(60, 0), 25).test)["is_fraud"].sum()
    with pytest.raises(TooFewLabels, match=rf"^not enough labels: {learnt} frauds to train on \(50 needed\)"):
        trained_on(world, protocol_at(day(60, 0), train_days=25))


@pytest.mark.parametrize(("to_train", "to_test", "is_enough"), [(50, 10, True), (49, 10, False), (50, 9, False)])
def test_the_limits_are_those_promised(to_train: int, to_test: int, is_enough: bool) -> None:
    assert (too_few_labels(to_train, to_test) is None) == is_enough


def test_a_young_world_chooses_its_parameters_within_the_training_window() -> None:
    world = a_world(days=35)
    protocol = protocol_at(day(35, 0), train_days=25)
    [split] = validation_splits(world, protocol)
    assert split.train["event_time"].max() < split.valid["event_time"].min()
    assert split.valid["event_time"].max() < protocol.test.train_end
    assert trained_on(world, protocol).trials


def test_the_validation_fold_is_used_where_there_is_one() -> None:
    world, protocol = a_world(), protocol_at(day(60, 0), train_days=25)
    [split] = validation_splits(world, protocol)
    pd.testing.assert_frame_equal(split.valid, rows_to_judge(world.rows, world.reports, protocol.validation))


def test_counts_are_those_of_the_folds() -> None:
    table = counts(a_world(), protocol_at(day(60, 0), train_days=25))
    assert table.loc["final, test", "transactions"] == 7 * 150
    assert table.loc["final, train", "transactions"] == 25 * 150
    assert table["frauds"].between(10, 200).all()


def test_a_model_survives_pickling(trained: Trained) -> None:
    assert pickle.loads(pickle.dumps(trained.model)) == trained.model


def test_features_that_the_source_does_not_feed_are_left_out_and_named() -> None:
    world = a_world()
    rows = world.rows.assign(is_night=None, is_weekend=True, customer_tx_count_30d=np.nan)
    lines: list[str] = []
    result = train(
        Window(rows, world.reports),
        rules_hit=no_rules(),
        protocol=protocol_at(day(60, 0), 25),
        cards_per_day=3,
        seed=1,
        limits=ONE,
        report=lines.append,
    )
    left_out = {"is_night", "is_weekend", "customer_tx_count_30d"}
    assert set(result.model.left_out) == left_out
    assert result.model.features == tuple(name for name in FEATURE_NAMES if name not in left_out)
    assert result.model.load().feature_names == list(result.model.features)
    assert result.model.offered == set(FEATURE_NAMES)
    assert lines[0] == (
        "left out, as they never vary in the training window: is_weekend, is_night, customer_tx_count_30d"
    )


def test_infinite_values_are_named_and_count_as_missing() -> None:
    world = a_world()
    rows = world.rows.assign(customer_amount_mean_7d=world.rows["customer_amount_mean_7d"].mask(some_of(world), np.inf))
    missing = world.rows.assign(customer_amount_mean_7d=rows["customer_amount_mean_7d"].replace(np.inf, np.nan))
    lines: list[str] = []
    models = [
        train(
            Window(frame, world.reports),
            rules_hit=no_rules(),
            protocol=protocol_at(day(60, 0), 25),
            cards_per_day=3,
            seed=1,
            limits=ONE,
            report=lines.append,
        ).model
        for frame in (rows, missing)
    ]
    assert models[0] == models[1]
    learnt = rows_to_learn(rows, world.reports, protocol_at(day(60, 0), 25).test)
    count = int(np.isinf(learnt["customer_amount_mean_7d"]).sum())
    assert count > 100
    words = f"customer_amount_mean_7d is infinite in {count} transactions to learn from: they count as missing"
    assert lines.count(words) == 1


def some_of(world: Window) -> np.ndarray:
    return np.arange(len(world.rows)) % 7 == 0


def test_a_training_window_without_fraud_trains_nothing() -> None:
    world = a_world()
    late = world.reports[world.reports["reported_at"] >= day(46, 0)]
    with pytest.raises(TooFewLabels, match=r"0 frauds to train on \(50 needed\), \d\d to test on"):
        trained_on(Window(world.rows, late), protocol_at(day(60, 0), 25))


def test_a_single_customer_makes_a_model_without_intervals_and_without_calibration() -> None:
    world = a_world()
    alone = Window(world.rows.assign(customer_id="c1", card="c1"), world.reports)
    result = trained_on(alone, protocol_at(day(60, 0), 25))
    assert result.figures["model"].average_precision > 0.3
    assert result.rehearsal.calibration == IDENTITY
    assert result.intervals["model"][["low", "high"]].isna().all(axis=None)
    assert 0 <= result.model.threshold < 1


def test_scores_are_calibrated_by_the_booster_itself(trained: Trained) -> None:
    calibration = trained.rehearsal.calibration
    assert calibration != IDENTITY
    world = a_world()
    learnt = rows_to_learn(world.rows, world.reports, trained.protocol.test)
    plain = fit(learnt, trained.model.features, trained.trials[0].candidate, 1)
    raw = log_odds(plain, matrix(trained.judged, trained.model.features))
    np.testing.assert_allclose(trained.judged["score"], calibration.probabilities(raw), rtol=1e-4)
    rehearsed = trained.rehearsal.judged
    frauds = rehearsed["is_fraud"].sum()
    assert rehearsed["score"].sum() == pytest.approx(frauds, rel=0.1)
    assert rehearsed["raw_score"].sum() != pytest.approx(frauds, rel=0.1)


@pytest.mark.parametrize(("subsample", "boosters"), [(1.0, 1), (0.5, 3)])
def test_an_ensemble_averages_seeds_where_the_parameters_sample(
    monkeypatch: pytest.MonkeyPatch, subsample: float, boosters: int
) -> None:
    monkeypatch.setattr(
        "common.ml.search.STARTING_POINTS", ({**STARTING_POINTS[0], "colsample_bytree": 1.0, "subsample": subsample},)
    )
    result = train(
        a_world(),
        rules_hit=no_rules(),
        protocol=protocol_at(day(60, 0), 25),
        cards_per_day=3,
        seed=1,
        limits=ONE,
        ensemble=3,
    )
    assert result.boosters == boosters
    assert result.model.load().num_boosted_rounds() == boosters * result.trials[0].candidate.rounds


def test_further_validation_weeks_are_used_where_the_data_reach_back_to_their_training_days() -> None:
    world = a_world(days=74)
    weeks = {wanted: protocol_at(day(74, 0), 25, validation_folds=wanted) for wanted in (1, 2, 9)}
    used = {wanted: validation_splits(world, protocol) for wanted, protocol in weeks.items()}
    assert {wanted: len(splits) for wanted, splits in used.items()} == {1: 1, 2: 2, 9: 3}
    for split, fold in zip(used[9], weeks[9].validations, strict=False):
        pd.testing.assert_frame_equal(split.train, rows_to_learn(world.rows, world.reports, fold))
        assert split.train["event_time"].min() == fold.train_start


def test_a_review_cost_sets_the_threshold_on_validation(trained: Trained) -> None:
    result = train(
        a_world(),
        rules_hit=no_rules(),
        protocol=trained.protocol,
        cards_per_day=20,
        seed=1,
        limits=ONE,
        review_cost_eur=60.0,
    )
    model, judged = result.model, result.rehearsal.judged
    assert model.booster == trained.model.booster, "only the threshold depends on budget and cost"
    assert trained.model.threshold == threshold_for(judged, 3)
    assert model.threshold == threshold_by_costs(judged, 20, 60.0)
    assert model.threshold > threshold_for(judged, 20)
    assert (trained.model.review_cost_eur, model.review_cost_eur) == (None, 60.0)


def test_the_table_has_intervals_and_the_price_of_choosing(trained: Trained) -> None:
    table = trained.table()
    low, high = trained.intervals["model"].loc["average_precision", ["low", "high"]]
    average_precision = trained.figures["model"].average_precision
    assert table.loc["model", "average_precision"] == f"{average_precision:.3f} ({low:.3f} to {high:.3f})"
    assert table.loc["random", "auc_roc"] == f"{trained.figures['random'].auc_roc:.3f}"
    assert table.loc["model on validation", "average_precision"] == f"{trained.validation.average_precision:.3f}"
