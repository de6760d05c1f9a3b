"""A slot as it is found: usable, gone, lost, moved by others, or about to be."""

from collections.abc import Iterator

from common.sources.feed import Sight
from common.sources.pulling.postgres.cdc.catalog import Server, Slot
from common.sources.pulling.postgres.cdc.declared import Declared
from common.sources.pulling.postgres.cdc.lsn import lsn_text
from common.sources.pulling.postgres.cdc.state import SlotState

HELD_MEGABYTES = 1024
"""What a slot may hold of the server's log before it is worth a warning."""
_MEGABYTE = 1024**2


def slot_sight(declared: Declared, state: SlotState | None, server: Server, slot: Slot | None) -> Sight:
    """The slot, and what has to be done."""
    found = "not there"
    if slot:
        found = f"{declared.slot}, at {lsn_text(slot.confirmed)}, holds {slot.held // _MEGABYTE:,} MB of the log"
    elif state is None:
        found = "not there; the first pull makes it"
    return Sight("slot", found, next(_wrong(declared, state, server, slot), ""))


def _wrong(declared: Declared, state: SlotState | None, server: Server, slot: Slot | None) -> Iterator[str]:
    if state is None:
        if slot:
            yield _foreign(declared)
        return
    if state.snapshot > declared.snapshot:
        yield f"the feed has its snapshot {state.snapshot} already: set `snapshot: {state.snapshot}`"
    if state.slot != declared.slot and slot:
        yield _foreign(declared)
    if state.snapshot != declared.snapshot or state.step == "making":
        return  # the slot will be made, and an older one removed
    again = snapshot_needed(declared)
    if state.system != server.system:
        yield f"this is another server than the one that the feed's records are from. {again}"
    if state.slot != declared.slot:
        yield f"the feed's slot was {state.slot}: another one begins later, so that changes would be missing. {again}"
    if added := sorted(set(declared.tables) - set(state.tables)):
        yield f"{', '.join(added)}: added after the snapshot, so that the rows from before would be missing. {again}"
    if slot is None:
        yield f"the slot {declared.slot} is gone, and with it the changes since the last pull. {again}"
    elif slot.plugin != "pgoutput" or slot.database != server.database:
        yield _foreign(declared)
    elif slot.wal_status == "lost":
        yield (
            f"the server removed log that the slot {declared.slot} had not been read to (max_slot_wal_keep_size): "
            f"changes are lost. {again}"
        )
    elif slot.confirmed > state.confirmed:
        yield (
            f"the slot {declared.slot} was moved to {lsn_text(slot.confirmed)}, past {lsn_text(state.confirmed)}, by "
            f"somebody else: changes between the two are lost. {again}"
        )


def snapshot_needed(declared: Declared) -> str:
    """What to do where changes are missing."""
    return (
        f"A new snapshot is needed, which takes all rows again: set `snapshot: {declared.snapshot + 1}` in the feed. "
        "It doesn't say which rows were deleted meanwhile"
    )


def _foreign(declared: Declared) -> str:
    return (
        f"there is a slot {declared.slot} that this feed didn't make: set `slot` to another name, or if nobody uses "
        f"it: SELECT pg_drop_replication_slot('{declared.slot}');"
    )


def slot_warnings(declared: Declared, slot: Slot | None) -> Iterator[str]:
    """What a slot that is read too rarely will do."""
    if slot is None or slot.wal_status == "lost":
        return
    held = f"the slot {declared.slot} holds {slot.held // _MEGABYTE:,} MB of the server's log"
    drop = f"if the feed is no longer wanted: SELECT pg_drop_replication_slot('{declared.slot}');"
    if slot.wal_status == "unreserved" or (slot.safe is not None and slot.safe < slot.held):
        left = max(slot.safe or 0, 0) // _MEGABYTE
        yield (
            f"{held} and will be lost when {left:,} MB more are written: pull now and more often, or ALTER SYSTEM SET "
            f"max_slot_wal_keep_size = '{2 * (slot.held // _MEGABYTE) + left + 1024}MB'; SELECT pg_reload_conf();"
        )
    elif slot.held > HELD_MEGABYTES * _MEGABYTE:
        yield f"{held}, which fills its disk: pull more often, or end long transactions; {drop}"
