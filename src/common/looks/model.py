"""What a person sees at the end of the training and promotion notebooks."""

from io import BytesIO
from typing import TYPE_CHECKING

from IPython.display import Image, Markdown

from common.ml.promote import Outcome
from common.ml.registry import Registry
from common.ml.steps import Training
from common.ml.train import Trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
        "candidate": ("score", MODEL),
        "champion": ("champion_score", "#6b9e4a"),
        "rules alone": ("rules_hit", RULES),
    }
    present = {name: look for name, look in scores.items() if look[0] in outcome.judged}
    return as_image(compared(outcome.judged, present, outcome.figures["model"].cards_per_day))


def _champion_card(registry: Registry, text: str) -> Markdown:
    champion = registry.champion()
    card = f"\n\nThe champion is version {champion.model.version}:\n\n{registry.card(champion)}" if champion else ""
    return Markdown(f"**{text}**{card}")  # type: ignore[no-untyped-call]
