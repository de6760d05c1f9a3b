"""The features of transactions as they arrive, from a bounded history in memory.

The rules are those of `common.features`: `FeatureState` hands the same functions of arrays the rows that a micro-batch
needs. What is kept of each row (`Habit`) is right after every call: rows that something
late disturbs are computed again at once.
"""

from common.features.state.feature_state import FeatureState

__all__ = ["FeatureState"]
