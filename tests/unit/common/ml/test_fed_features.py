import numpy as np
import pandas as pd

from common.ml.fed_features import fed, infinite

ROWS = pd.DataFrame(
    {
        "useful": [1.0, 2.0, 1.0],
        "null": pd.Series([None, None, None], dtype=object),
        "nan": [np.nan] * 3,
        "constant": [4.0, 4.0, 4.0],
        "flag": pd.Series([True, None, False], dtype=object),
        "always": pd.Series([True, True, True], dtype=object),
        "there or not": [7.0, np.nan, 7.0],
        "infinite": [np.inf, -np.inf, np.inf],
        "huge": [1e39, 1.0, 2.0],
        "counts": pd.Series([3, None, 3], dtype="Int64"),
    }
)


def test_a_feature_that_never_varies_is_left_out_and_order_stays() -> None:
    assert fed(ROWS, list(ROWS)) == ("useful", "flag", "there or not", "huge", "counts")
    assert fed(ROWS, ["flag", "null", "useful"]) == ("flag", "useful")


def test_of_no_rows_no_feature_is_fed() -> None:
    assert fed(ROWS.iloc[:0], list(ROWS)) == ()


def test_infinite_values_are_counted_and_missing_ones_are_not() -> None:
    assert infinite(ROWS, list(ROWS)) == {"infinite": 3, "huge": 1}
