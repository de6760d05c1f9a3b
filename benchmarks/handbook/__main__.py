"""Measures the model on the Handbook's data, and on a world of the same kind with another seed.

    python -m benchmarks.handbook [FOLDER]

FOLDER (or HANDBOOK_DATA) holds the Handbook's Parquet files. All figures are means over four prequential folds, see
`protocol.py`, with 95 % intervals by bootstrap over cards. Our model learns from 2018-04-08 on; "as published" is
XGBoost on the Handbook's 15 features and 7 days of training, at the best point of its grid. Parameters are chosen on
the validation folds; the reported folds, and the other world, are looked at once. No Spark is needed: `world.py`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.handbook.bayes import HANDBOOK_RATES, Rates, bayes_scores
from benchmarks.handbook.breakdown import ablation, by_scenario, speed
from benchmarks.handbook.model import Model, chosen
from benchmarks.handbook.protocol import (
    CARDS_PER_DAY,
    TEST_STARTS,
    VALIDATION_STARTS,
    Folds,
    folds_of,
    intervals,
    means,
)
from benchmarks.handbook.report import BOUND, OURS, alarm, figures_table, plain_table
from benchmarks.handbook.rivals import amounts, as_published, handbook_grid, logistic, random_scores, rules
from benchmarks.handbook.simulator import Setting, simulated
from benchmarks.handbook.world import read, with_features
from benchmarks.measured import handbook_folder
from common.ml.booster import Split

OTHER_WORLD = Setting(seed=1)
OTHER_STARTS = ("2018-07-18", "2018-07-25", "2018-08-01", "2018-08-08")

Scores = Mapping[str, list[np.ndarray]]


def main() -> None:
    """Measures and prints; says why where the data are absent."""
    console = Console(width=140)
    rows = with_features(read(handbook_folder()))
    validation, test = folds_of(rows, VALIDATION_STARTS), folds_of(rows, TEST_STARTS)
    bound = bayes_scores(rows, HANDBOOK_RATES)
    model = chosen(validation.long, console.print)
    grid = handbook_grid(validation.short)
    point = max(grid, key=grid.__getitem__)
    console.print(f"chosen on the validation folds: {model.candidate}; as published: {point}")
    before = {**_rivals(validation, model, point, bound), OURS: model.validation}
    after = {**_rivals(test, model, point, bound), OURS: model.scores(test.long)}
    judged = _judged(test.long, after, CARDS_PER_DAY)
    title = "Handbook protocol, means of folds from " + ", ".join(TEST_STARTS)
    earlier = {name: means(validation.long, scores, CARDS_PER_DAY) for name, scores in before.items()}
    console.print(figures_table(title, judged, earlier, with_goals=True))
    console.print(alarm(judged))
    scenarios = by_scenario(test.long, after[OURS], after[BOUND], CARDS_PER_DAY)
    console.print(plain_table("Our model by kind of fraud", scenarios))
    console.print(plain_table("One booster without some features", ablation(test.long, model, CARDS_PER_DAY)))
    threshold = model.threshold(validation.long, CARDS_PER_DAY)
    console.print(plain_table("Before the first alert (quartiles)", speed(test.long, after[OURS], threshold)))
    console.print(_other_world(model, point))


def _rivals(
    folds: Folds, model: Model, point: tuple[int, float, int], bound: np.ndarray
) -> dict[str, list[np.ndarray]]:
    rule_scores = rules(folds.long)
    return {
        "random": random_scores(folds.long),
        "the amount alone": amounts(folds.long),
        **{f"rule {name}": scores for name, scores in rule_scores.items()},
        "all rules": [np.sum(parts, axis=0) for parts in zip(*rule_scores.values(), strict=True)],
        "logistic regression": logistic(folds.long, model.features),
        "XGBoost as published": as_published(folds.short, point),
        BOUND: [bound[split.valid.index] for split in folds.long],
    }


def _judged(folds: Sequence[Split], scores: Scores, cards_per_day: int) -> dict[str, pd.DataFrame]:
    return {name: intervals(folds, values, cards_per_day) for name, values in scores.items()}


def _other_world(model: Model, point: tuple[int, float, int]) -> Table:
    """The same on a fresh world of the same mechanism, with what was chosen on the Handbook's."""
    rows = with_features(simulated(OTHER_WORLD))
    folds = folds_of(rows, OTHER_STARTS)
    rates = Rates(
        OTHER_WORLD.terminals_a_day / OTHER_WORLD.terminals, OTHER_WORLD.customers_a_day / OTHER_WORLD.customers
    )
    scores = {**_rivals(folds, model, point, bayes_scores(rows, rates)), OURS: model.scores(folds.long)}
    cards = CARDS_PER_DAY * OTHER_WORLD.customers // 5_000
    title = (
        f"A world of another seed: {OTHER_WORLD.customers:,} customers, {OTHER_WORLD.terminals:,} terminals, "
        f"{OTHER_WORLD.days} days, {cards} cards a day"
    )
    return figures_table(title, _judged(folds.long, scores, cards), {}, with_goals=False)


if __name__ == "__main__":
    main()
