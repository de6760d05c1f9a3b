"""The world that is killed: a few thousand dirty transactions, in rounds of files, and a champion that stays."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import xgboost as xgb

from common.contracts.features import FEATURE_NAMES
from common.ml.champion import Champion
from common.ml.registry import Registry
from common.settings import Settings
from local.simulate import World, simulate

REFERENCE = ("customers", "accounts", "merchants", "terminals")
ALERT_BUDGET = 10
"""The job's default: with another one, a new model would be due."""

# Every kind of dirt several times in a world this small, reference data that change every day, and fraud to report.
_WORLD = World(
    merchants=30,
    terminals=60,
    new_column_from_day=12,
    **{
        f"{kind}_rate": 0.006
        for kind in (
            "malformed_json",
            "missing_id",
            "bad_date",
            "unknown_currency",
            "negative_amount",
            "unknown_customer",
            "date_format",
            "unknown_field",
        )
    },
    duplicate_rate=0.02,
    resend_rate=0.02,
    late_rate=0.02,
    reference_dirt_rate=0.05,
    reference_resend_rate=0.01,
    customer_move_rate=0.01,
    customer_email_rate=0.01,
    account_balance_rate=0.05,
    merchant_risk_rate=0.01,
    terminal_move_rate=0.01,
    compromised_terminal_share=0.03,
    stolen_card_share=0.03,
    withdrawn_report_rate=0.005,
)


@dataclass(frozen=True)
class Rounds:
    """Files in `folder`, by their paths there, in the rounds and the order in which they land.

    Reference data first, then fraud reports, then transactions, each in order of time: whatever part of a round has
    landed, a transaction's customer is there before it, and so is each report that was known when it happened.
    """

    folder: Path
    rounds: tuple[tuple[str, ...], ...]
    first_day: datetime
    days: int

    @property
    def middle(self) -> datetime:
        """A day that has backfill before it and alerts after it."""
        return self.first_day + timedelta(days=self.days // 2)


def make_rounds(folder: Path, *, customers: int, days: int, rounds: int) -> Rounds:
    """Simulates a world and deals its days out to rounds."""
    world = replace(_WORLD, customers=customers, days=days)
    simulate(folder, world)
    files = sorted(path.relative_to(folder) for path in (folder / "simulated").glob("[!.]*/*"))
    dealt: list[list[tuple[int, str, str]]] = [[] for _ in range(rounds)]
    for file in files:
        entity = file.parent.name
        date = file.name.removeprefix(f"{entity}-")[:10]
        day = (datetime.fromisoformat(date).date() - world.first_day).days
        place = 0 if entity in REFERENCE else 1 if entity == "fraud_reports" else 2
        dealt[min(day * rounds // days, rounds - 1)].append((place, date, str(file)))
    first = datetime.combine(world.first_day, datetime.min.time(), UTC)
    return Rounds(folder, tuple(tuple(name for *_, name in sorted(one)) for one in dealt), first, days)


def register_champion(home: Path, test_start: datetime) -> None:
    """Registers a model in a workspace and promotes it: trained in a moment, yet one that splits on many features."""
    generator = np.random.default_rng(4)
    inputs = pd.DataFrame({name: generator.gamma(2, 20, 3000) for name in FEATURE_NAMES})
    for name in FEATURE_NAMES:
        if name.startswith("terminal_fraud_rate"):
            inputs[name] = generator.beta(1, 6, len(inputs))
    risk = inputs["amount_eur"] / 40 + 6 * inputs["terminal_fraud_rate_7d"] - inputs["customer_tx_count_1d"] / 80
    data = xgb.DMatrix(inputs, label=risk > risk.quantile(0.9))
    booster = xgb.train({"max_depth": 4, "objective": "binary:logistic", "seed": 4}, data, num_boost_round=20)
    champion = Champion("", FEATURE_NAMES, 0.4, ALERT_BUDGET, test_start, bytes(booster.save_raw("ubj")))
    registry = Registry(Settings(home))
    with mlflow.start_run(experiment_id=registry.experiment_id) as run:
        mlflow.log_text("A model that stays the same while everything around it is killed.", "model_card.md")
    registry.register(champion, run.info.run_id, inputs.head(2))
    newest = registry.newest()
    if newest is None:
        raise AssertionError("the version that was just registered is not there")
    registry.decide(newest, True, "stays, so that two workspaces can be compared")
