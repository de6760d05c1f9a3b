"""When a new model is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.contracts.features import FEATURE_NAMES
from common.ml.folds import Protocol, protocol_at
from common.ml.version import Version
from common.ml.window import whole_day
from common.parameters import as_day


@dataclass(frozen=True)
class Plan:
    """Whether to train, why or why not, and on which folds; `protocol` is None where there is no data at all."""

    is_due: bool
    reason: str
    protocol: Protocol | None


def plan_training(
    *,
    newest_event: datetime | None,
    champion: Version | None,
    newest: Version | None,
    as_of: str,
    train_days: int,
    retrain_after_days: int,
    cards_per_day: int,
) -> Plan:
    """Whether a new model is due.

    It is when there is no champion, the features or the alert budget changed, or `retrain_after_days` of data
    arrived since the champion's test_start. A version of the same test_start, features and budget is not trained
    twice: it waits for promotion, or was kept out. One that waits gets as long as a champion before another takes its
    place, so that a person has the time to decide on it.

    Args:
        newest_event: time of the newest transaction; None where there is none.
        champion: the version in use.
        newest: the version registered last.
        as_of: a day (YYYY-MM-DD), exclusive, up to which transactions count; empty: all whole days.
        train_days: days to train on.
        retrain_after_days: days of data after which a champion is old.
        cards_per_day: the alert budget.

    """
    if newest_event is None:
        return Plan(True, "there are no transactions yet", None)
    protocol = protocol_at(as_day(as_of) if as_of else whole_day(newest_event), train_days)
    start = protocol.test.test_start
    reason = _why_due(champion, start, retrain_after_days, cards_per_day)
    if reason is None and champion:
        model = champion.model
        text = f"champion version {model.version} is up to date: its test_start is {model.test_start:%Y-%m-%d}"
        return Plan(False, f"{text}, {retrain_after_days} days of new data make a new one due", protocol)
    if newest and (waits := _waits(newest, champion, start, retrain_after_days, cards_per_day)):
        return Plan(False, waits, protocol)
    if newest and _is_same(newest, start, cards_per_day):
        text = f"version {newest.model.version} was trained up to the same day ({start:%Y-%m-%d}) and {newest.fate}"
        return Plan(False, text, protocol)
    return Plan(True, reason or "", protocol)


def _why_due(champion: Version | None, start: datetime, retrain_after_days: int, cards_per_day: int) -> str | None:
    if champion is None:
        return "there is no champion"
    model = champion.model
    if different := sorted(set(model.features) ^ set(FEATURE_NAMES)):
        return f"the features changed: {', '.join(different)}"
    if model.cards_per_day != cards_per_day:
        return f"the alert budget changed from {model.cards_per_day} to {cards_per_day} cards a day"
    if start - model.test_start >= timedelta(days=max(retrain_after_days, 1)):
        return f"{(start - model.test_start).days} days of data arrived since version {model.version}"
    return None


def _waits(
    newest: Version, champion: Version | None, start: datetime, retrain_after_days: int, cards_per_day: int
) -> str | None:
    """Says so where the version registered last still waits for a decision, and is not old itself."""
    is_champion = champion is not None and champion.number == newest.number
    if newest.decision or is_champion or _why_due(newest, start, retrain_after_days, cards_per_day):
        return None
    return f"version {newest.model.version} {newest.fate}"


def _is_same(version: Version, start: datetime, cards_per_day: int) -> bool:
    model = version.model
    same_inputs = set(model.features) == set(FEATURE_NAMES) and model.cards_per_day == cards_per_day
    return same_inputs and model.test_start == start
