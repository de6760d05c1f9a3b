"""Shadow scores side by side with those that decided, and what is kept of them: evidence, and no criterion."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from IPython.display import Image, Markdown
from matplotlib.figure import Figure
from ml_builders import judged, random_judged
from small_models import BAD, GOOD, judged_as, register, register_champion, small_model

from common.looks.shadow import both_scores, look_at_both_scores, look_at_disagreements, look_at_shadow
from common.ml.metrics import evaluate
from common.ml.model_description import with_decision, with_shadow
from common.ml.promote import next_contest
from common.ml.registry import Registry
from common.ml.ruling import Approval, settle
from common.ml.shadow import Shadow
from common.settings import Settings


def a_shadow(rows: pd.DataFrame) -> Shadow:
    """Version 2 beside version 1, both with a threshold of .5, a budget of 10, and no rules."""
    challenger, champion = (replace(small_model(), version=version) for version in "21")
    alerts = {"would_alert": rows["score"] > 0.5, "is_alert": rows["rival_score"] > 0.5}
    rows = rows.assign(transaction_id=[f"t{number}" for number in range(len(rows))], **alerts)
    words = {"higher": "2", "why": "because", "label": "fraud"}
    return Shadow(challenger, champion, rows, lambda: rows.head(2).assign(**words))


def two_weeks() -> Shadow:
    """The labels of the second week are not known yet."""
    rows = random_judged(1, days=14)
    rival = np.clip(rows["score"] + np.random.default_rng(2).normal(0, 0.2, len(rows)), 0, 1)
    is_mature = rows["event_time"] < rows["event_time"].min().floor("D") + pd.Timedelta(days=7)
    return a_shadow(rows.assign(rival_score=rival, is_mature=is_mature, is_fraud=rows["is_fraud"] & is_mature))


def test_alerts_of_all_transactions_and_figures_of_those_with_labels() -> None:
    shadow = two_weeks()
    table = shadow.table().set_index("")
    rows, known = shadow.rows, shadow.rows[shadow.rows["is_mature"]]

    assert table.columns.tolist() == ["version 2", "champion version 1", "difference"]
    assert table.loc["transactions"].tolist() == ["1,680", "1,680", "14 days"]
    alike = ((rows["score"] > 0.5) == (rows["rival_score"] > 0.5)).mean()
    ours, theirs = (int((rows[column] > 0.5).sum()) for column in ("score", "rival_score"))
    assert table.loc["alerts"].tolist() == [str(ours), str(theirs), f"{alike:.2%} decided alike"]
    cards = rows[rows["score"] > 0.5].groupby(rows["event_time"].dt.date)["card"].nunique()
    assert table.loc["cards with an alert, a day", "version 2"] == f"{cards.sum() / 14:.1f}"
    assert table.loc["transactions with known labels", "difference"] == f"{known['is_fraud'].sum()} frauds"
    for column, name in (("score", "version 2"), ("rival_score", "champion version 1")):
        figures = evaluate(known.assign(score=known[column]), 10)
        assert table.loc["average precision", name] == f"{figures.average_precision:.3f}"
        assert table.loc["card precision at 10", name] == f"{figures.card_precision:.3f}"
        assert table.loc["euro caught at 10 cards a day", name] == f"{figures.saved_eur:,.0f}"


def by_hand() -> Shadow:
    rows = judged((0, "a", 0.9, False), (0, "b", 0.6, False), (1, "a", 0.1, False), (1, "c", 0.2, False))
    return a_shadow(rows.assign(rival_score=[0.8, 0.2, 0.7, 0.1], is_mature=False))


def test_before_labels_are_known_the_alerts_alone_are_compared() -> None:
    shadow = by_hand()

    assert shadow.evidence is None
    assert shadow.sentence == (
        "On 4 live transactions of 2 days version 2 would have raised 2 alerts, champion version 1 raised 2, 1 of them "
        "the same. No fraud is known yet among those whose labels are mature."
    )
    assert shadow.table().set_index("").loc["alerts", "difference"] == "50.00% decided alike"
    assert len(shadow.table()) == 4
    assert "| alerts | 2 | 2 | 50.00% decided alike |" in shadow.markdown()


def test_a_fraud_whose_label_is_not_mature_is_no_evidence() -> None:
    shadow = two_weeks()
    is_late = ~shadow.rows["is_mature"]
    with_more = a_shadow(shadow.rows.assign(is_fraud=shadow.rows["is_fraud"] | is_late))
    pd.testing.assert_frame_equal(with_more.table(), shadow.table())


def test_a_description_has_the_newest_shadow_scores_at_its_end() -> None:
    description = with_decision("| criterion |", "version 2 waits")
    first = with_shadow(description, by_hand())
    assert with_shadow(description, None) == description
    assert first.startswith(description)
    assert with_shadow(first, by_hand()) == first
    assert "On 4 live" not in with_shadow(first, two_weeks())
    assert "| average precision |" in with_shadow(first, two_weeks())
    assert with_decision(first, "version 2 is rejected").endswith(first.removeprefix("**Version 2 waits**"))


@pytest.mark.parametrize("criterion", [GOOD, BAD])
def test_they_are_kept_with_the_version_and_decide_nothing(settings: Settings, criterion: object) -> None:
    registry = Registry(settings)
    register_champion(registry)
    register(registry)
    contest = next_contest(registry)
    ask = Approval(required=True)
    without = settle(registry, contest, judged_as(contest, criterion), ask)  # type: ignore[arg-type]
    if criterion is BAD:
        registry.forget(2, "decision")
        registry.challenge(2)
    contest = next_contest(registry)
    assert settle(registry, contest, judged_as(contest, criterion), ask, shadow=two_weeks()) == without  # type: ignore[arg-type]

    assert registry.tags(2)["shadow_scores"] == two_weeks().sentence
    assert registry.tags(2).get("decision", "") == ("kept_out" if criterion is BAD else "")
    assert "## Beside the champion, on live transactions\nOn 1,680 live transactions" in registry.description(2)


def test_what_is_shown_with_and_without_shadow_scores() -> None:
    assert "nothing yet" in look_at_shadow("nothing yet").data  # type: ignore[union-attr]
    for look in (look_at_disagreements, look_at_both_scores):
        assert isinstance(look("nothing yet"), Markdown)
    shadow = two_weeks()
    assert "average precision is" in look_at_shadow(shadow).to_html()  # type: ignore[union-attr]
    assert "because" in look_at_disagreements(shadow).to_html()  # type: ignore[union-attr]
    assert isinstance(look_at_both_scores(shadow), Image)
    axes = Figure().add_subplot()
    both_scores(axes, shadow)
    frauds = shadow.rows.loc[shadow.rows["is_fraud"], ["rival_score", "score"]]
    np.testing.assert_array_equal(axes.collections[1].get_offsets(), frauds.to_numpy())
