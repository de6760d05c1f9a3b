"""Which world a workspace holds. Ids of two worlds must never meet in one table."""

from common.contracts.ops import BATCHES
from common.errors import WorldError
from common.storage.lake import Lake

_PROPERTY = "lakehouse.world"


def check_world(lake: Lake, world: str) -> None:
    """Checks that the workspace is empty or holds this world.

    Raises:
        WorldError: it holds another one.
    """
    held = current_world(lake)
    if held not in (None, world):
        settings, here = lake.settings, lake.settings.platform
        place = here.place.format(home=settings.home, ops=settings.table("ops"))
        way_out = here.other_world_hint.format(home=settings.home, world=world)
        raise WorldError(f"source={world!r}: this {place} holds the world {held!r}, and can hold but one. {way_out}")


def claim_world(lake: Lake, world: str) -> None:
    """Marks an empty workspace as holding this world, or checks that it does.

    Raises:
        WorldError: the workspace holds another world.
    """
    check_world(lake, world)
    lake.ensure(BATCHES)
    if current_world(lake) is None:
        lake.spark.sql(f"ALTER TABLE {lake.full_name(BATCHES)} SET TBLPROPERTIES ('{_PROPERTY}' = '{world}')")


def current_world(lake: Lake) -> str | None:
    """The world that the workspace holds; None when it is empty."""
    if not lake.exists(BATCHES):
        return None
    rows = lake.spark.sql(f"SHOW TBLPROPERTIES {lake.full_name(BATCHES)}").collect()
    return next((row["value"] for row in rows if row["key"] == _PROPERTY), None)
