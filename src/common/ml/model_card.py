"""The model card: what a person who has to answer for the model wants to read, on one page of markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pandas as pd

from common.ml.booster import Candidate
from common.ml.calibration import Calibration
from common.ml.champion import Champion
from common.ml.folds import Fold, Protocol
from common.ml.metrics import Figures
from common.ml.trials import Trial

TRIALS_SHOWN = 10

_PURPOSE = (
    "Scores card payments by the probability that they are fraud. Transactions above the threshold are alerts "
    "for the fraud team; a person decides on each."
)
_TESTED = (
    "{transactions:,.0f} transactions of the test week, {frauds:,.0f} of them fraud ({fraud_eur:,.0f} euro). "
    "The model had seen none of them."
)
_LABELS = (
    "Training labels are those known at the start of the test window; a transaction without a report by then "
    "counts as genuine. Parameters and threshold were chosen on validation days only, all before the test week."
)
_INTERVALS = (
    "The interval holds the model's figures on 95 % of resamples of the cards. Validation days are those that the "
    "model was chosen by, so what it does on them is above what it will keep."
)
_WINDOWS = "## Windows"
_SHOWN = {
    "average_precision": ("average precision", "{:.3f}"),
    "auc_roc": ("AUC ROC", "{:.3f}"),
    "card_precision": ("card precision at {k}", "{:.3f}"),
    "recall": ("frauds caught at {k} cards a day", "{:.1%}"),
    "saved_eur": ("fraud caught, euro", "{:,.0f}"),
    "brier": ("Brier score", "{:.5f}"),
}


def model_card(
    *,
    protocol: Protocol,
    figures: Mapping[str, Figures],
    intervals: pd.DataFrame,
    model: Champion,
    calibration: Calibration,
    trials: Sequence[Trial],
    data_versions: Mapping[str, int],
    commit: str,
) -> str:
    """The card of a model.

    Args:
        protocol: its folds.
        figures: by name, the figures on the test window of `model`, `rules alone` and `random`, and those of the
            model on validation.
        intervals: the model's 95 % intervals on the test window, as `bootstrap.with_intervals` has them.
        model: its inputs, threshold, and what that was chosen for.
        calibration: how its log-odds were corrected.
        trials: the search, best first.
        data_versions: Delta version of each table read.
        commit: the code's commit.

    """
    tested = figures["model"]
    return "\n".join(
        (
            "# fraud_model",
            "",
            _PURPOSE,
            "",
            f"**Threshold** {model.threshold:.4f}, chosen on validation days for {_purpose_of(model)}.",
            "",
            "## Figures",
            _TESTED.format(**tested.as_dict()),
            "",
            *figures_table(figures, model.cards_per_day, intervals),
            "",
            _INTERVALS,
            "",
            _WINDOWS,
            "| fold | train | test | labels as known on |",
            "|---|---|---|---|",
            *(_fold("validation", fold) for fold in protocol.validations),
            _fold("test", protocol.test),
            "",
            _LABELS,
            "",
            "## Parameters",
            f"XGBoost, chosen by average precision on validation, the best of {len(trials)} trials:",
            "",
            *_trials(trials[:TRIALS_SHOWN]),
            "",
            f"Calibrated on validation: log-odds times {calibration.slope:.4f}, plus {calibration.intercept:.4f}.",
            "",
            "## Features",
            *(f"- `{name}`" for name in model.features),
            *(["", "Left out, as they never varied: " + ", ".join(model.left_out)] if model.left_out else []),
            "",
            "## Limits",
            "- Fraud that nobody reports is learnt as genuine.",
            "- Fraud at a terminal shows in its features a week later, when reports have arrived.",
            "- A new kind of fraud is not known to the model until it was reported and the model trained again.",
            "- Personal data are no input: names, addresses, birth dates and identifiers are not features.",
            "",
            "## Made from",
            *(f"- `{table}` version {version}" for table, version in data_versions.items()),
            f"- code at commit `{commit}`",
            "",
        )
    )


def beginning(card: str) -> str:
    """Purpose, threshold and figures of a card: what fits into a description."""
    return card.partition(_WINDOWS)[0].partition("\n")[2].strip()


def _purpose_of(model: Champion) -> str:
    budget = f"{model.cards_per_day} cards a day"
    if model.review_cost_eur is None:
        return budget
    return f"the most fraud caught less {model.review_cost_eur:g} euro a review, with no more than {budget}"


def figures_table(
    figures: Mapping[str, Figures], cards_per_day: int, intervals: pd.DataFrame | None = None
) -> list[str]:
    """The figures side by side, one column each, and the model's intervals where they are given: lines of markdown."""
    names = [*figures, *([] if intervals is None else ["model, 95 % interval"])]
    lines = [f"| | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for field, (label, form) in _SHOWN.items():
        values = [form.format(one.as_dict()[field]) for one in figures.values()]
        if intervals is not None:
            values.append(" to ".join(form.format(intervals.loc[field, end]) for end in ("low", "high")))
        lines.append(f"| {label.format(k=cards_per_day)} | {' | '.join(values)} |")
    return lines


def _fold(name: str, fold: Fold) -> str:
    dates = fold.dates()
    return (
        f"| {name} | {dates['train_start']} to {dates['train_end']} | {dates['test_start']} to "
        f"{dates['test_end']} | {dates['labels_known_at']} |"
    )


def _trials(trials: Sequence[Trial]) -> list[str]:
    names = list(asdict(Candidate(0, 0.0, 0)))
    lines = [f"| {' | '.join(names)} | average precision |", "|---|" + "---|" * len(names)]
    for trial in trials:
        values = " | ".join(f"{value:g}" for value in asdict(trial.candidate).values())
        lines.append(f"| {values} | {trial.mean:.3f} |")
    return lines
