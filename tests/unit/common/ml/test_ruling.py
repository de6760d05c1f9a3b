"""A person's word: what waits, what is approved and by whom, what is rejected; and what MLflow shows of it."""

import mlflow
import pytest
from small_models import BAD, GOOD, judged_as, register, register_champion

from common.errors import ModelError
from common.ml.model_versions import approval
from common.ml.promote import next_contest
from common.ml.registry import Registry
from common.ml.ruling import Approval, Ruling, check_approval, settle
from common.settings import Settings

ASKED = Approval(required=True, by="run 7")


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return Registry(settings)


def run(registry: Registry, asked: Approval = ASKED, *criteria: object) -> tuple[str, list[Ruling]]:
    """One run of the promotion notebook: its sentence, and what it would note in the table."""
    noted: list[Ruling] = []
    contest = next_contest(registry)
    check_approval(contest, asked)
    outcome = judged_as(contest, *criteria)  # type: ignore[arg-type]
    return settle(registry, contest, outcome, asked, noted.append), noted


def aliases(registry: Registry) -> tuple[int | None, int | None]:
    return registry.alias_number("champion"), registry.alias_number("challenger")


def say(registry: Registry, number: int, word: str, **more: str) -> None:
    """What a person does in MLflow's pages."""
    for name, value in {"approval": word, **more}.items():
        mlflow.MlflowClient().set_model_version_tag(registry.model, str(number), name, value)


def test_a_challenger_that_passes_waits_for_a_person_and_is_not_judged_twice(registry: Registry) -> None:
    register_champion(registry)
    register(registry)
    assert aliases(registry) == (1, 2)
    sentence, noted = run(registry)
    assert sentence.startswith("version 1 stays champion, version 2 waits for approval: passed all 1 criteria.")
    assert "`lakehouse run lakehouse --param approve_version=2`" in sentence
    assert [ruling.decision for ruling in noted] == ["waits_for_approval"]
    assert aliases(registry) == (1, 2)
    contest = next_contest(registry)
    assert contest.is_judged
    assert contest.text == "version 2 against champion version 1, waits for approval"
    assert run(registry)[0] == sentence


def test_approved_in_mlflow_the_next_run_promotes_on_the_evidence_that_was_approved(
    registry: Registry, settings: Settings
) -> None:
    register_champion(registry)
    register(registry)
    run(registry)
    assert approval(settings) == ""
    say(registry, 2, "Approved", approved_by="Ana")
    assert approval(settings) == "2 Approved", "the step sees that there is news"
    sentence, noted = run(registry, ASKED, BAD)
    assert sentence.endswith("Average precision is better. Approved by Ana in MLflow.")
    assert noted[0].said == "approved by Ana in MLflow"
    assert aliases(registry) == (2, None)
    champion = registry.champion()
    assert champion is not None
    assert (champion.decision, champion.tags["previous_champion"]) == ("promoted", "1")


def test_approved_by_the_job_it_is_judged_and_promoted_in_one_run(registry: Registry) -> None:
    register_champion(registry)
    register(registry)
    sentence, _ = run(registry, Approval(True, 2, "run 7"))
    assert sentence.startswith("version 2 is the champion now")
    tags = registry.tags(2)
    assert (tags["approval"], tags["approved_by"]) == ("approved", "run 7")
    assert run(registry, Approval(True, 2, "run 7"))[0].startswith("nothing to promote"), "run again"


def test_approval_of_what_stood_against_another_champion_is_none(registry: Registry) -> None:
    register_champion(registry)
    register(registry)
    registry.note(2, {"judged_against": "7", "gate": "passed"})
    say(registry, 2, "approved")
    sentence, noted = run(registry, Approval(True))
    assert [ruling.decision for ruling in noted] == ["waits_for_approval"]
    assert sentence.startswith("version 1 stays champion, version 2 waits for approval")
    assert run(registry, Approval(True))[1][0].decision == "waits_for_approval", "a person has to look again"
    say(registry, 2, "approved")
    assert run(registry, Approval(True))[0].startswith("version 2 is the champion now")


