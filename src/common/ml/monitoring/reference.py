"""What a version's weeks are compared with: its training window, as counts in fixed bins.

Computed once, when a version is first monitored, and kept with the version in MLflow, so that later weeks are compared
with the same. It holds counts and edges, no rows. While MLflow can't be reached nothing is known of it, which is an
error: a reference that can't be read is no reference that isn't there.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException

from common.ml.model_versions import ABSENT
from common.ml.version import Version

FILE = "monitoring_reference.json"


@dataclass(frozen=True)
class Reference:
    """The training window [start, end) of a version, whole weeks of it, and its counts.

    `rows`: transactions in it. `edges` and `counts` by subject, as in `histograms`; both are empty without rows.
    `between_weeks`: by subject, how far a week of the window is from the others at most (`divergence.between_weeks`).
    `rules`: by rule, how often it fired on `rule_rows` transactions. `figures` are those of the test week, by name.
    """

    version: str
    start: date | None
    end: date | None
    rows: int = 0
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    between_weeks: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)
    rule_rows: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The window in words."""
        return f"[{self.start}, {self.end})" if self.start else "that its MLflow run doesn't name"

    def as_json(self) -> str:
        """The reference as the file that is kept."""
        return json.dumps(asdict(self), default=str, indent=1)


def from_json(text: str) -> Reference:
    """The reference that `as_json` has written."""
    found: dict[str, Any] = json.loads(text)
    for name in ("start", "end"):
        found[name] = date.fromisoformat(found[name]) if found[name] else None
    for name in ("edges", "counts", "between_weeks"):
        found[name] = {subject: tuple(values) for subject, values in found[name].items()}
    return Reference(**found)


def counts_of(counts: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Counts as a reference keeps them."""
    return {subject: tuple(map(int, bins)) for subject, bins in counts.items()}


def empty_reference(version: Version) -> Reference:
    """The reference without counts: the window, in whole weeks, and the figures of the version's MLflow run.

    A version that was registered by hand has neither; so has one whose run was deleted.

    Raises:
        MlflowException: MLflow can't be reached.

    """
    try:
        data = mlflow.MlflowClient().get_run(version.run_id).data
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return Reference(version.model.version, None, None)
    start, end = (data.params.get(f"test_fold.{name}") for name in ("train_start", "train_end"))
    if not (start and end):
        return Reference(version.model.version, None, None, figures=data.metrics)
    last = date.fromisoformat(end)
    days = (last - date.fromisoformat(start)).days
    # Whole weeks, so that weekends have the share that they have in the weeks that are compared.
    return Reference(version.model.version, last - timedelta(days // 7 * 7 or days), last, figures=data.metrics)


def kept_reference(version: Version) -> Reference | None:
    """The reference that is kept with the version.

    None where there is none, or none that is whole: of one that was being written when its run was killed nothing was
    measured yet.

    Raises:
        MlflowException: MLflow, or where it keeps files, can't be reached.
        OSError: the same.

    """
    client = mlflow.MlflowClient()
    try:
        if FILE not in {file.path for file in client.list_artifacts(version.run_id)}:
            return None
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return None
    text = Path(client.download_artifacts(version.run_id, FILE)).read_text(encoding="utf-8")
    try:
        return from_json(text)
    except (ValueError, KeyError, TypeError):
        return None


def keep_reference(version: Version, reference: Reference) -> Reference:
    """Keeps a reference with its version, unless there is one; returns the one that is kept."""
    if (kept := kept_reference(version)) is not None:
        return kept
    mlflow.MlflowClient().log_text(version.run_id, reference.as_json(), FILE)
    return reference
