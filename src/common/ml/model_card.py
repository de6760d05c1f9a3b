"""The model card: what a person who has to answer for the model wants to read, on one page of markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from common.ml.booster import Candidate, Trial
from common.ml.folds import Fold, Protocol
from common.ml.metrics import Figures

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
    features: Sequence[str],
    trials: Sequence[Trial],
    threshold: float,
    data_versions: Mapping[str, int],
    commit: str,
) -> str:
    """The card of a model.

    Args:
        protocol: its folds.
        figures: by name, the figures on the test window of `model`, `rules alone` and `random`.
        features: its inputs.
        trials: the search, best first.
        threshold: the score above which a transaction is an alert.
        data_versions: Delta version of each table read.
        commit: the code's commit.

    """
    model = figures["model"]
    return "\n".join(
        (
            "# fraud_model",
            "",
            _PURPOSE,
            "",
            f"**Threshold** {threshold:.4f}, chosen on the validation week for {model.cards_per_day} cards a day.",
            "",
            "## Figures",
            _TESTED.format(**model.as_dict()),
            "",
            *figures_table(figures, model.cards_per_day),
            "",
            "## Windows",
            "| fold | train | test | labels as known on |",
            "|---|---|---|---|",
            _fold("validation", protocol.validation),
            _fold("test", protocol.test),
            "",
            _LABELS,
            "",
            "## Parameters",
            "XGBoost, chosen by average precision on the validation week:",
            "",
            *_trials(trials),
            "",
            "## Features",
            *(f"- `{name}`" for name in features),
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


def figures_table(figures: Mapping[str, Figures], cards_per_day: int) -> list[str]:
    """The figures side by side, one column each, as lines of markdown."""
    names = list(figures)
    lines = [f"| | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for field, (label, form) in _SHOWN.items():
        values = [form.format(figures[name].as_dict()[field]) for name in names]
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
