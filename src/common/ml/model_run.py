"""A trained model into MLflow: figures, pictures, card, where it came from; then a version of the registered model."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import mlflow

from common.ml.booster import trials_table
from common.ml.folds import Fold
from common.ml.metrics import Figures
from common.ml.model_card import model_card
from common.ml.registry import Registry
from common.ml.train import Trained
from common.settings import MODEL_NAME


def log_and_register(
    registry: Registry,
    trained: Trained,
    *,
    parameters: Mapping[str, object],
    data_versions: Mapping[str, int],
    commit: str,
    pictures: Mapping[str, Any],
) -> str:
    """Logs everything about a trained model as one MLflow run, registers it, and returns its version.

    Args:
        registry: where.
        trained: the model and its figures.
        parameters: the notebook's parameters.
        data_versions: Delta version of each table read.
        commit: the code's commit.
        pictures: figures of matplotlib, by name.

    """
    model, best = trained.model, trained.trials[0]
    transactions, frauds = trained.train_counts
    with mlflow.start_run(
        experiment_id=registry.experiment_id, run_name=f"{MODEL_NAME} test_start={model.test_start:%Y-%m-%d}"
    ) as run:
        mlflow.log_params(
            {
                **parameters,
                **asdict(best.candidate),
                **_dates("validation", trained.protocol.validation),
                **_dates("test", trained.protocol.test),
            }
        )
        mlflow.log_metrics(
            {
                **_metrics(trained.figures),
                "validation_average_precision": best.mean,
                "threshold": model.threshold,
                "train_transactions": transactions,
                "train_frauds": frauds,
            }
        )
        mlflow.set_tags({"code_commit": commit, **{f"data_version.{k}": v for k, v in data_versions.items()}})
        mlflow.log_dict({"features": list(model.features)}, "features.json")
        mlflow.log_dict(dict(data_versions), "data_versions.json")
        mlflow.log_text(trials_table(trained.trials).to_csv(index=False), "search.csv")
        card = model_card(
            protocol=trained.protocol,
            figures=trained.figures,
            features=model.features,
            trials=trained.trials,
            threshold=model.threshold,
            data_versions=data_versions,
            commit=commit,
        )
        mlflow.log_text(card, "model_card.md")
        for name, picture in pictures.items():
            mlflow.log_figure(picture, f"plots/{name}.png")
    example = trained.judged[list(model.features)].head(5).astype("float64")
    return registry.register(model, run.info.run_id, example)


def _metrics(figures: Mapping[str, Figures]) -> dict[str, float]:
    metrics = {}
    for name, values in figures.items():
        prefix = "" if name == "model" else f"{name.replace(' ', '_')}_"
        metrics.update({f"{prefix}{figure}": value for figure, value in values.as_dict().items()})
    return metrics


def _dates(name: str, fold: Fold) -> dict[str, str]:
    return {f"{name}_fold.{boundary}": day for boundary, day in fold.dates().items()}
