"""The description of a version in MLflow, in markdown: enough for a person to decide without a notebook."""

from common.ml.gate import Verdict
from common.ml.metrics import Figures
from common.ml.model_card import figures_table
from common.ml.promote import Outcome
from common.ml.version import Version


def describe_evidence(outcome: Outcome, version: Version) -> str:
    """The criteria and the figures that a decision rests on."""
    model = version.model
    verdict, figures = outcome.verdict, outcome.figures
    parts = [criteria_table(verdict)] if verdict else []
    if figures:
        parts.append(_figures(figures, model.cards_per_day))
    parts.append(
        f"Tested on the 7 days from {model.test_start:%Y-%m-%d}, on {len(model.features)} features; alerts above "
        f"{model.threshold:.4f}, for {model.cards_per_day} cards a day. The run that made it has plots and the model "
        "card; notebooks/ml/review_model.ipynb shows it beside the champion."
    )
    return "\n\n".join(parts)


def with_decision(description: str, sentence: str) -> str:
    """A description that begins with a decision, in place of the one that it began with."""
    _, mark, evidence = description.partition(_EVIDENCE)
    return f"**{sentence[:1].upper()}{sentence[1:]}**{_EVIDENCE}{evidence if mark else description}"


def criteria_table(verdict: Verdict) -> str:
    """The criteria as a table in markdown."""
    lines = ["| criterion | | figure | must be | in words |", "|---|---|---|---|---|"]
    for criterion in verdict.criteria:
        sign = "passed" if criterion.passed else "**failed**"
        lines.append(
            f"| {criterion.name} | {sign} | {criterion.figure_text} | {criterion.bound} | {criterion.sentence} |"
        )
    return "\n".join(lines)


_EVIDENCE = "\n\n## What it rests on\n"


def _figures(figures: dict[str, Figures], cards_per_day: int) -> str:
    return "\n".join(figures_table(figures, cards_per_day))
