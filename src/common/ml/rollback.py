"""Rollback: the alias `champion` goes back to a version that had it before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.contracts.features import FEATURE_NAMES
from common.contracts.ops import MODEL_PROMOTIONS
from common.errors import ModelError
from common.ml.decisions import by_run, has_passed, record
from common.ml.model_description import with_decision
from common.ml.model_versions import ALIAS
from common.ml.registry import Registry
from common.ml.version import PROMOTED, ROLLED_BACK, UnusableVersion, Version, decided_tag
from common.storage.lake import Lake


@dataclass(frozen=True)
class Rollback:
    """From which version (None: there is no champion, or it can't be used) to which."""

    champion: Version | None
    target: Version
    left: int | None

    @property
    def text(self) -> str:
        """The plan in words."""
        now = "there is no champion" if self.left is None else f"the champion is version {self.left}"
        return (
            f"{now}; version {self.target.number}, tested from {self.target.model.test_start:%Y-%m-%d}, takes its place"
        )


def plan_rollback(registry: Registry, to_version: int = 0, computed: Sequence[str] = FEATURE_NAMES) -> Rollback:
    """Which version gets the alias back; nothing is written.

    Args:
        registry: where.
        to_version: the version to go back to; 0: the champion before the present one.
        computed: names of the features that are computed now.

    Raises:
        ModelError: there is no such version, it was never champion, it is champion already, or it needs features that
            are not computed any more.

    """
    left = registry.alias_number(ALIAS)
    champion = _usable(registry, left)
    number = to_version or _before(registry, left)
    if number is None:
        raise ModelError(
            "there is no champion before the present one to go back to. Name a version that was champion with "
            "to_version=N; MLflow shows all with their tags"
        )
    if number == left:
        raise ModelError(f"to_version={number}: it is the champion already")
    target = registry.version(number)
    if target is None:
        raise ModelError(f"to_version={number}: there is no such version any more. Name another with to_version=N")
    if target.decision not in (PROMOTED, ROLLED_BACK):
        raise ModelError(
            f"to_version={number}: it was never champion, it {target.fate}. Rollback only goes back to what passed the "
            "gate; let promotion decide on the others"
        )
    if missing := sorted(set(target.model.features) - set(computed)):
        raise ModelError(
            f"version {number} needs features that are not computed any more: {', '.join(missing)}. Name another with "
            "to_version=N, or deploy the code that computed them"
        )
    return Rollback(champion, target, left)


def roll_back(
    registry: Registry,
    rollback: Rollback,
    *,
    reason: str,
    by: str,
    note: Callable[[Version, str], None] = lambda _version, _sentence: None,
) -> str:
    """Gives the alias to the target, notes reason and who, and returns it as a sentence.

    The alias comes last: killed before it, the next run does all again. `note` notes it elsewhere, before.
    """
    target, champion = rollback.target, rollback.champion
    why = reason or "no reason given"
    sentence = f"version {target.number} is the champion again, by {by}: {why}"
    if rollback.left is not None:
        tags = {"reason": f"by {by}: {why}", "rolled_back_to": str(target.number), "rolled_back_by": by}
        registry.note(rollback.left, tags | {"decision": ROLLED_BACK})
        gone = f"version {rollback.left} was rolled back to version {target.number}, by {by}: {why}"
        registry.describe(rollback.left, with_decision(registry.description(rollback.left), gone))
    if champion is not None:
        note(champion, sentence)
    registry.note(target.number, {"decision": PROMOTED})
    registry.forget(target.number, decided_tag(ROLLED_BACK))
    registry.describe(target.number, with_decision(registry.description(target.number), sentence))
    registry.make_champion(target.number)
    return sentence


def roll_back_planned(lake: Lake, registry: Registry, rollback: Rollback, *, reason: str) -> str:
    """Rolls back as planned, in the name of the job run, noted in ops.model_promotions too; what was done.

    Raises:
        ModelError: the gate never passed the target. Its tags say so, but who may tag a version could write that.

    """
    if not has_passed(lake, rollback.target):
        raise ModelError(
            f"to_version={rollback.target.number}: its tags say that it was promoted, but "
            f"{MODEL_PROMOTIONS.name} has no verdict of the gate that it passed. Name another with to_version=N"
        )

    def note(champion: Version, sentence: str) -> None:
        against = rollback.target.model.version
        record(lake, registry, champion, decision=ROLLED_BACK, against=against, said=("rollback", False, sentence))

    return roll_back(registry, rollback, reason=reason, by=by_run(lake), note=note)


def _before(registry: Registry, champion: int | None) -> int | None:
    """The champion before; where nothing says which that was, the newest earlier version that was promoted."""
    tags = {} if champion is None else registry.tags(champion)
    if known := tags.get("previous_champion"):
        return int(known)
    for number in registry.numbers():
        found = _usable(registry, number)
        is_earlier = champion is None or number < champion
        if is_earlier and found is not None and found.decision == PROMOTED:
            return number
    return None


def _usable(registry: Registry, number: int | None) -> Version | None:
    try:
        return None if number is None else registry.version(number)
    except UnusableVersion:
        return None
