"""An MLflow store, for the tests that keep models and runs."""

from pathlib import Path

import mlflow
import pytest

from common.ml.registry import Registry
from common.settings import Settings


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with its tables made, which takes seconds; tests copy it."""
    home = tmp_path_factory.mktemp("store")
    Registry(Settings(home))
    mlflow.set_tracking_uri(None)
    return home / "mlflow.db"


@pytest.fixture
def settings(tmp_path: Path, empty_store: Path) -> Settings:
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    made = Settings(tmp_path)
    # the experiment of the copied store keeps its files beside the original: give this one its own
    client = mlflow.MlflowClient(made.tracking_uri)
    experiment = client.get_experiment_by_name("fraud_model")
    client.rename_experiment(experiment.experiment_id, "original")
    return made
