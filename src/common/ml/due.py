"""When a new model is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.contracts.features import FEATURE_NAMES
from common.ml.folds import Protocol, protocol_at
from common.ml.registry import Version
from common.ml.window import whole_day
from common.parameters import as_day


@dataclass(frozen=True)
class Plan:
    """Whether to train, why or why not, and on which folds; `protocol` is None where there is no data at all."""

    is_due: bool
    reason: str
    protocol: Protocol | None


@dataclass(frozen=True)
class _Wanted:
    """What the threshold is chosen for."""

    cards_per_day: int
    review_cost_eur: float | None


def plan_training(
    *,
    newest_event: datetime | None,
    champion: Version | None,
    newest: Version | None,
    as_of: str,
    train_days: int,
    retrain_after_days: int,
    cards_per_day: int,
    review_cost_eur: float | None = None,
    validation_folds: int = 1,
) -> Plan:
    """Whether a new model is due.

    It is when there is no champion, the features, the alert budget or the review cost changed, or
    `retrain_after_days` of data arrived since the champion's test_start. A version of the same test_start, features,
    budget and cost is not trained twice: it waits for promotion, or was kept out.

    Features are those that training was offered, not those that it found fed: what a source never feeds would make a
    model due for ever.

    Args:
        newest_event: time of the newest transaction; None where there is none.
        champion: the version in use.
        newest: the version registered last.
        as_of: a day (YYYY-MM-DD), exclusive, up to which transactions count; empty: all whole days.
        train_days: days to train on.
        retrain_after_days: days of data after which a champion is old.
        cards_per_day: the alert budget.
        review_cost_eur: what reviewing a card costs; None: the threshold goes by the budget alone.
        validation_folds: how many weeks to choose by, where the data reach back far enough.

    """
    if newest_event is None:
        return Plan(True, "there are no transactions yet", None)
    until = as_day(as_of) if as_of else whole_day(newest_event)
    protocol = protocol_at(until, train_days, validation_folds=validation_folds)
    start = protocol.test.test_start
    wanted = _Wanted(cards_per_day, review_cost_eur)
    reason = _why_due(champion, start, retrain_after_days, wanted)
    if reason is None and champion:
        model = champion.model
        text = f"champion version {model.version} is up to date: its test_start is {model.test_start:%Y-%m-%d}"
        return Plan(False, f"{text}, {retrain_after_days} days of new data make a new one due", protocol)
    if newest and _is_same(newest, start, wanted):
        text = f"version {newest.model.version} was trained up to the same day ({start:%Y-%m-%d}) and {newest.fate}"
        return Plan(False, text, protocol)
    return Plan(True, reason or "", protocol)


def _why_due(champion: Version | None, start: datetime, retrain_after_days: int, wanted: _Wanted) -> str | None:
    if champion is None:
        return "there is no champion"
    model = champion.model
    if different := sorted(model.offered ^ set(FEATURE_NAMES)):
        return f"the features changed: {', '.join(different)}"
    if model.cards_per_day != wanted.cards_per_day:
        return f"the alert budget changed from {model.cards_per_day} to {wanted.cards_per_day} cards a day"
    if model.review_cost_eur != wanted.review_cost_eur:
        return f"the review cost changed from {_euro(model.review_cost_eur)} to {_euro(wanted.review_cost_eur)}"
    if start - model.test_start >= timedelta(days=max(retrain_after_days, 1)):
        return f"{(start - model.test_start).days} days of data arrived since version {model.version}"
    return None


def _is_same(version: Version, start: datetime, wanted: _Wanted) -> bool:
    model = version.model
    same_inputs = model.offered == set(FEATURE_NAMES) and wanted == _Wanted(model.cards_per_day, model.review_cost_eur)
    return same_inputs and model.test_start == start


def _euro(cost: float | None) -> str:
    return "none" if cost is None else f"{cost:g} euro a card"
