"""What a person sees at the end of the training and promotion notebooks."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pandas as pd
from IPython.display import Image, Markdown

from common.ml.model_review import counts_won_and_lost, won_and_lost
from common.ml.model_versions import ALIAS, CHALLENGER
from common.ml.promote import Contest, Outcome
from common.ml.registry import Registry
from common.ml.train import Trained
from common.ml.training_steps import Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas.io.formats.style import Styler


def as_image(drawn: "Figure", width_pixels: int = 1100) -> Image:
    """A figure as a picture that any notebook shows, whatever its matplotlib backend."""
    buffer = BytesIO()
    drawn.savefig(buffer, format="png", dpi=90)
    return Image(data=buffer.getvalue(), format="png", width=width_pixels)  # type: ignore[no-untyped-call]


def pictures(trained: Trained) -> "dict[str, Figure]":
    """The figures that are kept with a version, by name."""
    from common.looks.model_plots import figures  # and with it matplotlib, which nothing else needs
    from common.looks.training_plots import choices

    return figures(trained) | choices(trained)


def look_at_choices(training: Training) -> Image | Markdown:
    """How parameters and calibration were chosen on validation days; where no model was trained, why not."""
    if training.trained is None:
        return Markdown(f"**{training.reason}**")  # type: ignore[no-untyped-call]
    from common.looks.training_plots import choices_board

    return as_image(choices_board(training.trained))


def look_at_training(registry: Registry, training: Training) -> Image | Markdown:
    """The board of a model just trained; else the champion's card; else why there is neither."""
    if trained := training.trained:
        from common.looks.model_plots import board, pictured

        fold = trained.protocol.test
        title = f"fraud_model, tested on {fold.test_start:%Y-%m-%d} to {fold.test_end:%Y-%m-%d}"
        return as_image(board(pictured(trained), title))
    return _champion_card(registry, training.reason)


def look_at_promotion(registry: Registry, outcome: Outcome) -> Image | Markdown:
    """The rivals side by side where there were any; else the champion's card; else why there is neither."""
    if not outcome.figures:
        return _champion_card(registry, outcome.text)
    from common.looks.model_plots import MODEL, RULES, compared

    scores = {
        "challenger": ("score", MODEL),
        "champion": ("champion_score", "#6b9e4a"),
        "rules alone": ("rules_hit", RULES),
    }
    present = {name: look for name, look in scores.items() if look[0] in outcome.judged}
    return as_image(compared(outcome.judged, present, outcome.figures["model"].cards_per_day))


def look_at_criteria(registry: Registry, contest: Contest, outcome: Outcome) -> "Styler | Markdown":
    """The criteria, what failed in red; where nothing was judged now, what is known of the version that waits."""
    if outcome.verdict is None:
        known = f"\n\n{registry.description(contest.candidate.number)}" if contest.candidate else ""
        return Markdown(f"**{outcome.text}**{known}")  # type: ignore[no-untyped-call]
    colors = {"passed": "color: #2e7d32", "failed": "color: #b3261e; font-weight: bold"}
    return (
        outcome.verdict.table()
        .style.map(lambda word: colors[word], subset=["verdict"])
        .format({"figure": "{:,.3f}"})
        .hide(axis="index")
        .set_caption(outcome.text)
    )


def look_at_versions(registry: Registry) -> pd.DataFrame:
    """All versions, newest first: what was decided on each, and why."""
    aliases = {registry.alias_number(alias): alias for alias in (CHALLENGER, ALIAS)}
    rows = [
        (number, aliases.get(number, ""), tags.get("decision", ""), tags.get("reason", ""), tags.get("test_start", ""))
        for number in registry.numbers()
        for tags in [registry.tags(number)]
    ]
    return pd.DataFrame(rows, columns=["version", "alias", "decision", "reason", "test start"])


def look_at_review(contest: Contest, outcome: Outcome) -> Image | Markdown:
    """The reviewed model and its rival in pictures; where they can't be drawn, why."""
    if not _is_drawn(outcome):
        return Markdown(f"**{outcome.text}**")  # type: ignore[no-untyped-call]
    from common.looks.model_review import review_board

    name = f"version {contest.candidate.number}" if contest.candidate else ""
    return as_image(review_board(outcome.evidence, name))  # type: ignore[arg-type]


def look_at_examples(outcome: Outcome) -> "Styler | Markdown":
    """Frauds that one catches at the alert budget and the other misses, the dearest first."""
    if not _is_drawn(outcome) or outcome.evidence is None:
        return Markdown(f"**{outcome.text}**")  # type: ignore[no-untyped-call]
    shown = won_and_lost(outcome.evidence).reset_index()
    form: Any = {"amount_eur": "{:,.2f}", "score": "{:.4f}", "rival_score": "{:.4f}"}
    return shown.style.format(form).hide(axis="index").set_caption(_counts(outcome))


def _counts(outcome: Outcome) -> str:
    if outcome.evidence is None:
        return ""
    rows = counts_won_and_lost(outcome.evidence).itertuples()
    return "Frauds caught at the budget by " + "; ".join(f"{row[0]}: {row[1]:,} ({row[2]:,.0f} euro)" for row in rows)


def _is_drawn(outcome: Outcome) -> bool:
    """Whether there are scores of both, and frauds to compare them by."""
    return outcome.evidence is not None and outcome.evidence.frauds > 0


def _champion_card(registry: Registry, text: str) -> Markdown:
    champion = registry.champion()
    card = f"\n\nThe champion is version {champion.model.version}:\n\n{registry.card(champion)}" if champion else ""
    return Markdown(f"**{text}**{card}")  # type: ignore[no-untyped-call]
