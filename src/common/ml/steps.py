"""The steps of the training and promotion notebooks: each reads like a sentence, and what can't be done passes on.

Where there is nothing to train, every step after that hands on the reason, so that a notebook runs to its end
and a person reads there why.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from common.contracts.silver import FRAUD_REPORTS
from common.ml.baseline import rules_fired
from common.ml.due import Plan, plan_training
from common.ml.folds import Protocol
from common.ml.promote import Contest, Outcome, judge
from common.ml.registry import Registry
from common.ml.train import NotTrained, Trained, counts, too_few_labels, train
from common.ml.window import Window, code_commit, data_versions, newest_event, read_window
from common.storage.lake import Lake


@dataclass(frozen=True)
class Examples:
    """What there is to learn from and to be judged by; `rules_hit` counts the rules fired, by transaction_id."""

    window: Window
    rules_hit: "pd.Series[int]"
    protocol: Protocol

    def table(self) -> pd.DataFrame:
        """Transactions and frauds of each part of the protocol."""
        return counts(self.window, self.protocol)


def next_training(
    lake: Lake,
    registry: Registry,
    *,
    as_of: str,
    train_days: int,
    retrain_after_days: int,
    alert_budget_cards_per_day: int,
) -> Plan:
    """Whether a new model is due, and on which days; parameters as in `due.plan_training`."""
    return plan_training(
        newest_event=newest_event(lake),
        champion=registry.champion(),
        newest=registry.newest(),
        as_of=as_of,
        train_days=train_days,
        retrain_after_days=retrain_after_days,
        cards_per_day=alert_budget_cards_per_day,
    )


def examples_for(lake: Lake, plan: Plan) -> Examples | NotTrained:
    """The transactions and reports of a plan's folds, read only when a model is due."""
    if not plan.is_due:
        return NotTrained(plan.reason)
    if plan.protocol is None or not lake.exists(FRAUD_REPORTS):
        return NotTrained(f"{too_few_labels(0, 0)}: {plan.reason}", is_for_labels=True)
    test = plan.protocol.test
    return Examples(
        window=read_window(lake, plan.protocol.start, test.test_end, test.labels_known_at),
        rules_hit=rules_fired(lake, test.test_start, test.test_end),
        protocol=plan.protocol,
    )


def train_on(examples: Examples | NotTrained, *, alert_budget_cards_per_day: int, seed: int) -> Trained | NotTrained:
    """A model trained on the examples; prints a line for each fit of the search."""
    if isinstance(examples, NotTrained):
        return examples
    return train(
        examples.window,
        rules_hit=examples.rules_hit,
        protocol=examples.protocol,
        cards_per_day=alert_budget_cards_per_day,
        seed=seed,
        told=print,
    )


def register_trained(
    lake: Lake, registry: Registry, training: Trained | NotTrained, parameters: Mapping[str, object]
) -> str:
    """Logs and registers a trained model, or notes that labels were too few; says which in a sentence."""
    if isinstance(training, NotTrained):
        if training.is_for_labels:
            registry.note_not_trained(training.text)
        return training.text
    from common.ml.model_run import register  # and with it matplotlib, which nothing else here needs

    version = register(registry, training, parameters, data_versions(lake), code_commit())
    return f"version {version} registered, it waits for promotion"


def rows_read(examples: Examples | NotTrained) -> int:
    """How many transactions were read."""
    return len(examples.window.rows) if isinstance(examples, Examples) else 0


def training_facts(training: Trained | NotTrained) -> dict[str, object]:
    """What the run's summary shows of a model just trained; empty where none was."""
    if isinstance(training, NotTrained):
        return {}
    figures = training.figures["model"]
    shown = {
        "average_precision": figures.average_precision,
        "average_precision_of_rules_alone": training.figures["rules alone"].average_precision,
        "auc_roc": figures.auc_roc,
        f"card_precision_at_{figures.cards_per_day}": figures.card_precision,
        "frauds_caught_at_budget": figures.recall,
        "saved_eur_in_test_week": figures.saved_eur,
    }
    return {"model": shown}


def judge_contest(lake: Lake, contest: Contest, *, seed: int) -> Outcome:
    """Reads the candidate's test window and decides; without a candidate it passes on why there is none."""
    if contest.candidate is None:
        return Outcome(None, contest.text, {}, pd.DataFrame())
    fold = contest.fold
    return judge(
        contest,
        read_window(lake, fold.test_start, fold.test_end, fold.labels_known_at),
        rules_fired(lake, fold.test_start, fold.test_end),
        seed,
    )


def promotion_facts(registry: Registry) -> dict[str, object]:
    """What the run's summary shows of the champion; empty where there is none."""
    champion = registry.champion()
    if champion is None:
        return {}
    shown = {
        "version": champion.model.version,
        "T": f"{champion.model.test_start:%Y-%m-%d}",
        "threshold": champion.model.threshold,
        "alert_budget_cards_per_day": champion.model.cards_per_day,
    }
    return {"champion": shown}
