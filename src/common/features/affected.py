"""Which transactions a late row concerns: those that have features, and a window that the row changes.

Each row that arrives is turned into spans: a key, and the time during which that key's transactions can see the row.
They are half-open, as the windows are, and follow from them with the reach R of 67 days and a delay of 7:

- a transaction at t, among its customer's: (s - R, s] holds t for s in [t, t + R); at t itself, for later ids only
- among its terminal's: (s - delay - 30 d, s - delay] holds t for s in [t + delay, t + delay + 30 d)
- through a fraud of its customer's at e in [t, t + 30 d), which its amount explains or doesn't: at that fraud's
  terminal, as if the fraud was reported once more
- a report of a transaction at e, fraud or withdrawn, at its terminal: (s - delay - 30 d, s - delay] holds e for s in
  [e + delay, e + delay + 30 d), but not before it came in
- among its customer's: [e, e + R), but not before it came in
- the transaction itself, where it has features already: the batch is run again after a kill, or the stream was reset

A transaction is affected if a span of its customer, terminal or own id that began before it hasn't ended: a running
maximum of ends, in one sort, where a join by time would compare all pairs of a key.
"""

from datetime import date, datetime, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from common.contracts.features import USUAL_DAYS
from common.features.reach import REACH_DAYS, Stretch, stretches
from common.features.timeline import DAY_MICROS
from common.features.transactions import EVENT_MICROS
from common.settings import LABEL_DELAY_DAYS
from common.storage.recent import utc

ROW_KEY = ("transaction_id", "event_date")
"""What identifies a transaction: its id, among those of its date."""

_KEY = ("kind", "key")
_UP_TO_HERE = (Window.unboundedPreceding, Window.currentRow)


def transaction_spans(transactions: DataFrame, delay_days: int = LABEL_DELAY_DAYS) -> DataFrame:
    """The spans of transactions that arrived.

    Columns: kind, key, event_micros (the beginning), transaction_id, until_micros (exclusive). At its very beginning a
    span with a transaction_id is seen by that id and later ones; one without, by all.
    """
    at, counted_from = F.unix_micros("event_time"), F.unix_micros("event_time") + delay_days * DAY_MICROS
    of_customer = _span("customer", "customer_id", at, at + REACH_DAYS * DAY_MICROS, F.col("transaction_id"))
    at_terminal = _span("terminal", "terminal_id", counted_from, counted_from + USUAL_DAYS * DAY_MICROS)
    itself = _span("transaction", "transaction_id", at, at + 1)
    return transactions.select(F.inline(F.array(of_customer, at_terminal, itself))).where("key IS NOT NULL")


def report_spans(
    reports: DataFrame, transactions: DataFrame, since: datetime, newest: datetime, delay_days: int = LABEL_DELAY_DAYS
) -> DataFrame:
    """The spans, as `transaction_spans` has them, of reports that arrived.

    Args:
        reports: transaction_id, reported_at.
        transactions: silver.transactions, where the reports' transactions are looked up. A report concerns nothing
            later than features reach: only what lies between `since` less the reach and `newest` is read.
        since: the earliest reported_at of `reports`.
        newest: event time of the newest transaction that has features.
        delay_days: days that reports of fraud are given to arrive.

    """
    first, last = since - timedelta(REACH_DAYS), newest
    bounded = F.col("event_date").between(F.lit(first.date()), F.lit(last.date()))
    known = reports.where(F.col("reported_at") <= F.lit(newest)).select("transaction_id", "reported_at")
    reported = transactions.where(bounded).select("transaction_id", "customer_id", "terminal_id", "event_time")
    happened, known_at = F.unix_micros("event_time"), F.unix_micros("reported_at")
    spans = (
        _span("customer", "customer_id", F.greatest(happened + 1, known_at), happened + REACH_DAYS * DAY_MICROS),
        _of_fraud(delay_days),
    )
    return _lasting(reported.join(known, "transaction_id").select(F.inline(F.array(*spans))))


