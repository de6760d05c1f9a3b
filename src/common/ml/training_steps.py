"""The steps of the training notebook: each reads like a sentence.

Where there is nothing to train, the notebook runs to its end, and a person reads there why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from common.contracts.features import FEATURE_NAMES
from common.contracts.silver import FRAUD_REPORTS, MERCHANT
from common.ml.baseline import rules_fired
from common.ml.due import Plan, plan_training
from common.ml.enough_labels import TooFewLabels, counts, too_few_labels
from common.ml.folds import Protocol
from common.ml.model_run import log_and_register, run_name
from common.ml.model_versions import newest_version, retrain_due
from common.ml.registry import Registry
from common.ml.search import Limits
from common.ml.train import Trained, train
from common.ml.trial_runs import TrialRuns, search_key
from common.ml.trials import trials_table
from common.ml.window import READ, code_commit, data_versions, newest_event, read_window
from common.parameters import as_euro
from common.storage.lake import Lake
from common.storage.last_success import Step

_READ = tuple(table.name for table in (*READ, MERCHANT.history))
TRAINING = Step("ml.training", reads=_READ, looks_at=retrain_due, leaves=newest_version)
"""What training depends on. It looks at what monitoring found of the champion, but not at which version that is, which
promotion changes after it: where a person takes the alias away, the next new data, or `--force`, make a model due."""
OF_A_JOB_RUN = ("run_id", "src", "force")
"""Parameters of the notebook that say how it is run, and change nothing of the model."""


@dataclass(frozen=True)
class Training:
    """What came of a plan: a trained model, or the reason why there is none.

    `rows_read` counts the transactions read; `folds` has transactions and frauds of each part of the protocol;
    `run_id` is the MLflow run that the search's trials are below, `parameters` are those that it was made with.
    """

    trained: Trained | None
    reason: str = ""
    rows_read: int = 0
    folds: pd.DataFrame = field(default_factory=pd.DataFrame)
    lacks_labels: bool = False
    run_id: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """The figures of the model and the baselines, with intervals; where there is no model, the reason."""
        return self.trained.table() if self.trained else pd.DataFrame({"not trained": [self.reason]})

    def search(self) -> pd.DataFrame:
        """The trials of the search, best first; empty where there is no model."""
        return trials_table(self.trained.trials) if self.trained else pd.DataFrame()


def next_training(
    lake: Lake,
    registry: Registry,
    *,
    as_of: str,
    train_days: int,
    retrain_after_days: int,
    alert_budget_cards_per_day: int,
    review_cost_eur: str,
    validation_folds: int,
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
        review_cost_eur=as_euro(review_cost_eur),
        validation_folds=validation_folds,
        monitored=retrain_due(lake.settings) or "",
    )


def train_planned(
    lake: Lake,
    registry: Registry,
    plan: Plan,
    parameters: Mapping[str, object],
    *,
    alert_budget_cards_per_day: int,
    review_cost_eur: str,
    search_trials: int,
    search_minutes: float,
    ensemble: int,
    seed: int,
) -> Training:
    """Trains the model that a plan says is due, on its folds; prints a line for each trial of the search.

    Nothing is read where no model is due. Trials are kept in MLflow as they end, and a training that was killed goes
    on from them in its MLflow run where it is given the same `parameters` (the notebook's) and data; with others a new
    run begins.
    """
    if not plan.is_due:
        return Training(None, plan.reason)
    if plan.protocol is None or not lake.exists(FRAUD_REPORTS):
        return Training(None, f"{too_few_labels(0, 0)}: {plan.reason}", lacks_labels=True)
    test = plan.protocol.test
    window = read_window(lake, plan.protocol.start, test.test_end, test.labels_known_at)
    folds = counts(window, plan.protocol)
    chosen = {name: value for name, value in parameters.items() if name not in OF_A_JOB_RUN}
    runs = TrialRuns(registry.experiment_id, run_name(test.test_start), _search_key(lake, plan.protocol, chosen))
    try:
        trained = train(
            window,
            rules_hit=rules_fired(lake, test.test_start, test.test_end),
            protocol=plan.protocol,
            cards_per_day=alert_budget_cards_per_day,
            seed=seed,
            limits=Limits(search_trials, 60 * search_minutes),
            ensemble=ensemble,
            review_cost_eur=as_euro(review_cost_eur),
            store=runs,
            report=print,
        )
    except TooFewLabels as error:
        return Training(None, str(error), len(window.rows), folds, lacks_labels=True)
    return Training(trained, "", len(window.rows), folds, run_id=runs.run_id, parameters=chosen)


def _search_key(lake: Lake, protocol: Protocol, parameters: Mapping[str, object]) -> str:
    folds = [fold.dates() for fold in (protocol.test, *protocol.validations)]
    made_from = {"data": data_versions(lake), "code": code_commit(), "features": FEATURE_NAMES}
    return search_key({"folds": folds, "parameters": parameters, **made_from})


def register_trained(
    lake: Lake,
    registry: Registry,
    training: Training,
    pictures: Callable[[Trained], Mapping[str, Any]],
) -> str:
    """Logs and registers a trained model, or notes that labels were too few; returns which, as a sentence.

    `pictures` draws a trained model: figures of matplotlib, by name.
    """
    if training.trained is None:
        if training.lacks_labels:
            registry.note_not_trained(training.reason)
        return training.reason
    version = log_and_register(
        registry,
        training.trained,
        parameters=training.parameters,
        data_versions=data_versions(lake),
        commit=code_commit(),
        job_run=lake.settings.run_id,
        pictures=pictures(training.trained),
        run_id=training.run_id,
    )
    return f"version {version} registered, it waits for promotion"


def training_facts(training: Training) -> dict[str, object]:
    """What the run's summary shows of a model just trained; empty where none was."""
    if training.trained is None:
        return {}
    figures, rules_alone = training.trained.figures["model"], training.trained.figures["rules alone"]
    shown = {
        "average_precision": figures.average_precision,
        "average_precision_of_rules_alone": rules_alone.average_precision,
        "auc_roc": figures.auc_roc,
        f"card_precision_at_{figures.cards_per_day}": figures.card_precision,
        "frauds_caught_at_budget": figures.recall,
        "saved_eur_in_test_week": figures.saved_eur,
    }
    return {"model": shown}
