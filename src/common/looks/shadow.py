"""What a person sees of shadow scores: figures beside the champion's, both scores as a picture, and examples."""

from typing import TYPE_CHECKING, Any

from IPython.display import Image, Markdown

from common.looks.model import as_image
from common.ml.shadow import Shadow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas.io.formats.style import Styler

DRAWN = 20_000
"""Transactions drawn at most, a sample of all; frauds are all drawn."""


def look_at_shadow(shadow: Shadow | str) -> "Styler | Markdown":
    """The figures of both; where there are no shadow scores, why."""
    if isinstance(shadow, str):
        return Markdown(f"**{shadow}**")  # type: ignore[no-untyped-call]
    return shadow.table().style.hide(axis="index").set_caption(shadow.sentence)


def look_at_disagreements(shadow: Shadow | str) -> "Styler | Markdown":
    """The transactions whose scores differ most, with what the model of the higher score saw in them."""
    if isinstance(shadow, str):
        return Markdown("")  # type: ignore[no-untyped-call]
    names = {
        "event_time": "event_time",
        "transaction_id": "transaction_id",
        "amount_eur": "amount_eur",
        "score": f"version {shadow.challenger.version}",
        "rival_score": f"champion version {shadow.champion.version}",
        "label": "label",
        "why": "why, by the higher score",
    }
    shown = shadow.examples[[*names]].set_axis([*names.values()], axis="columns")
    form: Any = {"amount_eur": "{:,.2f}", names["score"]: "{:.4f}", names["rival_score"]: "{:.4f}"}
    return shown.style.format(form, na_rep="").hide(axis="index").set_caption("Where both differ most")


def look_at_both_scores(shadow: Shadow | str) -> Image | Markdown:
    """Each transaction by both scores, with both thresholds."""
    if isinstance(shadow, str):
        return Markdown("")  # type: ignore[no-untyped-call]
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(6.5, 6), layout="constrained")
    both_scores(drawn.subplots(), shadow)
    return as_image(drawn, width_pixels=600)


def both_scores(axes: "Axes", shadow: Shadow) -> None:
    """The challenger's score against the champion's, frauds on top; what lies off the diagonal is judged otherwise."""
    from common.looks.model_plots import MODEL, QUIET, finish

    is_fraud = shadow.rows["is_fraud"]
    others, frauds = shadow.rows[~is_fraud], shadow.rows[is_fraud]
    parts = {"other transactions": others.sample(min(len(others), DRAWN), random_state=0), "fraud": frauds}
    for (label, part), color in zip(parts.items(), (QUIET, MODEL), strict=True):
        axes.scatter(part["rival_score"], part["score"], s=8, alpha=0.5, color=color, label=f"{label} ({len(part):,})")
    axes.axhline(shadow.challenger.threshold, color=QUIET, linestyle=":")
    axes.axvline(shadow.champion.threshold, color=QUIET, linestyle=":")
    axes.set(
        xlabel=f"champion version {shadow.champion.version}",
        ylabel=f"version {shadow.challenger.version}",
        xlim=(0, 1),
        ylim=(0, 1),
        title="Both scores of a transaction, with both thresholds",
    )
    axes.legend(loc="upper left")
    finish(axes)
