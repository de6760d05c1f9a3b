import numpy as np
import pandas as pd
import pytest
from ml_builders import judged, random_judged, review_by_hand
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from common.ml.bootstrap import figures_of, resampled, with_intervals
from common.ml.metrics import evaluate
from common.ml.weighted import Ranked, Reviewed


def copies_of(frame: pd.DataFrame, weight: np.ndarray) -> pd.DataFrame:
    """The frame in which a transaction of weight 2 is there twice, the second time of another card."""
    times = weight.astype(int)
    repeated = frame.loc[frame.index.repeat(times)]
    copy = repeated.groupby(level=0).cumcount()
    return repeated.assign(card=repeated["card"] + "#" + copy.astype(str)).reset_index(drop=True)


def weights(frame: pd.DataFrame, seed: int) -> np.ndarray:
    codes, names = pd.factorize(frame["card"])
    return np.random.default_rng(seed).integers(0, 4, len(names))[codes].astype("float64")


@pytest.mark.parametrize("levels", [0, 5])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_weight_counts_a_transaction_as_often_as_copies_of_it_would(seed: int, levels: int) -> None:
    frame = random_judged(seed, levels=levels)
    weight = weights(frame, seed)
    expected = evaluate(copies_of(frame, weight), 7)
    figures = {name: figure(weight) for name, figure in figures_of(frame, 7).items()}
    names = ["average_precision", "auc_roc", "brier"]
    # Which of tied cards is reviewed depends on their names, and copies have other names.
    names += [] if levels else ["card_precision", "recall", "saved_eur"]
    for name in names:
        assert figures[name] == pytest.approx(getattr(expected, name)), name


def test_with_weight_one_the_figures_are_those_of_a_review_day_by_day_and_of_sklearn() -> None:
    frame = random_judged(4)
    table = with_intervals(figures_of(frame, 5), frame["card"], seed=1, resamples=5)["value"]
    found = table[["card_precision", "recall", "saved_eur"]].tolist()
    assert found == pytest.approx(list(review_by_hand(frame, 5)))
    score, is_fraud = frame["score"], frame["is_fraud"]
    assert table["average_precision"] == pytest.approx(average_precision_score(is_fraud, score))
    assert table["auc_roc"] == pytest.approx(roc_auc_score(is_fraud, score))
    assert table["brier"] == pytest.approx(brier_score_loss(is_fraud, score))
    assert table["frauds_expected"] == pytest.approx(score.sum() / is_fraud.sum())


def test_a_review_blocks_only_the_copies_that_were_found() -> None:
    """One place a day and a card that counts twice: its second copy is found on the second day."""
    frame = judged((0, "a", 0.9, True), (1, "a", 0.9, True), (1, "b", 0.8, False), (2, "b", 0.8, True))
    found = Reviewed(frame, 1).review(np.array([2.0, 2.0, 1.0, 1.0]))
    assert found.card_precision == pytest.approx(1.0)
    assert found.recall == pytest.approx(4 / 5)


def test_where_no_fraud_has_weight_the_figures_are_those_of_no_fraud() -> None:
    ranked = Ranked(np.array([0.3, 0.1]), np.array([True, False]))
    assert ranked.average_precision(np.array([0.0, 1.0])) == 0.0
    assert ranked.auc_roc(np.array([0.0, 1.0])) == 0.5
    assert ranked.auc_roc(np.array([1.0, 0.0])) == 0.5
    frame = judged((0, "a", 0.9, True), (0, "b", 0.2, False))
    assert np.isnan(figures_of(frame, 1)["frauds_expected"](np.array([0.0, 1.0])))


def test_the_transactions_of_a_card_come_and_go_together() -> None:
    cards = pd.Series(["a", "b", "a", "c", "b"])
    seen = []

    def note(weight: np.ndarray) -> float:
        seen.append(weight)
        return 0.0

    resampled({"noted": note}, cards, seed=1, resamples=50)
    drawn = np.array(seen)
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 2])
    np.testing.assert_array_equal(drawn[:, 1], drawn[:, 4])
    assert (drawn[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_a_single_card_has_no_interval() -> None:
    frame = random_judged(1).assign(card="c1")
    table = with_intervals(figures_of(frame, 5), frame["card"], seed=1, resamples=5)
    assert table[["low", "high"]].isna().all(axis=None)
    assert table["value"].notna().all()


def test_draws_repeat_with_the_seed_and_differ_between_seeds() -> None:
    frame = random_judged(1)
    figure = {"ap": Ranked(frame["score"].to_numpy(), frame["is_fraud"].to_numpy()).average_precision}
    first, again, other = (resampled(figure, frame["card"], seed, resamples=20) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_an_interval_covers_the_true_figure_about_as_often_as_promised() -> None:
    """The share of fraud of many small worlds, each card of several transactions that are all fraud or none."""
    covered = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        is_fraud = np.repeat(generator.random(80) < 0.3, 5)
        cards = pd.Series(np.repeat(np.arange(80), 5).astype(str))

        def share(weight: np.ndarray, is_fraud: np.ndarray = is_fraud) -> float:
            return float(weight @ is_fraud / weight.sum())

        low, high = with_intervals({"share": share}, cards, seed, resamples=100).loc["share", ["low", "high"]]
        covered += low <= 0.3 <= high
    assert 86 <= covered <= 99
