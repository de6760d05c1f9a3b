"""Payment worlds of one seed that differ in their difficulties alone, in memory, with features and reports."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

from benchmarks.handbook.world import with_features
from common.ml.review import card_of
from common.ml.window import Window
from common.silver.exchange import rates
from local.simulate import World, simulate
from local.simulate.settings import DIFFICULTIES, DIRT_RATES

_ENTITIES = ("transactions", "fraud_reports")


@dataclass(frozen=True)
class Known:
    """A world as training knows it, and `frauds`: the ids of all that are, whatever was reported."""

    window: Window
    frauds: frozenset[str]


def worlds(seed: int) -> Mapping[str, World]:
    """By name: without difficulties, with each alone, and with all, at the strengths of the default world."""
    clean: dict[str, Any] = dict.fromkeys((*DIRT_RATES, "reference_dirt_rate"), 0.0)
    default = World(seed=seed, gzip_every_days=0, **clean)

    def alone(one: str) -> World:
        others: dict[str, Any] = {each: 0.0 for each in DIFFICULTIES if each != one}
        return replace(default, **others)

    return {
        "none": replace(default, difficulty=0.0),
        **{each.removesuffix("_share").removesuffix("_rate").replace("_", " "): alone(each) for each in DIFFICULTIES},
        "all": default,
    }


def made(world: World) -> Known:
    """Makes a world and reads what landed, with the features of each payment."""
    with TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        simulate(Path(folder), world)
        payments, reports = (_landed(Path(folder), entity) for entity in _ENTITIES)
        truth = [pq.read_table(file) for file in Path(folder).glob("simulated/.world/truth/fraud-*.parquet")]
    frauds = frozenset(pa.concat_tables(truth)["transaction_id"].to_pylist())
    reports = reports.assign(reported_at=_times(reports["reported_at"])).sort_values("reported_at")
    of_id = [
        reports[reports["is_fraud"] == verdict].groupby("transaction_id")["reported_at"] for verdict in (True, False)
    ]
    units = {"EUR": 1.0} | {currency: float(dated[-1][1]) for currency, dated in rates().items()}
    rows = with_features(
        pd.DataFrame(
            {
                "transaction_id": payments["id"],
                "event_time": _times(payments["ts"]),
                "customer": payments["customer"].astype("category").cat.codes.astype("int64"),
                "terminal": payments["terminal"].astype("category").cat.codes.astype("int64"),
                "cents": (payments["amount"] / payments["currency"].map(units) * 100).round().astype("int64"),
                "is_fraud": payments["id"].isin(frauds),
                "known_from": payments["id"].map(of_id[0].min()),
                "until": payments["id"].map(of_id[1].max()),
                "merchant_id": payments["merchant"],
                "customer_id": payments["customer"],
                "account_id": payments["account"],
                **{name: payments[name] for name in ("channel", "country")},
            }
        )
    )
    return Known(Window(rows.assign(card=card_of(rows)), reports), frauds)


def _landed(landing: Path, entity: str) -> pd.DataFrame:
    """An entity's records, each once; there is no dirt in them."""
    files = sorted(landing.glob(f"simulated/{entity}/*.jsonl"))
    tables = [pj.read_json(file) for file in files]
    records: pd.DataFrame = pa.concat_tables(tables, promote_options="default").to_pandas()
    return records


def _times(texts: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(texts, utc=True).astype("datetime64[us, UTC]")