def explained_spans(
    late: DataFrame,
    near: DataFrame,
    reports: DataFrame,
    newest: datetime,
    delay_days: int = LABEL_DELAY_DAYS,
) -> DataFrame:
    """The spans, as `transaction_spans` has them, of frauds whose customer's late payments can explain them or not.

    Args:
        late: transactions that arrived; transaction_id, event_time, customer_id.
        near: silver.transactions of the days of `late` and the 30 after each, where frauds are looked up.
        reports: all that was reported, earlier and now; transaction_id, reported_at, is_fraud.
        newest: event time of the newest transaction that has features.
        delay_days: days that reports of fraud are given to arrive.

    """
    at = F.unix_micros("event_time")
    came = late.where(F.col("event_time") <= F.lit(newest)).select(
        "customer_id", F.struct(at.alias(EVENT_MICROS), "transaction_id").alias("came")
    )
    known = reports.where("is_fraud").where(F.col("reported_at") <= F.lit(newest))
    frauds = near.select("transaction_id", "customer_id", "terminal_id", "event_time").join(
        known.select("transaction_id", "reported_at"), "transaction_id"
    )
    happened = F.struct(at.alias(EVENT_MICROS), "transaction_id")
    sees = (F.col("came") < happened) & (at < F.col("came")[EVENT_MICROS] + USUAL_DAYS * DAY_MICROS)
    return _lasting(frauds.join(came, "customer_id").where(sees).select(F.inline(F.array(_of_fraud(delay_days)))))


def days_of(spans: DataFrame, newest: datetime) -> list[Stretch]:
    """The event dates on which a span can be seen by a transaction up to `newest`. Runs a query."""
    begin = F.expr(f"{EVENT_MICROS} div {DAY_MICROS}")
    ends = spans.where(F.timestamp_micros(EVENT_MICROS) <= F.lit(newest)).groupBy(begin).agg(F.max("until_micros"))
    last_day = newest.date()
    return stretches((_day(row[0] * DAY_MICROS), min(_day(row[1] - 1), last_day)) for row in ends.collect())


def affected(existing: DataFrame, spans: DataFrame) -> DataFrame:
    """The rows of `existing` that see a span: transaction_id, event_date.

    Args:
        existing: transactions that have features; `ROW_KEY`, event_time, customer_id, terminal_id.
        spans: those of what arrived.

    """
    keys = ("customer", "customer_id"), ("terminal", "terminal_id"), ("transaction", "transaction_id")
    structs = [F.struct(F.lit(kind).alias("kind"), F.col(name).alias("key")) for kind, name in keys]
    by_key = existing.select(*ROW_KEY, F.unix_micros("event_time").alias(EVENT_MICROS), F.inline(F.array(*structs)))
    near = by_key.where("key IS NOT NULL").join(spans.select(*_KEY), list(_KEY), "left_semi")
    both = near.unionByName(spans, allowMissingColumns=True)
    # Nulls come first: a span without an id is seen by every transaction at its beginning.
    so_far = Window.partitionBy(*_KEY).orderBy(EVENT_MICROS, "transaction_id").rangeBetween(*_UP_TO_HERE)
    seen = both.withColumn("seen_until", F.max("until_micros").over(so_far))
    return seen.where(f"event_date IS NOT NULL AND seen_until > {EVENT_MICROS}").select(*ROW_KEY).distinct()


def _of_fraud(delay_days: int) -> Column:
    """The span of a reported transaction at its terminal."""
    counted_from = F.unix_micros("event_time") + delay_days * DAY_MICROS
    begin = F.greatest(counted_from, F.unix_micros("reported_at"))
    return _span("terminal", "terminal_id", begin, counted_from + USUAL_DAYS * DAY_MICROS)


def _lasting(spans: DataFrame) -> DataFrame:
    return spans.where(f"key IS NOT NULL AND {EVENT_MICROS} < until_micros")


def _span(kind: str, key: str, begin: Column, until: Column, transaction_id: Column | None = None) -> Column:
    values = {
        "kind": F.lit(kind),
        "key": F.col(key),
        EVENT_MICROS: begin,
        "transaction_id": F.lit(None).cast("string") if transaction_id is None else transaction_id,
        "until_micros": until,
    }
    return F.struct(*(value.alias(name) for name, value in values.items()))


def _day(micros: int) -> date:
    return utc(micros).date()
