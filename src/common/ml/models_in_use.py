"""The models that scoring works with: the registry's champion and challenger of the moment, or those that it has.

A registry that can't be reached, and a version that can't be loaded or needs what isn't computed, stop no scoring.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from common.ml.booster import predict
from common.ml.champion import Champion, check_features
from common.ml.model_versions import ALIAS, CHALLENGER, version_with
from common.settings import Settings

_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""MLflow's own patience with a server that doesn't answer is minutes, in which nothing would be scored."""

_PAUSE_SECONDS = 60.0
"""Until a version that can't be used is tried again: to load it may be a download."""

_SILENT = "the model registry doesn't answer"


@dataclass(frozen=True)
class _Unusable:
    why: str
    again_at: float


class ModelsInUse:
    """The champion, which decides, and the challenger, where there is one, which scores beside it.

    `trouble` says by alias why one is not the registry's; it is empty while it is.
    """

    def __init__(self, champion: Champion) -> None:
        self.champion = champion
        self.challenger: Champion | None = None
        self.trouble = {ALIAS: "", CHALLENGER: ""}
        self._unusable: dict[str, _Unusable] = {}

    def ask(self, settings: Settings, computed: Iterable[str]) -> dict[str, str]:
        """Takes the registry's models of the moment, where they can score with the features that are computed.

        Returns:
            What changed of `trouble`: the new texts by alias, empty where it ended.

        """
        before, computed = dict(self.trouble), frozenset(computed)
        found = self._find(settings, ALIAS, computed)
        self.trouble[ALIAS] = self._take_champion(found)
        if found != _SILENT:  # it would be waited for twice
            self.trouble[CHALLENGER] = self._take_challenger(self._find(settings, CHALLENGER, computed))
        return {alias: text for alias, text in self.trouble.items() if text != before[alias]}

    def ask_for_challenger(self, settings: Settings, computed: Iterable[str]) -> dict[str, str]:
        """The same for the challenger alone, where the champion was just asked for."""
        before = self.trouble[CHALLENGER]
        after = self._take_challenger(self._find(settings, CHALLENGER, frozenset(computed)))
        self.trouble[CHALLENGER] = after
        return {} if after == before else {CHALLENGER: after}

    def _take_champion(self, found: Champion | str) -> str:
        if isinstance(found, Champion):
            self.champion = found
            return ""
        return f"{found or 'no version has the alias champion'}; scoring goes on with version {self.champion.version}"

    def _take_challenger(self, found: Champion | str) -> str:
        if found == _SILENT:
            stays = f"beside version {self.challenger.version}" if self.challenger else "without one"
            return f"{_SILENT} for a challenger; scoring goes on {stays}"
        # A version just promoted may have both aliases for a moment.
        self.challenger = found if isinstance(found, Champion) and found.version != self.champion.version else None
        return f"{found}; scoring goes on without it" if isinstance(found, str) and found else ""

    def _find(self, settings: Settings, alias: str, computed: frozenset[str]) -> Champion | str:
        """The registry's model with that alias, empty where there is none; or why it can't be had or used."""
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        number = version_with(settings, alias)
        if number is None:
            return _SILENT
        for model in (self.champion, self.challenger):
            if model is not None and model.version == number:
                return model
        if not number:
            return ""
        known = self._unusable.get(number)
        if known is None or time.monotonic() > known.again_at:
            found = _loaded(settings, number, computed)
            if isinstance(found, Champion):
                return found
            known = self._unusable[number] = _Unusable(found, time.monotonic() + _PAUSE_SECONDS)
        return f"{alias} {known.why}"


def _loaded(settings: Settings, number: str, computed: frozenset[str]) -> Champion | str:
    # Imported here: MLflow takes seconds, which a stream whose models stay need not spend.
    from common.ml.registry import Registry

    try:
        version = Registry(settings).version(number)
        if version is None:
            return f"version {number} is gone from the registry"
        check_features(version.model, computed)
        _try_out(version.model)
    except Exception as error:  # whatever is wrong with a new version, scoring goes on
        return f"version {number} can't be used: {error}"
    return version.model


def _try_out(model: Champion) -> None:
    """Scores a row of nothing: a booster that can't be loaded, or has other inputs, would fail on the workers."""
    row = pd.DataFrame([[float("nan")] * len(model.features)], columns=list(model.features))
    predict(model.load(), row, model.features)
