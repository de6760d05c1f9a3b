"""Columns that silver computes from the mapped ones, target by target."""

from collections.abc import Callable, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.reference import Reference
from common.contracts.silver import CUSTOMER, FRAUD_REPORTS, PURCHASE, REFERENCES, REFUND, TRANSACTIONS
from common.silver.clean import first_name, last_name
from common.silver.exchange import in_euro
from common.sources.value_format import ValueFormat

Derivation = Callable[[DataFrame, ValueFormat], DataFrame]
"""From a target's rows and how their feed spells values to the rows with the target's derived columns."""


def _transaction(rows: DataFrame, values: ValueFormat) -> DataFrame:
    is_refund = (F.col("amount") < 0) & F.lit(values.negative_amounts == "refunds")
    kind = F.when(is_refund, REFUND).otherwise(PURCHASE)
    dated = rows.withColumns({"event_date": F.to_date("event_time"), "kind": kind})
    return dated.withColumn("amount_eur", in_euro(F.col("amount"), F.col("currency"), F.col("event_date")))


def _named(rows: DataFrame) -> DataFrame:
    full = F.coalesce("full_name", F.nullif(F.concat_ws(" ", "first_name", "last_name"), F.lit("")))
    with_full = rows.withColumn("full_name", full)
    return with_full.withColumns(
        {
            "first_name": F.coalesce("first_name", first_name(F.col("full_name"))),
            "last_name": F.coalesce("last_name", last_name(F.col("full_name"))),
        }
    )


def _digested(reference: Reference) -> Derivation:
    def derive(rows: DataFrame, values: ValueFormat) -> DataFrame:
        del values
        named = _named(rows) if reference is CUSTOMER else rows
        prepared = named.withColumn("is_deleted", F.coalesce("is_deleted", F.lit(False)))
        # Names are in it, nulls are not: a column that the contract gains makes no new version of what lacks it.
        content = F.to_json(F.struct(*reference.versioned))
        return prepared.withColumn("content_hash", F.md5(content))

    return derive


DERIVATIONS: Mapping[str, Derivation] = {
    TRANSACTIONS.name: _transaction,
    FRAUD_REPORTS.name: lambda rows, _: rows,
    **{reference.changes.name: _digested(reference) for reference in REFERENCES.values()},
}
