"""Which source a workspace's tables are of. Ids of two sources must never meet in one table."""

from common.contracts.ops import BATCHES
from common.errors import SourceError
from common.storage.lake import Lake

_PROPERTY = "lakehouse.world"
"""The table's property that names the source; tables made earlier have it, too."""


def check_source(lake: Lake, source: str) -> None:
    """Checks that the workspace is empty or has data of this source.

    Raises:
        SourceError: it has data of another one.
    """
    claimed_by = claiming_source(lake)
    if claimed_by not in (None, source):
        settings, here = lake.settings, lake.settings.platform
        place = here.place.format(home=settings.home, ops=settings.table("ops"))
        way_out = here.other_source_hint.format(home=settings.home, source=source)
        raise SourceError(
            f"source={source!r}: this {place} has data of the source {claimed_by!r}, and takes those of one source "
            f"alone. {way_out}"
        )


def claim(lake: Lake, source: str) -> None:
    """Marks an empty workspace as this source's, or checks that it is.

    Raises:
        SourceError: the workspace has data of another source.
    """
    check_source(lake, source)
    lake.ensure(BATCHES)
    if claiming_source(lake) is None:
        lake.spark.sql(f"ALTER TABLE {lake.full_name(BATCHES)} SET TBLPROPERTIES ('{_PROPERTY}' = '{source}')")


def claiming_source(lake: Lake) -> str | None:
    """The source that the workspace's tables are of; None when it is empty."""
    if not lake.exists(BATCHES):
        return None
    rows = lake.spark.sql(f"SHOW TBLPROPERTIES {lake.full_name(BATCHES)}").collect()
    return next((row["value"] for row in rows if row["key"] == _PROPERTY), None)
