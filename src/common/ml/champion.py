"""A trained model as scoring needs it: a small value that travels to Spark's workers by pickle."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import xgboost as xgb

from common.errors import ModelError
from common.platform import this_platform


@dataclass(frozen=True)
class Champion:
    """A version of the registered model.

    `features` in the order of the booster's input. A score above `threshold` is an alert; it was chosen for
    `cards_per_day`. What happened before `test_start` is backfill. `booster` is XGBoost's binary JSON (UBJ), and
    gives calibrated probabilities by itself.

    `left_out` holds the features that training was offered beside these, and that its data did not feed. A
    `review_cost_eur` is what the threshold was chosen for within the budget; None: for the budget alone.
    """

    version: str
    features: tuple[str, ...]
    threshold: float
    cards_per_day: int
    test_start: datetime
    booster: bytes
    left_out: tuple[str, ...] = ()
    review_cost_eur: float | None = None

    @property
    def offered(self) -> frozenset[str]:
        """All features that training could choose from."""
        return frozenset(self.features + self.left_out)

    def load(self, threads: int = 1) -> xgb.Booster:
        """The booster, predicting with that many threads."""
        booster = xgb.Booster()
        booster.load_model(bytearray(self.booster))
        booster.set_param({"nthread": threads})
        return booster


def how_to_train() -> str:
    """The words of a message for training a model."""
    return this_platform().run_job_from.format(job="lakehouse", task="train_fraud_model")


def check_features(champion: Champion, computed: Iterable[str]) -> None:
    """Make sure that the model's features are among those computed.

    Raises:
        ModelError: the model was trained on features that are not computed.

    """
    if missing := sorted(set(champion.features) - set(computed)):
        raise ModelError(
            f"fraud_model version {champion.version} does not fit the features computed now: it needs but does not "
            f"get: {', '.join(missing)}. Train a new one: {how_to_train()}"
        )
