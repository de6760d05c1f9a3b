"""What no erasure can find expires: records that could not be parsed, or that name no customer."""

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.bronze import bronze_table
from common.contracts.silver import QUARANTINE, TARGETS
from common.privacy.erase import Erased, carry_out, end_open_plans, plan_erasure
from common.privacy.person import knows_people
from common.settings import UNPARSED_RETENTION_DAYS
from common.sources.declaration import Source
from common.storage.erasure import new_erasure_id
from common.storage.lake import Lake
from common.storage.readers import require_read
from common.storage.source_claim import check_source

UNPARSED = ("readable", "well_formed")
"""Checks that a record fails which could not be parsed."""

_NAMED_BY = {
    table.name: "customer_id" if "customer_id" in table.column_names else "transaction_id"
    for table in TARGETS.values()
    if knows_people(table)
}
"""The column that says whose a record is, by target."""


def expire_unparsed(lake: Lake, source: Source, days: int = UNPARSED_RETENTION_DAYS) -> list[Erased]:
    """Erases the quarantined records that no person can be found in, `days` after they were quarantined.

    They go from bronze and the quarantine, and count as an erasure. Open erasures are ended first. A record of which
    another table took something stays.

    Raises:
        CheckpointError: a stream has yet to read a table that would change.
        SourceError: the workspace has data of another source.
    """
    check_source(lake, source.name)
    done = end_open_plans(lake, source)
    if not lake.exists(QUARANTINE):
        return done
    with lake.staged(_expired(lake, days), f"{QUARANTINE.name}.expired") as records:
        feeds = [row[0] for row in records.select("feed").distinct().collect()]
        if not feeds:
            return done
        require_read(lake, *filter(lake.exists, map(bronze_table, feeds)))
        plan = plan_erasure(lake, source, new_erasure_id(), records)
    return [*done, carry_out(lake, source, plan)]


def _expired(lake: Lake, days: int) -> DataFrame:
    old = F.col("quarantined_at") < F.current_timestamp() - F.make_dt_interval(days=F.lit(days))
    hidden = reduce(or_, (_fails(*UNPARSED), *(_names_nobody(*named) for named in _NAMED_BY.items())))
    records = lake.table(QUARANTINE).where(old & hidden).select("feed", "record_id").distinct()
    for table in filter(lake.exists, TARGETS.values()):
        records = records.join(lake.table(table).select("record_id"), "record_id", "left_anti")
    return records.select("feed", "record_id")


def _names_nobody(target: str, column: str) -> Column:
    failed = (f"{column}_{failed}" for failed in ("required", "format", "convertible"))
    return (F.col("target") == target) & _fails(*failed)


def _fails(*checks: str) -> Column:
    return F.exists("failed_checks", lambda failed: failed["name"].isin(*checks))
