"""silver.alert_verdicts: what a reviewer decided on a transaction, written once. Rows are only added."""

import hashlib
import json
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.contracts.verdicts import ALERT_VERDICTS, FRAUD, GENUINE, UNSURE, VERDICTS
from common.errors import ParameterError
from common.parameters import NO_VERDICT, as_time
from common.result import Result
from common.storage.lake import Lake
from common.storage.recent import utc


@dataclass(frozen=True)
class Verdict:
    """What is decided on which transaction, by whom, and why (empty: no reason given)."""

    transaction_id: str
    verdict: str
    reviewer: str
    note: str = ""


def record_verdict(lake: Lake, given: Verdict, decided_at: str = "") -> Result:
    """Adds a row for a verdict; without one (`none`), and where it is recorded already, nothing is written.

    Args:
        lake: where the tables are.
        given: the verdict.
        decided_at: when it was decided, as text, UTC where it names no zone. Empty: now, unless the last thing that is
            known of the transaction is this very verdict. So a notebook that is run twice records it once.

    Raises:
        ParameterError: the transaction or the verdict is unknown, nobody gives it, or it comes before the transaction
            happened, or from the future.
    """
    if given.verdict == NO_VERDICT:
        return Result(note="no verdict was given, and none recorded")
    _check(given)
    now = datetime.now(UTC)
    decided = as_time(decided_at) if decided_at else now
    _check_time(lake, given.transaction_id, decided, now)
    lake.ensure(FRAUD_REPORTS, ALERT_VERDICTS)
    if not decided_at and _is_last_known(lake, given):
        return Result(note=f"{_as_text(given)} is recorded already")
    row = (
        id_of(given, decided),
        given.transaction_id,
        given.verdict,
        given.reviewer,
        given.note or None,
        decided,
        now,
    )
    added = lake.insert_new(lake.spark.createDataFrame([row], schema_of(ALERT_VERDICTS)), ALERT_VERDICTS)
    known = f"recorded, known from {decided:%Y-%m-%d %H:%M} UTC on"
    what = known if given.verdict != UNSURE else f"recorded; it makes no label{_not_taken_back(lake, given)}"
    done = "is recorded already" if added == 0 else what
    return Result(rows_out=1 if added is None else added, note=f"{_as_text(given)} {done}")


def _check(given: Verdict) -> None:
    if given.verdict not in VERDICTS:
        raise ParameterError(f"verdict={given.verdict!r}: must be one of {', '.join(VERDICTS)}")
    if not given.transaction_id:
        raise ParameterError("transaction_id='': say which transaction the verdict is of; the list of alerts has ids")
    if not given.reviewer:
        raise ParameterError("reviewer='': say who decided, by the name that your team knows them by")


def _check_time(lake: Lake, transaction_id: str, decided: datetime, now: datetime) -> None:
    rows = lake.table(TRANSACTIONS).where(F.col("transaction_id") == transaction_id)
    micros = rows.agg(F.min(F.unix_micros("event_time"))).collect()[0][0]
    if micros is None:
        statement = f"SELECT transaction_id FROM {lake.full_name('gold.fraud_transactions')} WHERE NOT is_backfill"
        raise ParameterError(
            f"transaction_id={transaction_id!r}: {TRANSACTIONS.name} has no such transaction, and a verdict is of one "
            f"that it has. {lake.settings.platform.run_sql.format(statement=statement)} lists the alerts"
        )
    happened = utc(micros)
    if decided < happened:
        raise ParameterError(
            f"decided_at={decided:%Y-%m-%d %H:%M:%S}: the transaction {transaction_id} happened at "
            f"{happened:%Y-%m-%d %H:%M:%S} UTC, and a verdict can't come before it. Give the time of the decision, in "
            "UTC, or none for now"
        )
    if decided > now:
        raise ParameterError(
            f"decided_at={decided:%Y-%m-%d %H:%M:%S}: must not lie ahead; now it is {now:%Y-%m-%d %H:%M:%S} UTC. Give "
            "the time of the decision, in UTC, or none for now"
        )


def _is_last_known(lake: Lake, given: Verdict) -> bool:
    """Whether the last verdict on the transaction is this one, and no report came in after it."""
    of_it = F.col("transaction_id") == given.transaction_id
    verdicts = lake.table(ALERT_VERDICTS).where(of_it).orderBy(F.desc("decided_at"), F.desc("recorded_at"))
    last = verdicts.select("*", F.unix_micros("decided_at").alias("micros")).first()
    if last is None or Verdict(given.transaction_id, last["verdict"], last["reviewer"], last["note"] or "") != given:
        return False
    return lake.table(FRAUD_REPORTS).where(of_it & (F.unix_micros("reported_at") > last["micros"])).isEmpty()


def _not_taken_back(lake: Lake, unsure: Verdict) -> str:
    """Which verdict `unsure` leaves as it was, in words; empty where no other was given."""
    of_it = (F.col("transaction_id") == unsure.transaction_id) & (F.col("verdict") != UNSURE)
    before = lake.table(ALERT_VERDICTS).where(of_it).orderBy(F.desc("decided_at"), F.desc("recorded_at")).first()
    if before is None:
        return ""
    other = GENUINE if before["verdict"] == FRAUD else FRAUD
    return f", and takes {before['verdict']} by {before['reviewer']} not back. To do that, record {other}"


def id_of(given: Verdict, decided: datetime) -> str:
    """The verdict_id of a verdict that was decided at a time in UTC."""
    return hashlib.sha256(json.dumps([*astuple(given), decided.isoformat()]).encode()).hexdigest()[:32]


def _as_text(given: Verdict) -> str:
    return f"{given.verdict} on {given.transaction_id} by {given.reviewer}"
