"""Whether a challenger is judged: tags may be set by people, and what has passed the gate stands in the table."""

import pandas as pd
import pytest
from small_models import register

from common.ml import promotion_steps
from common.ml.promote import Outcome, next_contest
from common.ml.promotion_steps import judge_contest
from common.ml.registry import Registry
from common.settings import Settings

JUDGED = Outcome(None, "judged", {}, pd.DataFrame())


@pytest.mark.parametrize(
    ("tags", "is_noted", "is_judged"),
    [
        ({}, False, True),
        ({"gate": "passed", "judged_against": "rules"}, True, False),
        ({"gate": "passed", "judged_against": "rules"}, False, True),
        ({"gate": "passed", "judged_against": "rules", "approval": "approved"}, False, True),
        ({}, True, True),
        ({"approval": "rejected"}, False, False),
    ],
)
def test_what_has_passed_by_its_tags_alone_is_judged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tags: dict[str, str], is_noted: bool, is_judged: bool
) -> None:
    monkeypatch.setattr(promotion_steps, "has_passed", lambda *_: is_noted)
    monkeypatch.setattr(promotion_steps, "judge_again", lambda *_, **__: JUDGED)
    registry = Registry(settings)
    registry.note(register(registry), tags)

    outcome = judge_contest(None, next_contest(registry), seed=1)  # type: ignore[arg-type]

    assert (outcome is JUDGED) == is_judged
