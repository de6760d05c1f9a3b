import numpy as np
import pytest
from ml_builders import judged, random_judged
from sklearn.metrics import average_precision_score

from common.ml.metrics import auc_roc, average_precision, comparison, evaluate, random_baseline, rules_baseline
from common.ml.weighted import Ranked


def average_precision_by_hand(is_fraud: np.ndarray, score: np.ndarray) -> float:
    total, before = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        chosen = score >= threshold
        recall = is_fraud[chosen].sum() / is_fraud.sum()
        total += (recall - before) * is_fraud[chosen].mean()
        before = recall
    return total


def auc_by_hand(is_fraud: np.ndarray, score: np.ndarray) -> float:
    pairs = score[is_fraud][:, None] - score[~is_fraud][None, :]
    return float(((pairs > 0) + 0.5 * (pairs == 0)).mean())


@pytest.mark.parametrize("levels", [0, 5])
@pytest.mark.parametrize("seed", range(3))
def test_figures_equal_those_by_hand_with_and_without_ties(seed: int, levels: int) -> None:
    frame = random_judged(seed, days=3, a_day=80, levels=levels)
    is_fraud, score = frame["is_fraud"].to_numpy(), frame["score"].to_numpy()
    assert average_precision(is_fraud, score) == pytest.approx(average_precision_by_hand(is_fraud, score))
    assert auc_roc(is_fraud, score) == pytest.approx(auc_by_hand(is_fraud, score))


@pytest.mark.parametrize("levels", [0, 6])
def test_the_weighted_average_precision_of_the_bootstrap_equals_sklearns(levels: int) -> None:
    frame = random_judged(5, levels=levels)
    is_fraud, score = frame["is_fraud"].to_numpy(), frame["score"].to_numpy()
    weight = np.random.default_rng(1).integers(0, 4, len(frame)).astype(float)
    ours = Ranked(score, is_fraud).average_precision(weight)
    assert ours == pytest.approx(average_precision_score(is_fraud, score, sample_weight=weight))


def test_a_window_with_one_kind_only_has_figures_that_say_nothing() -> None:
    genuine = evaluate(judged((0, "a", 0.9, False), (0, "b", 0.1, False)), 1)
    assert (genuine.average_precision, genuine.auc_roc, genuine.recall) == (0.0, 0.5, 0.0)
    assert evaluate(judged((0, "a", 0.9, True)), 1).auc_roc == 0.5
    none = evaluate(judged((0, "a", 0.9, True)).head(0), 1)
    assert (none.average_precision, none.auc_roc, none.card_precision, none.brier) == (0.0, 0.5, 0.0, 0.0)
    assert (none.transactions, none.frauds) == (0, 0)


def test_perfect_scores_have_perfect_figures() -> None:
    frame = random_judged(1)
    figures = evaluate(frame.assign(score=frame["is_fraud"].astype(float)), 200)
    assert (figures.average_precision, figures.auc_roc, figures.recall, figures.brier) == (1.0, 1.0, 1.0, 0.0)
    assert figures.saved_eur == pytest.approx(frame.loc[frame["is_fraud"], "amount_eur"].sum())


def test_random_scores_find_about_the_share_of_fraud() -> None:
    frame = random_judged(2, days=20)
    figures = random_baseline(frame, 10, seed=4)
    assert figures.average_precision == pytest.approx(frame["is_fraud"].mean(), abs=0.02)
    assert figures.auc_roc == pytest.approx(0.5, abs=0.05)
    assert (figures.frauds, figures.transactions) == (int(frame["is_fraud"].sum()), len(frame))
    assert figures == random_baseline(frame, 10, seed=4)


def test_rules_alone_are_ranked_by_how_many_fired() -> None:
    frame = random_judged(3)
    hits = frame["is_fraud"].astype(int) * 2 + (frame.index % 10 == 0)
    figures = rules_baseline(frame, hits, 10)
    assert figures.average_precision == pytest.approx(average_precision(frame["is_fraud"].to_numpy(), hits / 3))
    silent = rules_baseline(frame, hits * 0, 10)
    assert silent.average_precision == pytest.approx(frame["is_fraud"].mean())


def test_a_comparison_has_the_best_first() -> None:
    frame = random_judged(3)
    table = comparison({"random": random_baseline(frame, 10, 1), "model": evaluate(frame, 10)})
    assert table.index.tolist() == ["model", "random"]
