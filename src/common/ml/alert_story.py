"""What a reviewer reads: a day's alerts, and the story of one of them. In pandas, of the days around it alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, reduce

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.contracts.verdicts import ALERT_VERDICTS
from common.errors import ParameterError
from common.features.labels import known_labels, last_labels
from common.ml.alerts import alerts
from common.ml.champion import Champion
from common.ml.explain import explained
from common.ml.review import card_of
from common.ml.story_window import DAYS_AFTER, DAYS_BEFORE, usual_eur
from common.rules import RULES
from common.storage.lake import Lake

_SHOWN = ("event_time", "transaction_id", "card", "amount_eur", "score", "alerts", "rules_hit", "reasons")


def alerts_of_day(lake: Lake, day: str = "", transaction_id: str = "") -> pd.DataFrame:
    """The alerts of a day, each card once, by falling score.

    A card (`review.card_of`) stands there with its alert of the highest score; `alerts` counts those that it has.
    `verdict` is the last one given on the alert, `known` what is known of it so far: fraud, genuine or nothing.

    Args:
        lake: where the tables are.
        day: as YYYY-MM-DD; empty: the day of `transaction_id`, or without one the newest with alerts.
        transaction_id: see `day`.
    """
    if not _is_scored(lake):
        return pd.DataFrame(columns=[*_SHOWN, "verdict", "known"])
    rows = _known(lake, alerts(lake).where(F.col("event_date") == _day(lake, day, transaction_id))).toPandas()
    ranked = rows.assign(card=card_of(rows)).sort_values(["score", "transaction_id"], ascending=[False, True])
    first = ranked.assign(alerts=ranked.groupby("card")["card"].transform("size")).drop_duplicates("card")
    return first[[*_SHOWN, "verdict", "known"]].set_axis(range(1, len(first) + 1)).rename_axis("rank")


def story_of(lake: Lake, transaction_id: str, report: Callable[[str], None] = print) -> "Story | None":
    """The story of a transaction; none without an id, and none of one that was not scored, which `report` is given.

    Raises:
        ParameterError: there is no such transaction.
    """
    if not transaction_id:
        return None
    found = _of(lake, transaction_id).first() if _is_scored(lake) else None
    if found is not None:
        return Story(lake, found)
    known = lake.exists(TRANSACTIONS) and not lake.table(TRANSACTIONS).where(_is(transaction_id)).isEmpty()
    if not known:
        statement = f"SELECT transaction_id FROM {lake.full_name(TRANSACTION_SCORES)} WHERE {IS_ALERT}"
        raise ParameterError(
            f"transaction_id={transaction_id!r}: neither {TRANSACTION_SCORES.name} nor {TRANSACTIONS.name} has such a "
            f"transaction. {lake.settings.platform.run_sql.format(statement=statement)} lists the alerts"
        )
    score = lake.settings.platform.run_job_from.format(job="lakehouse", task="score_transactions")
    report(
        f"transaction_id={transaction_id!r} was not scored, and only what was scored has a story. Refunds never are; a "
        f"payment is, once there is a champion: {score}"
    )
    return None


def reasons_of(story: "Story | None") -> pd.DataFrame:
    """`Story.reasons` by the version of the model that made the score, taken from the registry."""
    if story is None:
        return pd.DataFrame(columns=["reason", "log_odds", "share"])
    # Imported here: MLflow takes seconds, which nothing else of a story needs.
    from common.ml.registry import Registry
    from common.ml.version import UnusableVersion

    try:
        version = Registry(story.lake.settings).version(story.alert["model_version"])
    except UnusableVersion:
        version = None
    return story.reasons(version.model if version else None)


def statements(lake: Lake, transaction_id: str) -> pd.DataFrame:
    """Everything that was stated on a transaction, in order: reports and verdicts, with whom they are of and when.

    Notes are left out: a person may be named in them.
    """
    of_it = _is(transaction_id)
    columns = {
        FRAUD_REPORTS: ("reported_at AS stated_at", "'report' AS by", "IF(is_fraud, 'fraud', 'genuine') AS says"),
        ALERT_VERDICTS: ("decided_at AS stated_at", "reviewer AS by", "verdict AS says"),
    }
    stated = [lake.table(table).where(of_it).selectExpr(*of) for table, of in columns.items() if lake.exists(table)]
    if not stated:
        return pd.DataFrame(columns=["stated_at", "by", "says"])
    return reduce(DataFrame.unionByName, stated).orderBy("stated_at").toPandas()


@dataclass(frozen=True)
class Story:
    """A scored transaction (`alert`: its row of gold.transaction_scores), and what a reviewer asks about it."""

    lake: Lake
    alert: Row

    @cached_property
    def payments(self) -> pd.DataFrame:
        """The customer's payments around it: event_time, transaction_id, amount_eur, is_alert, is_fraud.

        `amount_eur` is null where it is unknown, `is_fraud` what is known so far. Without a customer they are the
        account's, without an account the transaction alone.
        """
        whose = next((name for name in ("customer_id", "account_id") if self.alert[name]), "transaction_id")
        rows = _known(self.lake, self._around(F.col(whose) == self.alert[whose]))
        amount, is_alert = F.col("amount_eur").cast("double"), F.expr(IS_ALERT).alias("is_alert")
        named = rows.select("event_time", "transaction_id", amount, is_alert, "is_fraud")
        return named.orderBy("event_time", "transaction_id").toPandas()

    @property
    def at(self) -> pd.Timestamp:
        """When it happened, UTC, without a zone as the other times here."""
        rows = self.payments
        found: pd.Timestamp = rows.loc[rows["transaction_id"] == self.alert["transaction_id"], "event_time"].iloc[0]
        return found

    @property
    def usual_eur(self) -> tuple[float, float] | None:
        """Between which amounts most of the customer's payments before lie, known frauds left out; None for too few."""
        return usual_eur(self.payments, self.at)

    @cached_property
    def terminal_days(self) -> pd.DataFrame:
        """By day around it, what happened at the terminal: transactions, frauds (known so far). Empty without one.

        Days on which nothing happened have zeros.
        """
        if not self.alert["terminal_id"]:
            return pd.DataFrame(columns=["transactions", "frauds"])
        rows = _known(self.lake, self._around(F.col("terminal_id") == self.alert["terminal_id"]))
        sums = (F.count("*").alias("transactions"), F.count_if("is_fraud").alias("frauds"))
        days = rows.groupBy("event_date").agg(*sums).toPandas()
        by_day = days.set_index(pd.to_datetime(days["event_date"])).sort_index()[["transactions", "frauds"]]
        return by_day.asfreq("D", fill_value=0)

    def reasons(self, model: Champion | None) -> pd.DataFrame:
        """What raised the score, strongest first: reason, log_odds, and share of all that raised it (0 to 1).

        Args:
            model: the version that made the score. It sees the features as it saw them then. None, where it is gone:
                the reasons that were kept, without figures.
        """
        if model is None:
            return pd.DataFrame({"reason": self.alert["reasons"], "log_odds": np.nan, "share": np.nan})
        seen = pd.DataFrame([self.alert["features"].asDict()])
        return explained(model.load(), seen, model.features)

    def rules(self) -> pd.DataFrame:
        """The rules that fired: rule, severity and what it saw. One that is declared no more has its name alone."""
        declared = {rule.name: rule for rule in RULES}
        hit = [(name, declared.get(name)) for name in self.alert["rules_hit"] or []]
        rows = [(name, rule.severity if rule else "", rule.sentence if rule else "") for name, rule in hit]
        return pd.DataFrame(rows, columns=["rule", "severity", "what it saw"])

    def _around(self, is_theirs: Column) -> DataFrame:
        day = self.alert["event_date"]
        days = F.col("event_date").between(F.lit(day - timedelta(DAYS_BEFORE)), F.lit(day + timedelta(DAYS_AFTER)))
        return self.lake.table(TRANSACTION_SCORES).where(days & is_theirs)


