"""What belongs to a person: rows with their customer_id, or with nobody's and an account or transaction of theirs."""

from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.conventions import ID_COLUMNS
from common.contracts.table import Table


@dataclass(frozen=True)
class Person:
    """A customer, with the accounts and transactions that are theirs alone (one column each; None: not known yet)."""

    customer_id: str
    accounts: DataFrame | None = None
    transactions: DataFrame | None = None

    def with_accounts(self, accounts: DataFrame) -> "Person":
        """The person with these accounts."""
        return replace(self, accounts=accounts)

    def with_transactions(self, transactions: DataFrame) -> "Person":
        """The person with these transactions."""
        return replace(self, transactions=transactions)

    def rows_of(self, rows: DataFrame) -> DataFrame:
        """The rows that are the person's.

        Where a row names a customer, that decides. Where it names none, its account or transaction does.
        """
        flags = []
        marked = rows
        for column, theirs in (("account_id", self.accounts), ("transaction_id", self.transactions)):
            if column in rows.columns and theirs is not None:
                flag = f"_their_{column}"
                marked = marked.join(theirs.distinct().withColumn(flag, F.lit(True)), column, "left")
                flags.append(F.col(flag).isNotNull())
        return marked.where(self._is_theirs(rows, flags)).select(*rows.columns)

    def _is_theirs(self, rows: DataFrame, flags: list[Column]) -> Column:
        through_others = F.lit(False)
        for flag in flags:
            through_others = through_others | flag
        if "customer_id" not in rows.columns:
            return through_others
        named = F.col("customer_id")
        return F.coalesce(named == F.lit(self.customer_id), F.lit(False)) | (named.isNull() & through_others)


def knows_people(table: Table) -> bool:
    """Whether rows of the table can belong to a person."""
    return any(column in table.column_names for column in ID_COLUMNS)
