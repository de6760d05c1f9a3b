"""silver.alert_verdicts again: what customers answer to alerts, each answer once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.silver import TRANSACTIONS
from common.contracts.verdicts import ALERT_VERDICTS, FRAUD, GENUINE
from common.silver.alert_verdicts import Verdict, id_of
from common.storage.lake import Lake
from common.storage.recent import utc

SKEW = timedelta(minutes=5)
"""So far the clock of who takes answers may be ahead of the lake's."""

CUSTOMER = "customer"
"""The reviewer of a verdict that is a customer's answer."""


@dataclass(frozen=True, order=True)
class Answer:
    """What the customer said of a transaction, and when (UTC): genuine, it was me; or fraud."""

    transaction_id: str
    answered_at: datetime
    verdict: str


def answer_of(transaction_id: str, verdict: str, answered_at: datetime) -> Answer | str:
    """An answer; or what is wrong with it."""
    if verdict not in (FRAUD, GENUINE):
        return f"answer must be {FRAUD} or {GENUINE}"
    return Answer(transaction_id, answered_at, verdict)


def record_answers(lake: Lake, answers: Iterable[Answer]) -> tuple[int, int]:
    """Adds a verdict for each answer that has none; how many were added, and how many are of no use.

    Of equal answers to one alert that follow each other the first counts; another one is a changed mind, which counts
    from its own time on. Of no use is an answer to a transaction that isn't there, as after an erasure, or one of
    before the payment, or from a future that no clock's error explains. Run twice with the same answers, it adds them
    once.
    """
    given, now = set(answers), datetime.now(UTC)
    if not given:
        return 0, 0
    lake.ensure(TRANSACTIONS, ALERT_VERDICTS)
    of_new = _lacking(lake, _changes(given))
    if not of_new:
        return 0, 0
    asked = [answer for answer in given if answer.transaction_id in of_new]
    happened = _times(lake, of_new)
    usable = [
        answer
        for answer in asked
        if answer.transaction_id in happened and happened[answer.transaction_id] <= answer.answered_at <= now + SKEW
    ]
    added = _add(lake, _changes(usable), now) if usable else 0
    return added, len(asked) - len(usable)


def _lacking(lake: Lake, answers: Iterable[Answer]) -> set[str]:
    """The transactions of those answers that no verdict is of."""
    rows = [(_id_of(answer), answer.transaction_id) for answer in answers]
    ids = lake.spark.createDataFrame(rows, "verdict_id string, transaction_id string")
    return {row["transaction_id"] for row in lake.lacking(ids, ALERT_VERDICTS).collect()}


def _add(lake: Lake, answers: Iterable[Answer], now: datetime) -> int:
    rows = [
        (
            _id_of(answer),
            answer.transaction_id,
            answer.verdict,
            CUSTOMER,
            None,
            answer.answered_at,
            max(now, answer.answered_at),
        )
        for answer in answers
    ]
    added = lake.insert_new(lake.spark.createDataFrame(rows, schema_of(ALERT_VERDICTS)), ALERT_VERDICTS)
    return len(rows) if added is None else added


def _id_of(answer: Answer) -> str:
    return id_of(Verdict(answer.transaction_id, answer.verdict, CUSTOMER), answer.answered_at)


def _times(lake: Lake, transactions: Collection[str]) -> dict[str, datetime]:
    """When the transactions happened that are there."""
    of_them = lake.table(TRANSACTIONS).where(F.col("transaction_id").isin(*transactions))
    found = of_them.groupBy("transaction_id").agg(F.min(F.unix_micros("event_time")).alias("micros")).collect()
    return {row["transaction_id"]: utc(row["micros"]) for row in found}


def _changes(answers: Iterable[Answer]) -> Sequence[Answer]:
    found: list[Answer] = []
    for _, of_one in groupby(sorted(answers), key=lambda answer: answer.transaction_id):
        last = ""
        for answer in of_one:
            if answer.verdict != last:
                found.append(answer)
            last = answer.verdict
    return found
