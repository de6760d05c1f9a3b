"""A person forgotten: found in bronze by the source's map and in the tables by their ids, then erased from all layers.

Bronze is searched by conforming its records as silver does: a person's duplicates and quarantined records count too.
A report of fraud is known by its transaction. What could not be parsed can't be searched; it expires by retention
(`privacy.expire`).
"""

from contextlib import ExitStack
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.bronze import bronze_table
from common.contracts.conventions import ID_COLUMNS
from common.contracts.silver import REFERENCES, TARGETS, TRANSACTIONS
from common.errors import DeclarationError, ParameterError
from common.privacy.erase import Erased, carry_out, end_open_plans, holding_people, known_by_ids, plan_erasure
from common.privacy.person import Person, knows_people
from common.silver.conform import BRONZE, conform
from common.sources.declaration import Source
from common.storage.erasure import drop_plan, keep, new_erasure_id, open_plans
from common.storage.lake import Lake
from common.storage.layout import table_names
from common.storage.readers import readers, require_read
from common.storage.source_claim import check_source


def forget_customer(lake: Lake, source: Source, customer_id: str) -> list[Erased]:
    """Erases a customer from all tables, their earlier versions and staged rows; ends first what a killed run began.

    Run it while no other job runs: a task that reads an earlier version of a table fails, and has to be retried.

    Returns:
        The erasures that were carried out: the customer's, after those of other customers that were left open.

    Raises:
        DeclarationError: bronze has a table that the source declares no feed for.
        ParameterError: no customer is named, or no table holds anything of them.
        CheckpointError: a stream has yet to read a table that would change.
        SourceError: the workspace has data of another source.
    """
    customer = customer_id.strip()
    if not customer:
        how = lake.settings.platform.run_job_with.format(job="forget_customer", parameter="customer_id=C000123")
        raise ParameterError(f"customer_id='': say whom to erase, for example: {how}")
    check_source(lake, source.name)
    _check_feeds(lake, source)
    is_begun = customer in (plan.customer_id for plan in open_plans(lake.settings))
    done = end_open_plans(lake, source)
    # Searched again after an open plan too: what came in since it was made is not in it.
    found = _forget(lake, source, customer)
    if found is None and not is_begun:
        statement = f"SELECT DISTINCT customer_id FROM {lake.full_name(TRANSACTIONS)}"
        raise ParameterError(
            f"customer_id={customer!r}: no table holds anything of this customer. Either the id is another one "
            f"({lake.settings.platform.run_sql.format(statement=statement)} lists them), or the "
            "customer is erased already"
        )
    return [*done, *([found] if found else [])]


def _check_feeds(lake: Lake, source: Source) -> None:
    """Records of a feed that the source doesn't declare can't be searched: nothing says what their fields mean."""
    declared = {bronze_table(feed).name for feed in source.feeds}
    unknown = [name for name in table_names(lake) if name.startswith("bronze.") and name not in declared]
    if unknown:
        raise DeclarationError(
            f"{', '.join(unknown)}: no feed of sources/{source.name}.yml makes it, so its records can't be searched. "
            "Declare the feed again, or drop the table; then run this again"
        )


def _forget(lake: Lake, source: Source, customer: str) -> Erased | None:
    read_by_streams = [table for table in holding_people(lake, source) if readers(lake, table)]
    require_read(lake, *read_by_streams)
    erasure_id = new_erasure_id()
    with ExitStack() as staged:
        found = _Search(lake, source, staged).of(customer)
        # Written once: each later use would search again.
        records = keep(lake, erasure_id, "found", found.records)
        theirs = Person(customer, found.ids_of("account_id"), found.ids_of("transaction_id"))
        if records.isEmpty() and not any(_holds(lake, table.name, theirs) for table in known_by_ids(lake)):
            drop_plan(lake.settings, erasure_id)
            return None
        # Checked again: all streams have read what was searched, whatever arrived in between.
        require_read(lake, *read_by_streams)
        plan = plan_erasure(lake, source, erasure_id, records, customer_id=customer, ids=found.ids)
    return carry_out(lake, source, plan)


def _holds(lake: Lake, table: str, person: Person) -> bool:
    return not person.rows_of(lake.table(table)).isEmpty()


@dataclass(frozen=True)
class _Found:
    records: DataFrame
    """feed and record_id."""
    ids: DataFrame
    """kind and value: accounts and transactions that are the person's alone, and keys of histories."""

    def ids_of(self, kind: str) -> DataFrame:
        return self.ids.where(F.col("kind") == kind).select(F.col("value").alias(kind))


