"""Models in MLflow: versions of the registered model, what is known of each, and which one is champion.

A version's files hold what scoring and promotion need beside the booster (threshold, test_start, features), so that
they come with the version and from nowhere else.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import xgboost as xgb
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from common.errors import ModelError
from common.ml.champion import Champion, how_to_train
from common.ml.version import SCORES_BY, Version, scores_by
from common.ml.version_store import VersionStore
from common.settings import Settings

NOT_TRAINED = "not_trained"
_CHATTY = (
    "alembic",
    "mlflow.store.db.utils",
    "mlflow.utils.environment",
    "mlflow.tracking",
    "mlflow.store.model_registry",
)


_EXPERIMENT = """Each run is a model that was trained; the trials of its search are below it.

Plain names (`average_precision`, `card_precision`, `recall`, `saved_eur`) are figures on the test week, which the model
has not seen; `_low` and `_high` are the ends of their 95 % intervals. `card_precision`, `recall` (share of the frauds)
and `saved_eur` (euro) are those of reviewing as many cards a day as the alert budget allows. `rules_alone_` and
`random_` are what a model has to beat. `validation_` is what it was chosen by, and flatters it."""

MODEL_DESCRIPTION = """Probability that a card payment is fraud.

The alias `champion` is the version that scores, `challenger` the one that awaits a decision. A version's description
says what was decided and on what evidence. To decide on a challenger that waits for approval, set its tag `approval` to
`approved` or `rejected`. Other tags are for reading: what a version scores by is among its files."""


class Registry(VersionStore):
    """The experiment and the registered model of a workspace."""

    def __init__(self, settings: Settings) -> None:
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        mlflow.set_tracking_uri(settings.tracking_uri)
        mlflow.set_registry_uri(settings.registry_uri)
        super().__init__(settings.model)
        found = self._client.get_experiment_by_name(settings.experiment)
        self.experiment_id: str = (
            found.experiment_id
            if found
            else self._client.create_experiment(
                settings.experiment, artifact_location=settings.artifacts, tags={"mlflow.note.content": _EXPERIMENT}
            )
        )

    def register(self, model: Champion, run_id: str, example: Any, facts: Mapping[str, str] | None = None) -> str:
        """Logs the booster of a model to its MLflow run, makes it a version, the challenger, and returns its number.

        `model.version` is not read: the registry gives it. `example` is a frame of a few rows of its features.
        What it scores by goes into its files; that and `facts` become tags, which nothing but a person reads.
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
                metadata={SCORES_BY: scores_by(model)},
                pip_requirements=[f"xgboost=={xgb.__version__}", "pandas<3"],
            )
        self._ensure_model()
        version = self._client.create_model_version(
            self.model,
            source=logged.model_uri,
            run_id=run_id,
            model_id=logged.model_id,
            tags={**_in_words(model), **(facts or {})},
        )
        self.challenge(int(version.version))
        return str(version.version)

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
            self._client.create_registered_model(self.model, description=MODEL_DESCRIPTION)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _in_words(model: Champion) -> dict[str, str]:
    """What a model scores by, as tags that a person reads."""
    cost = {} if model.review_cost_eur is None else {"review_cost": f"{model.review_cost_eur:g} euro a card"}
    return {
        "threshold": f"{model.threshold:.4f}",
        "alert_budget": f"{model.cards_per_day} cards a day",
        "test_start": f"{model.test_start:%Y-%m-%d}",
        "features": f"{len(model.features)} used, {len(model.left_out)} left out; the signature names them",
        **cost,
    }


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
