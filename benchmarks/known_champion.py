"""A champion for benchmarks that score: trained on the Handbook's transactions, without Spark, in seconds."""

from pathlib import Path

import pandas as pd

from benchmarks.handbook.world import DELAY_DAYS, read, with_features
from common.contracts.features import FEATURE_NAMES
from common.ml.booster import fit, predict
from common.ml.champion import Champion
from common.ml.fed_features import fed
from common.ml.search_space import STARTING_POINTS, as_candidate
from common.ml.threshold import threshold_for

ROUNDS = 100
"""Trees, about as many as early stopping gives on these data."""

FIRST_DAY, TEST_START = pd.Timestamp("2018-05-08", tz="UTC"), pd.Timestamp("2018-08-01", tz="UTC")
"""From when on features have a month of history, and from when on scores count."""

CARDS_PER_DAY = 100
SEED = 0


def champion(source: Path) -> Champion:
    """A model of the point that every search begins with; the Parquet files of the Handbook are in `source`."""
    rows = with_features(read(source))
    last = TEST_START - pd.Timedelta(days=DELAY_DAYS)
    train = rows[(rows["day"] >= FIRST_DAY) & (rows["day"] < last)]
    features = fed(train, [name for name in FEATURE_NAMES if name in train])
    booster = fit(train, features, as_candidate(STARTING_POINTS[0], ROUNDS), SEED)
    week = rows[(rows["day"] >= last) & (rows["day"] < TEST_START)]
    return Champion(
        version="1",
        features=features,
        threshold=threshold_for(week.assign(score=predict(booster, week, features)), CARDS_PER_DAY),
        cards_per_day=CARDS_PER_DAY,
        test_start=TEST_START.to_pydatetime(),
        booster=bytes(booster.save_raw("ubj")),
        left_out=tuple(name for name in FEATURE_NAMES if name not in features),
    )