@dataclass(frozen=True)
class _Search:
    """Who is named by each record, read once: feed, record_id and the id columns of each target, in staged files."""

    lake: Lake
    source: Source
    stack: ExitStack
    named: dict[str, DataFrame] = field(default_factory=dict)

    def of(self, customer: str) -> _Found:
        for name in (name for name, table in TARGETS.items() if knows_people(table)):
            self.named[name] = self.stack.enter_context(self.lake.staged(self._named(name), f"{name}.named"))
        own = Person(customer)
        accounts = own.rows_of(self._accounts()).select("account_id").distinct()
        alone = accounts.join(self._accounts().where(F.col("customer_id") != customer), "account_id", "left_anti")
        person = own.with_accounts(alone)
        transactions = person.rows_of(self.named["transactions"]).select("transaction_id").where("transaction_id <> ''")
        person = person.with_transactions(transactions.join(self._of_others(person), "transaction_id", "left_anti"))
        records = self.lake.spark.createDataFrame([], "feed string, record_id string")
        for rows in self.named.values():
            records = records.unionByName(person.rows_of(rows).select("feed", "record_id"))
        assert person.accounts is not None and person.transactions is not None  # noqa: PT018
        ids = _of_kind("account_id", person.accounts).unionByName(_of_kind("transaction_id", person.transactions))
        return _Found(records.where("record_id IS NOT NULL"), ids.unionByName(self._keys_of_histories(own)))

    def _named(self, name: str) -> DataFrame:
        """Who the records name: those in bronze by the map, and those that the target holds."""
        table = TARGETS[name]
        ids = [column for column in ID_COLUMNS if column in table.column_names]
        columns = ", ".join(f"{column} string" for column in [*ids, "record_id", "feed"])
        everything = self.lake.spark.createDataFrame([], columns)
        feeds = self.source.feeds_of(name)
        there = [feed for feed in feeds if self.lake.exists(bronze_table(feed))]
        for feed in there:
            rows = conform(self.lake.table(bronze_table(feed)), feeds[feed].into[name], table, feeds[feed])
            named = rows.select(*ids, F.col(f"{BRONZE}.record_id").alias("record_id"))
            everything = everything.unionByName(named.withColumn("feed", F.lit(feed)))
        if self.lake.exists(table):
            kept = self.lake.table(table).select(*ids, "record_id")
            if len(feeds) == 1:
                maker = F.lit(next(iter(feeds)))
            else:  # which of them brought a row is in bronze alone
                kept = kept.join(self._feeds_of_records(there), "record_id", "left")
                maker = F.coalesce("feed", F.lit(""))
            everything = everything.unionByName(kept.withColumn("feed", maker))
        return everything.distinct()

    def _feeds_of_records(self, feeds: list[str]) -> DataFrame:
        found = self.lake.spark.createDataFrame([], "record_id string, feed string")
        for feed in feeds:
            records = self.lake.table(bronze_table(feed)).select("record_id", F.lit(feed).alias("feed"))
            found = found.unionByName(records)
        return found

    def _accounts(self) -> DataFrame:
        return self.named["accounts"].select("account_id", "customer_id")

    def _of_others(self, person: Person) -> DataFrame:
        """Ids of transactions that silver holds as somebody else's: another record only claimed them."""
        if not self.lake.exists(TRANSACTIONS):
            return self.lake.spark.createDataFrame([], "transaction_id string")
        rows = self.lake.table(TRANSACTIONS).select(*ID_COLUMNS)
        return rows.join(person.rows_of(rows).select("transaction_id"), "transaction_id", "left_anti").select(
            "transaction_id"
        )

    def _keys_of_histories(self, own: Person) -> DataFrame:
        keys = self.lake.spark.createDataFrame([], "kind string, value string")
        for reference in REFERENCES.values():
            if "customer_id" in reference.history.column_names and self.lake.exists(reference.history):
                theirs = own.rows_of(self.lake.table(reference.history)).select(reference.key)
                keys = keys.unionByName(_of_kind(reference.history.name, theirs))
        return keys


def _of_kind(kind: str, ids: DataFrame) -> DataFrame:
    return ids.select(F.lit(kind).alias("kind"), F.col(ids.columns[0]).alias("value")).where("value IS NOT NULL")