def _is_scored(lake: Lake) -> bool:
    return lake.exists(TRANSACTION_SCORES)


def _of(lake: Lake, transaction_id: str) -> DataFrame:
    return lake.table(TRANSACTION_SCORES).where(_is(transaction_id))


def _is(transaction_id: str) -> Column:
    return F.col("transaction_id") == transaction_id


def _day(lake: Lake, day: str, transaction_id: str) -> Column:
    """The day that is meant, as a literal; null where there is none."""
    if day:
        return F.lit(day).cast("date")
    rows = _of(lake, transaction_id) if transaction_id else alerts(lake)
    return F.lit(rows.agg(F.max("event_date")).collect()[0][0]).cast("date")


def _known(lake: Lake, scores: DataFrame) -> DataFrame:
    """The scores with `is_fraud` (never null), `known` and `verdict`, from what was stated on them so far."""
    ids = scores.select("transaction_id")
    said = last_labels(known_labels(lake).join(ids, "transaction_id", "left_semi"))
    rows = scores.join(said.select("transaction_id", "is_fraud"), "transaction_id", "left")
    known = F.when(F.col("is_fraud"), "fraud").when(~F.col("is_fraud"), "genuine")
    rows = rows.withColumn("known", known).withColumn("is_fraud", F.coalesce("is_fraud", F.lit(False)))
    if not lake.exists(ALERT_VERDICTS):
        return rows.withColumn("verdict", F.lit(None).cast("string"))
    last = F.max_by("verdict", F.struct("decided_at", "recorded_at")).alias("verdict")
    given = lake.table(ALERT_VERDICTS).join(ids, "transaction_id", "left_semi").groupBy("transaction_id").agg(last)
    return rows.join(given, "transaction_id", "left")
