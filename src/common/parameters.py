"""The parameters of all notebooks and jobs: their types, defaults, meanings and limits, each declared once.

A notebook's `parameters` cell repeats the defaults of those that it takes (a test compares the two).
Values arrive as text from a job and as Python values from a notebook; `typed` makes one of both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from common.errors import ParameterError

Value = str | int | float | bool


@dataclass(frozen=True)
class Parameter:
    """One parameter: `default` gives its type; `choices` and `minimum` limit it."""

    name: str
    default: Value
    meaning: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    is_valid: Callable[[Any], bool] | None = None
    rule: str = ""

    def typed(self, value: object) -> Value:
        """The value in the parameter's own type.

        Raises:
            ParameterError: it can't be read as that type, or breaks a limit.

        """
        kind = type(self.default)
        try:
            result = _as_bool(value) if kind is bool else kind(str(value).strip())
        except ValueError:
            raise self._refused(value, f"must be {_KINDS[kind]}") from None
        if self.choices and result not in self.choices:
            raise self._refused(value, f"must be one of {', '.join(self.choices)}")
        if self.minimum is not None and float(result) < self.minimum:
            raise self._refused(value, f"must be {self.minimum:g} or more")
        if self.is_valid and not self.is_valid(result):
            raise self._refused(value, f"must be {self.rule}")
        return result

    def _refused(self, value: object, rule: str) -> ParameterError:
        return ParameterError(f"{self.name}={value!r}: {rule} ({self.meaning})")


_KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _as_bool(value: object) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _empty_or(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether a text is empty, or one that `read` can read."""

    def is_valid(value: str) -> bool:
        try:
            return not value or read(value) is not None
        except ValueError:
            return False

    return is_valid


def as_day(value: str) -> datetime:
    """Midnight UTC of a day written as YYYY-MM-DD."""
    day = date.fromisoformat(value)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def as_euro(value: str) -> float | None:
    """An amount of 0 or more, written as a number; None where it is empty.

    Raises:
        ValueError: it is none.

    """
    if not value:
        return None
    amount = float(value)
    if not 0 <= amount < float("inf"):
        raise ValueError(value)
    return amount


def as_time(value: str) -> datetime:
    """A moment in UTC, written as ISO 8601 has it, such as 2025-09-28 14:30; without a zone it is UTC."""
    time = datetime.fromisoformat(value)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


NO_VERDICT = "none"

ALERTS_OFF, ALERTS_DRY_RUN, ALERTS_ON = "off", "dry_run", "on"

SETTLED = {"sent": "sent", "resend": "pending"}
"""What can be said of a message, and the state that it gets by that."""


def as_settled(value: str) -> list[tuple[str, str, str]]:
    """Messages and what is said of them, written as ALERT/CHANNEL=sent or =resend, with commas between.

    Raises:
        ValueError: it isn't written so.

    """
    found = []
    for part in filter(None, (one.strip() for one in value.split(","))):
        message, _, how = part.rpartition("=")
        alert, _, channel = message.rpartition("/")
        if how not in SETTLED or not alert or not channel:
            raise ValueError(part)
        found.append((alert, channel, how))
    return found


