"""Which of the features a source feeds: a feature that never varies teaches nothing, and is left out of the model."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from common.ml.booster import matrix


def fed(rows: pd.DataFrame, features: Sequence[str]) -> tuple[str, ...]:
    """Those of the features, in their order, that take at least two values over the rows; missing is one of them.

    So a feature that is missing everywhere, or the same everywhere, is none of them: the source lacks its columns.
    What is infinite is missing, as for the model.
    """
    return tuple(name for name in features if _varies(matrix(rows, [name])[:, 0]))


def infinite(rows: pd.DataFrame, features: Sequence[str]) -> dict[str, int]:
    """How many values of each feature are infinite, or too large for the model's float32; those with none left out."""
    counts = {}
    for name in features:
        missing = int(pd.isna(rows[name]).sum())
        if extra := int(np.isnan(matrix(rows, [name])).sum()) - missing:
            counts[name] = extra
    return counts


def _varies(values: np.ndarray) -> bool:
    missing = np.isnan(values)
    present = values[~missing]
    return bool(0 < missing.sum() < len(values) or (present != present[:1]).any())
