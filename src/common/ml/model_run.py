"""A trained model into MLflow: figures, pictures, card, where it came from; then a version of the registered model."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import mlflow
import pandas as pd

from common.ml.folds import Fold
from common.ml.metrics import OF_THE_WINDOW, Figures
from common.ml.model_card import beginning, model_card
from common.ml.model_description import with_decision
from common.ml.registry import Registry
from common.ml.train import Trained
from common.ml.trial_runs import DONE
from common.ml.trials import trials_table
from common.settings import MODEL_NAME

DESCRIPTION = "mlflow.note.content"
"""The tag that MLflow shows as the description of a run or an experiment, in markdown."""


def log_and_register(
    registry: Registry,
    trained: Trained,
    *,
    parameters: Mapping[str, object],
    data_versions: Mapping[str, int],
    commit: str,
    pictures: Mapping[str, Any],
    job_run: str = "",
    run_id: str | None = None,
) -> str:
    """Logs everything about a trained model as one MLflow run, registers it, and returns its version.

    Args:
        registry: where.
        trained: the model and its figures.
        parameters: the notebook's parameters, of which a model is made.
        data_versions: Delta version of each table read.
        commit: the code's commit.
        pictures: figures of matplotlib, by name.
        job_run: the job run that trained it; empty: a person did, at the notebook.
        run_id: the run that the search's trials are below; a new one where there was no search to keep, or where that
            one has other parameters already, of a training that was killed: MLflow lets none be changed.

    """
    model, best = trained.model, trained.trials[0]
    transactions, frauds = trained.train_counts
    calibration = trained.rehearsal.calibration
    logged = {
        **parameters,
        **asdict(best.candidate),
        **_dates("validation", trained.protocol.validation),
        **_dates("test", trained.protocol.test),
    }
    where: dict[str, Any] = (
        {"run_id": run_id}
        if run_id and _takes(run_id, logged)
        else {"experiment_id": registry.experiment_id, "run_name": run_name(model.test_start)}
    )
    with mlflow.start_run(**where) as run:
        mlflow.log_params(logged)
        mlflow.log_metrics(
            {
                **_metrics(trained.figures),
                **_intervals(trained.intervals["model"]),
                "validation_average_precision": best.mean,
                "search_trials": len(trained.trials),
                "search_seconds": sum(trial.seconds for trial in trained.trials),
                "calibration_slope": calibration.slope,
                "calibration_intercept": calibration.intercept,
                "threshold": model.threshold,
                "train_transactions": transactions,
                "train_frauds": frauds,
            }
        )
        mlflow.set_tags(
            {"code_commit": commit, "job_run": job_run, **{f"data_version.{k}": v for k, v in data_versions.items()}}
        )
        mlflow.log_dict({"features": list(model.features)}, "features.json")
        mlflow.log_dict(dict(data_versions), "data_versions.json")
        mlflow.log_text(trials_table(trained.trials).to_csv(index=False), "search.csv")
        card = model_card(
            protocol=trained.protocol,
            figures={**trained.figures, "model on validation": trained.validation},
            intervals=trained.intervals["model"],
            model=model,
            calibration=calibration,
            trials=trained.trials,
            data_versions=data_versions,
            commit=commit,
        )
        mlflow.log_text(card, "model_card.md")
        mlflow.set_tag(DESCRIPTION, beginning(card))
        for name, picture in pictures.items():
            mlflow.log_figure(picture, f"plots/{name}.png")
    example = trained.judged[list(model.features)].head(5).astype("float64")
    facts = {
        "calibration": f"slope {calibration.slope:.4f}, intercept {calibration.intercept:.4f}, in the trees",
        "boosters_joined": str(trained.boosters),
    }
    version = registry.register(model, run.info.run_id, example, facts)
    registry.describe(int(version), with_decision(beginning(card), f"version {version} waits for promotion"))
    for done in {run.info.run_id, run_id or run.info.run_id}:
        mlflow.MlflowClient().set_tag(done, DONE, version)
    return version


def run_name(test_start: datetime) -> str:
    """What the run of a model is called that goes live at that time."""
    return f"{MODEL_NAME} test_start={test_start:%Y-%m-%d}"


def _takes(run_id: str, parameters: Mapping[str, object]) -> bool:
    """Whether a run has none of the parameters with another value."""
    has = mlflow.MlflowClient().get_run(run_id).data.params
    return all(has.get(name, str(value)) == str(value) for name, value in parameters.items())


def _metrics(figures: Mapping[str, Figures]) -> dict[str, float]:
    """The figures on the test week by name; of baselines those alone that are their own."""
    metrics = figures["model"].as_dict()
    for name, values in figures.items():
        if name != "model":
            own = {figure: value for figure, value in values.as_dict().items() if figure not in OF_THE_WINDOW}
            metrics |= {f"{name.replace(' ', '_')}_{figure}": value for figure, value in own.items()}
    return metrics


def _intervals(intervals: pd.DataFrame) -> dict[str, float]:
    ends = {f"{figure}_{end}": float(row[end]) for figure, row in intervals.iterrows() for end in ("low", "high")}
    return {"frauds_expected": float(intervals["value"]["frauds_expected"]), **ends}


def _dates(name: str, fold: Fold) -> dict[str, str]:
    return {f"{name}_fold.{boundary}": day for boundary, day in fold.dates().items()}