_DECLARED = (
    Parameter("catalog", "spark_catalog", "catalog that holds the schemas bronze, silver, gold and ops"),
    Parameter(
        "schema_prefix", "", "what the names of schemas begin with; deployments in one catalog have different ones"
    ),
    Parameter("experiment", "fraud_model", "MLflow experiment of the models"),
    Parameter("run_id", "", "the job run, noted with what it does; empty: none"),
    Parameter("force", False, "do the work even where nothing has changed since it last succeeded"),
    Parameter("src", "../../src", "folder of the package `common`; used on Databricks, where it is not installed"),
    Parameter("source", "simulated", "name of a file in sources/, without .yml"),
    Parameter("landing", "", "folder that files land in; empty: the workspace's own"),
    Parameter("outputs", "reports", "names of files in outputs/, without .yml, with commas between them; empty: none"),
    Parameter(
        "alerts",
        ALERTS_OFF,
        "off: no alert is sent; dry_run: what would be sent is shown; on: it is sent",
        (ALERTS_OFF, ALERTS_DRY_RUN, ALERTS_ON),
    ),
    Parameter(
        "resolve",
        "",
        "messages that are unsure or failed, and what is to become of them: ALERT/CHANNEL=sent or =resend, with commas "
        "between; empty: none",
        is_valid=_empty_or(as_settled),
        rule="ALERT/CHANNEL=sent or ALERT/CHANNEL=resend, with commas between, or empty",
    ),
    Parameter(
        "reread",
        "",
        "feeds (with commas between them, or all) whose files are read again where they were read otherwise than is "
        "declared; empty: none",
    ),
    Parameter("entity", "customers", "kind of reference data", ("customers", "accounts", "merchants", "terminals")),
    Parameter(
        "trigger",
        "available_now",
        "available_now: all that is new, then stop; processing_time: go on",
        ("available_now", "processing_time"),
    ),
    Parameter("interval_seconds", 10, "pause between micro-batches when trigger is processing_time", minimum=1),
    Parameter(
        "as_of",
        "",
        "day (YYYY-MM-DD) up to which transactions count, exclusive; empty: the newest event time",
        is_valid=_empty_or(as_day),
        rule="a day written as YYYY-MM-DD, or empty",
    ),
    Parameter("table", "", "silver table whose quarantined records are meant, such as silver.transactions; empty: all"),
    Parameter("customer_id", "", "the customer to erase"),
    Parameter(
        "alert_day",
        "",
        "day (YYYY-MM-DD) whose alerts are reviewed; empty: that of transaction_id, or the newest with alerts",
        is_valid=_empty_or(as_day),
        rule="a day written as YYYY-MM-DD, or empty",
    ),
    Parameter("transaction_id", "", "the transaction whose story is shown; empty: the day's first alert"),
    Parameter("verdict", NO_VERDICT, "verdict to record on transaction_id", (NO_VERDICT, "fraud", "genuine", "unsure")),
    Parameter("reviewer", "", "who decided"),
    Parameter("note", "", "why, in a sentence that names no person; empty: no reason given"),
    Parameter(
        "decided_at",
        "",
        "when the verdict was decided, UTC (such as 2025-09-28 14:30); empty: now",
        is_valid=_empty_or(as_time),
        rule="a time as ISO 8601 writes it, or empty",
    ),
    Parameter("check_days", 30, "days before the newest event whose rows are checked one by one; 0: all", minimum=0),
    Parameter("train_days", 60, "days of transactions to train on", minimum=1),
    Parameter("retrain_after_days", 7, "days of new data after which a new model is trained", minimum=0),
    Parameter("alert_budget_cards_per_day", 10, "cards that the fraud team can review a day", minimum=1),
    Parameter("require_approval", False, "a model that passes the gate waits until a person approves it"),
    Parameter("approve_version", 0, "version of the model that is approved, the challenger; 0: none", minimum=0),
    Parameter("to_version", 0, "version of the model to go back to; 0: the champion before the present one", minimum=0),
    Parameter("reason", "", "why the champion is rolled back; it is kept with the version"),
    Parameter(
        "review_cost_eur",
        "",
        "euro that reviewing a card costs, for the alert threshold; empty: the budget alone decides",
        is_valid=_empty_or(as_euro),
        rule="an amount of 0 or more, or empty",
    ),
    Parameter("search_trials", 4, "most trials of the search for the model's parameters", minimum=1),
    Parameter("search_minutes", 5.0, "most minutes that the search takes", minimum=0),
    Parameter("validation_folds", 1, "weeks to choose parameters and threshold by, where data are enough", minimum=1),
    Parameter("ensemble", 1, "boosters of different seeds that the model averages", minimum=1),
    Parameter("seed", 20180401, "seed of everything random in training", minimum=0),
)
PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in _DECLARED}