def test_one_that_fails_says_so_before_it_says_against_whom(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_champion(registry)
    register(registry)
    registry.note(2, {"judged_against": "7", "gate": "passed"})
    noted: list[str] = []
    note = Registry.note
    monkeypatch.setattr(Registry, "note", lambda self, number, tags: (noted.extend(tags), note(self, number, tags)))
    run(registry, Approval(), GOOD, BAD)
    assert noted.index("gate") < noted.index("judged_against")


def test_a_champion_whose_decision_was_not_noted_is_not_kept_out_by_the_next_one(registry: Registry) -> None:
    register_champion(registry)
    register(registry)
    registry.make_champion(2)  # and killed
    register(registry)
    assert registry.tags(2)["decision"] == "promoted"
    assert aliases(registry) == (2, 3)


def test_approval_does_not_help_one_that_fails_the_gate(registry: Registry) -> None:
    register_champion(registry)
    register(registry)
    sentence, noted = run(registry, Approval(True, 2, "run 7"), GOOD, BAD)
    assert sentence == (
        "version 1 stays champion, version 2 is kept out: failed 1 of 2 criteria. Scores expect too many frauds."
    )
    assert [ruling.decision for ruling in noted] == ["kept_out"]
    assert "approval" not in registry.tags(2)
    assert aliases(registry) == (1, None)


@pytest.mark.parametrize("required", [True, False])
def test_rejected_it_is_kept_out_whether_or_not_approval_is_asked_for(registry: Registry, required: bool) -> None:
    register_champion(registry)
    register(registry)
    say(registry, 2, "rejected")
    sentence, _ = run(registry, Approval(required))
    assert sentence == "version 1 stays champion, version 2 is kept out: rejected by a person in MLflow"
    assert aliases(registry) == (1, None)
    newest = registry.newest()
    assert newest is not None
    assert newest.decision == "kept_out"


def test_a_word_that_is_neither_is_quoted_and_decides_nothing(registry: Registry) -> None:
    register_champion(registry)
    register(registry)
    say(registry, 2, "yes")
    assert "approval='yes' is neither approved nor rejected" in run(registry)[0]
    assert aliases(registry) == (1, 2)


def test_against_another_champion_a_challenger_that_waits_is_judged_again(registry: Registry) -> None:
    register_champion(registry)
    register_champion(registry)
    register(registry)
    run(registry)
    registry.make_champion(1)
    contest = next_contest(registry)
    assert not contest.is_judged
    assert run(registry, ASKED, BAD)[0].startswith("version 1 stays champion, version 3 is kept out")


def test_a_newer_version_takes_the_place_of_one_that_waits(registry: Registry) -> None:
    register_champion(registry)
    register(registry)
    run(registry)
    register(registry)
    assert aliases(registry) == (1, 3)
    assert (registry.tags(2)["decision"], registry.tags(2)["reason"]) == ("kept_out", "version 3 took its place")


@pytest.mark.parametrize(("asked", "waiting"), [(1, True), (3, True), (3, False)])
def test_only_the_challenger_can_be_approved(registry: Registry, asked: int, waiting: bool) -> None:
    register_champion(registry)
    register_champion(registry)
    if waiting:
        register(registry)
    contest = next_contest(registry)
    if waiting and asked == 3:
        check_approval(contest, Approval(True, asked))
        return
    with pytest.raises(ModelError, match=f"approve_version={asked}: only the challenger can be approved"):
        check_approval(contest, Approval(True, asked))


def test_mlflow_has_each_criterion_as_a_tag_and_all_of_it_as_a_description(registry: Registry) -> None:
    register(registry)
    run(registry, Approval(), GOOD, BAD)
    tags = registry.tags(1)
    assert tags["gate"] == "failed"
    assert tags["judged_against"] == "rules"
    assert tags["gate_average_precision"] == "passed: 0.100, must be above 0"
    assert tags["gate_calibration"] == "failed: 3, must be 0.5 to 2"
    text = registry.description(1)
    assert text.startswith("**There is no champion, version 1 is kept out: failed 1 of 2 criteria.")
    assert "| calibration | **failed** | 3 | 0.5 to 2 | Scores expect too many frauds. |" in text
    assert "Tested on the 7 days from 2030-02-10" in text
