"""Models in MLflow: versions of the registered model, what is known of each, and which one is champion.

A version's tags hold what scoring and promotion need beside the booster (threshold, test_start, features), so that they
come with the version and from nowhere else.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import mlflow
import xgboost as xgb
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from common.errors import ModelError
from common.ml.champion import Champion, how_to_train
from common.ml.model_versions import ABSENT, ALIAS
from common.settings import Settings

NOT_TRAINED = "not_trained"
_CHATTY = (
    "alembic",
    "mlflow.store.db.utils",
    "mlflow.utils.environment",
    "mlflow.tracking",
    "mlflow.store.model_registry",
)


@dataclass(frozen=True)
class Version:
    """A registered version: the model, the MLflow run that made it, and promotion's decision on it.

    `decision` is `promoted`, `kept_out` or empty while it waits; `reason` goes with it.
    """

    model: Champion
    run_id: str
    decision: str
    reason: str

    @property
    def number(self) -> int:
        """The version as a number."""
        return int(self.model.version)

    @property
    def fate(self) -> str:
        """What became of a version that is not the champion, for a sentence."""
        return {"": "waits for promotion", "promoted": "was champion and is not any more"}.get(
            self.decision, "was kept out"
        )


class Registry:
    """The experiment and the registered model of a workspace."""

    def __init__(self, settings: Settings) -> None:
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        mlflow.set_tracking_uri(settings.tracking_uri)
        mlflow.set_registry_uri(settings.registry_uri)
        self.model = settings.model
        self._client = mlflow.MlflowClient()
        found = self._client.get_experiment_by_name(settings.experiment)
        self.experiment_id: str = (
            found.experiment_id
            if found
            else self._client.create_experiment(settings.experiment, artifact_location=settings.artifacts)
        )

    def register(self, model: Champion, run_id: str, example: Any, facts: Mapping[str, str] | None = None) -> str:
        """Logs the booster of a model to its MLflow run, makes it a version, and returns the version's number.

        `model.version` is not read: the registry gives it. `example` is a frame of a few rows of its features.
        `facts` become tags, which nothing but a person reads.
        """
        signature = ModelSignature(
            inputs=Schema([ColSpec("double", name) for name in model.features]),
            outputs=Schema([ColSpec("double", "score")]),
        )
        with mlflow.start_run(run_id=run_id):
            logged = mlflow.xgboost.log_model(
                model.load(),
                name="model",
                signature=signature,
                input_example=example,
                model_format="ubj",
                pip_requirements=[f"xgboost=={xgb.__version__}", "pandas<3"],
            )
        self._ensure_model()
        version = self._client.create_model_version(
            self.model,
            source=logged.model_uri,
            run_id=run_id,
            model_id=logged.model_id,
            tags={
                "threshold": repr(model.threshold),
                "alert_budget_cards_per_day": str(model.cards_per_day),
                "test_start": model.test_start.isoformat(),
                "features": json.dumps(model.features),
                "features_left_out": json.dumps(model.left_out),
                **({} if model.review_cost_eur is None else {"review_cost_eur": repr(model.review_cost_eur)}),
                **(facts or {}),
            },
        )
        return str(version.version)

    def champion(self) -> Version | None:
        """The version that scoring uses; None while there is none."""
        try:
            return self._version(self._client.get_model_version_by_alias(self.model, ALIAS))
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise

    def newest(self) -> Version | None:
        """The version registered last; None while there is none."""
        versions = self._client.search_model_versions(f"name='{self.model}'")
        if not versions:
            return None
        newest = max(versions, key=lambda version: int(version.version))
        # A search in Unity Catalog gives no tags.
        return self._version(self._client.get_model_version(self.model, newest.version))

    def decide(self, version: Version, is_promoted: bool, reason: str) -> None:
        """Notes promotion's decision on a version, and gives it the alias `champion` when it was promoted."""
        number = version.model.version
        # The decision last: killed before it, promotion finds the version undecided and decides again.
        self._client.set_model_version_tag(self.model, number, "reason", reason)
        if is_promoted:
            self._client.set_registered_model_alias(self.model, ALIAS, number)
        decision = "promoted" if is_promoted else "kept_out"
        self._client.set_model_version_tag(self.model, number, "decision", decision)

    def note_not_trained(self, text: str) -> None:
        """Notes in the experiment that training had too little to learn from, and why."""
        if self.not_trained() == text:
            return
        with mlflow.start_run(experiment_id=self.experiment_id, run_name="not enough labels"):
            mlflow.set_tag(NOT_TRAINED, text)

    def not_trained(self) -> str | None:
        """The text of `note_not_trained`, when that is the last thing that happened; None otherwise."""
        runs = self._client.search_runs([self.experiment_id], order_by=["attributes.start_time DESC"], max_results=1)
        return runs[0].data.tags.get(NOT_TRAINED) if runs else None

    def card(self, version: Version) -> str:
        """The model card of a version, in markdown."""
        path = self._client.download_artifacts(version.run_id, "model_card.md")
        return Path(path).read_text(encoding="utf-8")

    def _ensure_model(self) -> None:
        try:
            self._client.create_registered_model(self.model, description="Probability that a card payment is fraud.")
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _version(self, version: ModelVersion) -> Version:
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{self.model}/{version.version}"))
        tags = version.tags
        model = Champion(
            version=str(version.version),
            features=tuple(json.loads(tags["features"])),
            threshold=float(tags["threshold"]),
            cards_per_day=int(tags["alert_budget_cards_per_day"]),
            test_start=datetime.fromisoformat(tags["test_start"]),
            booster=(folder / "model.ubj").read_bytes(),
            left_out=tuple(json.loads(tags.get("features_left_out", "[]"))),
            review_cost_eur=float(tags["review_cost_eur"]) if "review_cost_eur" in tags else None,
        )
        return Version(model, str(version.run_id), tags.get("decision", ""), tags.get("reason", ""))


def champion_or_reason(settings: Settings) -> Champion | str:
    """The champion to score with; or, where there is none, the reason that training or promotion gave.

    Raises:
        ModelError: no model was ever trained; the message says what to run.

    """
    registry = Registry(settings)
    if champion := registry.champion():
        return champion.model
    if text := registry.not_trained():
        return text
    newest = registry.newest()
    if newest and newest.decision:
        return f"no champion: version {newest.model.version} {newest.fate}, {newest.reason}"
    if newest:
        promote = settings.platform.run_job_from.format(job="lakehouse", task="promote_fraud_model")
        raise ModelError(
            f"fraud_model version {newest.model.version} is trained but nobody decided on it yet: {promote}"
        )
    raise ModelError(f"there is no trained fraud_model to score with: {how_to_train()}")
