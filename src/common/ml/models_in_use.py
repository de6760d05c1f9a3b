"""The champion that a stream which goes on scores with: the registry's of the moment, or the one it has.

A registry that can't be reached, and a champion that can't be loaded or needs what isn't computed, stop no stream.
"""

import os
from collections.abc import Iterable

from common.ml.champion import Champion, check_features
from common.ml.model_versions import champion_version
from common.settings import Settings

_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""MLflow's own patience with a server that doesn't answer is minutes, in which nothing would be scored."""


class ChampionInUse:
    """A champion, and why it is not the registry's; `trouble` is empty while it is."""

    def __init__(self, champion: Champion) -> None:
        self.champion = champion
        self.trouble = ""

    def ask(self, settings: Settings, computed: Iterable[str]) -> str | None:
        """Takes the registry's champion of the moment, where it can score with the features that are computed.

        Returns:
            What changed of `trouble`: its new text, empty where it ended; None where nothing did.

        """
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        before, self.trouble = self.trouble, self._taken(settings, computed)
        return self.trouble if self.trouble != before else None

    def _taken(self, settings: Settings, computed: Iterable[str]) -> str:
        goes_on = f"scoring goes on with version {self.champion.version}"
        number = champion_version(settings)
        if number is None:
            return f"the model registry doesn't answer; {goes_on}"
        if not number:
            return f"no version has the alias champion; {goes_on}"
        if number == self.champion.version:
            return ""
        # Imported here: MLflow takes seconds, which a stream whose champion stays need not spend.
        from common.ml.registry import Registry

        try:
            version = Registry(settings).version(number)
            if version is None:
                return f"champion version {number} is gone from the registry; {goes_on}"
            check_features(version.model, computed)
        except Exception as error:  # whatever is wrong with a new version, the old one can score
            return f"champion version {number} can't be used: {error}; {goes_on}"
        self.champion = version.model
        return ""
