"""Measures what each difficulty of the synthetic payment world costs the model: `python -m benchmarks.world`.

The default world of one seed is made without difficulties, with each alone, and with all. On each, models are trained
as the main job does it, on 60 days and the reports known by then, and judged on four weeks in a row; parameters are
chosen on a week before all of them. Figures are means over the weeks, with 95 % intervals by bootstrap over cards: by
the labels that were reported when the week's labels were mature, as the job has them, and by the truth, which only the
simulator knows. What a difficulty costs is measured on the same cards drawn from both worlds. No Spark is needed.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.handbook.model import LIMITS, Model
from benchmarks.handbook.protocol import FIGURES, RESAMPLES, SEED
from benchmarks.world.worlds import Known, made, worlds
from common.contracts.features import FEATURE_NAMES
from common.ml.bootstrap import Statistic, figures_of, resampled
from common.ml.enough_labels import validation_splits
from common.ml.fed_features import fed
from common.ml.folds import TEST_DAYS, Protocol, protocol_at, rows_to_judge, rows_to_learn
from common.ml.review import JUDGED
from common.ml.search import search
from local.simulate import World

TRAIN_DAYS = 60
"""The main job's default, as is the alert budget."""

CARDS_PER_DAY = 10
WEEKS = 4
EASY = "none"


def main() -> None:
    """Measures and prints."""
    console = Console(width=110)
    judged: dict[str, list[pd.DataFrame]] = {}
    for name, world in worlds(World().seed).items():
        judged[name] = weeks_judged(made(world), protocols(world))
        console.print(f"difficulties: {name}; {sum(map(len, judged[name])):,} payments judged", highlight=False)
    for label, title in (("is_fraud", "by what was reported"), ("is_true_fraud", "by the truth")):
        console.print(figures_table(f"Figures {title}, and what the difficulties cost", judged, label))


def protocols(world: World) -> list[Protocol]:
    """The folds of the last weeks whose labels are mature when the world ends, the oldest first."""
    end = datetime.combine(world.day(world.days), time(), UTC)
    return [protocol_at(end - timedelta(days=TEST_DAYS * back), TRAIN_DAYS) for back in reversed(range(WEEKS))]


def weeks_judged(known: Known, folds: list[Protocol]) -> list[pd.DataFrame]:
    """The payments of each fold's test week, scored, with `is_fraud` as reported and `is_true_fraud`."""
    window, weeks = known.window, []
    learnt = [rows_to_learn(window.rows, window.reports, fold.test) for fold in folds]
    features = fed(learnt[0], FEATURE_NAMES)
    best = search(validation_splits(window, folds[0]), features, SEED, limits=LIMITS)[0].candidate
    for rows, fold in zip(learnt, folds, strict=True):
        week = rows_to_judge(window.rows, window.reports, fold.test)
        week = week.assign(score=Model(features, best, []).fitted(rows, week))
        week["is_true_fraud"] = week["transaction_id"].isin(known.frauds)
        weeks.append(week[[*JUDGED, "is_true_fraud"]])
    return weeks


def statistics(judged: Mapping[str, list[pd.DataFrame]], label: str) -> tuple[dict[str, Statistic], "pd.Series[str]"]:
    """Each world's mean figures over its weeks, by `WORLD FIGURE`, and the cards of all rows that they take weights of.

    A card that is drawn is drawn in all worlds, which makes their difference a paired one.
    """
    weeks = [(name, week.assign(is_fraud=week[label])) for name, parts in judged.items() for week in parts]
    figures = [(name, figures_of(week, CARDS_PER_DAY)) for name, week in weeks]
    ends = np.cumsum([len(week) for _, week in weeks])[:-1]
    cards = pd.concat([week["card"] for _, week in weeks], ignore_index=True)

    def mean_of(world: str, figure: str) -> Callable[[np.ndarray], float]:
        def mean(weight: np.ndarray) -> float:
            parts = zip(figures, np.split(weight, ends), strict=True)
            return float(np.mean([of[figure](own) for (name, of), own in parts if name == world]))

        return mean

    return {f"{world} {figure}": mean_of(world, figure) for world in judged for figure in FIGURES}, cards


def figures_table(title: str, judged: Mapping[str, list[pd.DataFrame]], label: str) -> Table:
    """A world a row: its figures, and below each what it has less than the world without difficulties."""
    found, cards = statistics(judged, label)
    draws = resampled(found, cards, SEED, RESAMPLES)
    once = {name: statistic(np.ones(len(cards))) for name, statistic in found.items()}
    table = Table(title=title, title_justify="left")
    table.add_column("difficulties")
    for name in FIGURES:
        table.add_column(name.replace("_", " "), justify="right")
    for world in judged:
        table.add_row(world, *(_text(once[f"{world} {name}"], draws[f"{world} {name}"], ".3f") for name in FIGURES))
        if world != EASY:
            pairs = [(f"{world} {name}", f"{EASY} {name}") for name in FIGURES]
            costs = [_text(once[own] - once[easy], draws[own] - draws[easy], "+.3f") for own, easy in pairs]
            table.add_row("", *costs, style="dim", end_section=True)
    return table


def _text(value: float, draws: "pd.Series[float]", form: str) -> str:
    low, high = draws.quantile(0.025), draws.quantile(0.975)
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


if __name__ == "__main__":
    main()
