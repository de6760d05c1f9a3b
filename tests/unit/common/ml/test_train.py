import pickle

import numpy as np
import pandas as pd
import pytest
from ml_builders import a_world, day, no_rules

from common.ml.booster import predict
from common.ml.enough_labels import TooFewLabels, counts, too_few_labels, validation_splits
from common.ml.folds import Protocol, protocol_at, rows_to_judge, rows_to_learn
from common.ml.train import Trained, train
from common.ml.window import Window


def trained_on(world: Window, protocol: Protocol, rules_hit: "pd.Series[int] | None" = None) -> Trained:
    hits = no_rules() if rules_hit is None else rules_hit
    return train(world, rules_hit=hits, protocol=protocol, cards_per_day=3, seed=1)


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
