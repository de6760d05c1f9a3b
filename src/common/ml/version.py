"""A registered version of the model, as MLflow has it: made whole, or refused in words where a person made it.

What a version scores with (`SCORES_BY`) is among its files, in the metadata of MLmodel. Tags say it again, for people:
who may change a tag changes no decision by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from common.errors import ModelError
from common.ml.champion import Champion, how_to_train
from common.ml.model_versions import ABSENT

PROMOTED, KEPT_OUT, ROLLED_BACK = "promoted", "kept_out", "rolled_back"
"""What the tag `decision` says of a version; it isn't there while the version waits."""

APPROVED, REJECTED = "approved", "rejected"
"""What a person may say in the tag `approval`."""

PASSED, FAILED = "passed", "failed"
"""What the tag `gate` says."""

SCORES_BY = "fraud_model"
"""Name in a model's metadata of what it scores by beside its trees, as `scores_by` writes it."""

_FATES = {
    PROMOTED: "was champion and is not any more",
    KEPT_OUT: "was kept out",
    ROLLED_BACK: "was rolled back",
}


class UnusableVersion(ModelError):
    """A version that nothing can be scored with: it lacks what training gives one, or its files are gone."""


@dataclass(frozen=True)
class Version:
    """A registered version: the model, the MLflow run that made it, and what is known of its promotion.

    `decision` is empty while it waits; `reason` goes with it. `tags` are all of the version's.
    """

    model: Champion
    run_id: str
    decision: str
    reason: str
    tags: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def number(self) -> int:
        """The version as a number."""
        return int(self.model.version)

    @property
    def fate(self) -> str:
        """What became of a version that is not the champion, for a sentence."""
        if not self.decision and self.tags.get("gate") == PASSED:
            return "waits for approval"
        return _FATES.get(self.decision, "waits for promotion")

    @property
    def approval(self) -> str:
        """What a person said in the tag `approval`, in small letters; empty where nobody did."""
        return self.tags.get("approval", "").strip().lower()

    def has_passed(self, against: str) -> bool:
        """Whether it passed the gate against that champion (its version, or `gate.RULES`)."""
        return self.tags.get("gate") == PASSED and self.tags.get("judged_against") == against


def scores_by(model: Champion) -> dict[str, Any]:
    """What a model scores by beside its trees and its version, for its metadata."""
    return {
        "features": list(model.features),
        "features_left_out": list(model.left_out),
        "threshold": float(model.threshold),
        "alert_budget_cards_per_day": model.cards_per_day,
        "review_cost_eur": model.review_cost_eur,
        "test_start": model.test_start.isoformat(),
    }


def decided_tag(decision: str) -> str:
    """The tag of a version that keeps when it was first decided on so."""
    return f"{decision}_at"


def read_version(name: str, found: ModelVersion) -> Version:
    """A version with its booster.

    Raises:
        UnusableVersion: it is not one that training registered, or its files are gone.

    """
    who = f"{name} version {found.version}"
    folder = _files(who, name, found)
    try:
        logged = Model.load(str(folder))
        known = (logged.metadata or {})[SCORES_BY]
        cost = known["review_cost_eur"]
        model = Champion(
            version=str(found.version),
            features=tuple(known["features"]),
            threshold=float(known["threshold"]),
            cards_per_day=int(known["alert_budget_cards_per_day"]),
            test_start=datetime.fromisoformat(known["test_start"]),
            booster=(folder / "model.ubj").read_bytes(),
            left_out=tuple(known["features_left_out"]),
            review_cost_eur=None if cost is None else float(cost),
        )
    except KeyError as error:
        raise UnusableVersion(
            f"{who} has no {error} in its MLmodel, where training writes it: a person made it, or an earlier release, "
            f"which read that from tags. Take its aliases away in MLflow and run the main job, which trains another: "
            f"{how_to_train()}"
        ) from None
    except (ValueError, TypeError) as error:
        raise UnusableVersion(f"the MLmodel of {who} is not as training writes it: {error}. {_WAY_OUT}") from None
    except OSError as error:  # its whole path is another each time that files are fetched
        file = Path(error.filename or "").name or error
        raise UnusableVersion(f"{who} lacks a file that training writes: {file}. {_WAY_OUT}") from None
    except MlflowException as error:
        raise UnusableVersion(f"{who} lacks a file that training writes: {error}. {_WAY_OUT}") from None
    _check_signature(who, logged, model.features)
    tags: Mapping[str, str] = found.tags
    return Version(model, str(found.run_id), tags.get("decision", ""), tags.get("reason", ""), dict(tags))


_WAY_OUT = "Delete it in MLflow, or register what training makes"


def _files(who: str, name: str, found: ModelVersion) -> Path:
    try:
        return Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{found.version}"))
    except (MlflowException, OSError) as error:
        if isinstance(error, MlflowException) and error.error_code not in ABSENT:
            raise
        raise UnusableVersion(f"the files of {who} are gone: {error}. {_WAY_OUT}") from None


def _check_signature(who: str, logged: Model, features: tuple[str, ...]) -> None:
    signature = logged.signature
    if signature is None or signature.inputs is None:
        raise UnusableVersion(f"{who} has no signature, so that its inputs are unknown. {_WAY_OUT}")
    inputs = signature.inputs.input_names()
    if list(inputs) != list(features):
        different = ", ".join(map(str, sorted(set(inputs) ^ set(features)))) or "their order"
        raise UnusableVersion(f"{who} has other inputs than the features in its MLmodel: {different}. {_WAY_OUT}")
