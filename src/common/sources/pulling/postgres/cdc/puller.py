"""Lands what a database's log says of tables, each change once.

The order of steps makes it so. The position is the newest landed file's name. What the slot gives is peeked at; what is
landed already is passed over; the rest is landed; then the slot is moved. A kill between any two steps, of this process
or of the server, whose slot may fall back then, costs a second look at what is landed already.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from common.errors import FeedError
from common.sources.feed import Tell, silent
from common.sources.files.landed import landed_lines
from common.sources.pulling.postgres.cdc import slot as slots
from common.sources.pulling.postgres.cdc.catalog import server_of
from common.sources.pulling.postgres.cdc.declared import Declared
from common.sources.pulling.postgres.cdc.lsn import Place, PortionName, lsn_text, prefix_of
from common.sources.pulling.postgres.cdc.pgoutput import Begin, Commit, Decoder
from common.sources.pulling.postgres.cdc.preflight import Preflight, preflight
from common.sources.pulling.postgres.cdc.records import Keys, Numbering
from common.sources.pulling.postgres.cdc.snapshot import stage
from common.sources.pulling.postgres.cdc.state import STAGED, SlotState, staged, state_of
from common.sources.pulling.postgres.names import quoted
from common.sources.pulling.pull import Landed, Portion

PEEKED_CHANGES = 100_000
"""Changes that a look at the slot gives, roughly: it gives whole transactions, which the server keeps on its disk."""
FETCHED_CHANGES = 2_000
PORTION_BYTES = 32 * 1024**2
"""The size of a landed file. A larger transaction has several."""


NOW_MICROS = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


class ChangesPuller:
    """Pulls the changes of a feed's tables. `connect` opens a connection, or one of the replication protocol."""

    def __init__(self, name: str, declared: Declared, connect: Callable[[bool], Any], tell: Tell = silent) -> None:
        self._name, self._declared, self._connect, self._tell = name, declared, connect, tell
        self._safe = 0  # the slot may be moved to it when the portion that was given last is landed
        self._state: SlotState
        self._landed: Landed
        self._control: Any

    def portions(self, landed: Landed) -> Iterator[Portion]:
        """The snapshot's rows, where the feed has none yet, and then the changes up to now."""
        self._landed = landed
        with slots.in_words(self._name, self._declared.slot), ExitStack() as connections:
            self._control = connections.enter_context(self._connect(False))
            reading = connections.enter_context(self._connect(False))
            seen = self._checked(landed)
            if seen.state is None or seen.state.snapshot < self._declared.snapshot or seen.state.step == "making":
                self._begin(seen, reading)
            else:
                self._state = seen.state
                self._note_entries(seen)
            if self._state.step == "landing":
                yield from self._snapshot(landed)
            keys = {table: seen.tables[table].key for table in self._declared.tables}
            yield from self._changes(reading, landed, keys)

    def confirm(self, portion: Portion) -> None:
        """Moves the slot behind the portion's last whole transaction."""
        staged(self._landed.folder, portion.name).unlink(missing_ok=True)
        if self._safe:
            with slots.in_words(self._name, self._declared.slot):
                self._advance(self._safe)

    def _checked(self, landed: Landed) -> Preflight:
        state = state_of(landed.folder)
        if state is None and landed.names():
            raise FeedError(
                f"{landed.folder} has records, but its hidden note of the slot is gone: restore .slot.json from where "
                "the folder was copied, or declare the feed under another name, which takes a snapshot of its own"
            )
        seen = preflight(self._control, self._declared, state)
        if wrong := next((sight for sight in seen.sights if sight.missing), None):
            raise FeedError(f"{self._name}, {wrong.thing}: {wrong.missing}")
        for warning in seen.warnings:
            self._tell(f"{self._declared.feed}: {warning}")
        return seen

    def _note_entries(self, seen: Preflight) -> None:
        """Notes entries of the publication that an earlier release did not."""
        assert seen.publication
        found, noted = seen.publication.entries, self._state.entries
        more = {table: found[table] for table in self._state.tables if table in found and table not in noted}
        if more:
            self._state = replace(self._state, entries={**noted, **more}).save(self._landed)

    def _begin(self, seen: Preflight, reading: Any) -> None:
        declared = self._declared
        before = state_of(self._landed.folder)
        assert seen.publication
        entries = {table: entry for table, entry in seen.publication.entries.items() if table in declared.tables}
        making = SlotState(
            declared.snapshot, seen.server.system, declared.tables, "making", slot=declared.slot, entries=entries
        )
        making.save(self._landed)
        self._sweep()
        for name in dict.fromkeys([before.slot if before else "", declared.slot]):
            if name:
                self._landed.check()  # the slot may be a newer pull's
                slots.drop(self._control, name)
        self._tell(f"{declared.feed}: makes the slot {declared.slot}, when all open transactions have ended")
        # Before the slot is made: what commits after that comes from the slot, later than the snapshot's rows.
        at_micros = self._control.execute(NOW_MICROS).fetchone()[0]
        with self._connect(True) as replication:
            self._landed.check()
            made = slots.make(replication, declared.slot)
            parts = stage(
                reading, declared, seen.tables, seen.publication, made, at_micros=at_micros, folder=self._landed.folder
            )
        self._state = replace(making, step="landing", confirmed=made.lsn, parts=parts).save(self._landed)

    def _snapshot(self, landed: Landed) -> Iterator[Portion]:
        for name in self._state.parts:
            if not landed.has(name):
                with staged(self._landed.folder, name).open("rb") as file:
                    yield Portion(name, iter(lambda: file.read(1024**2), b""))
        self._state = replace(self._state, step="streaming", parts=()).save(self._landed)
        self._sweep()

    def _sweep(self) -> None:
        """Removes what is staged, unless a newer pull has begun, whose it may be."""
        for left in list(self._landed.folder.glob(f".*{STAGED}")):
            self._landed.check()
            left.unlink(missing_ok=True)

    def _changes(self, reading: Any, landed: Landed, keys: Keys) -> Iterator[Portion]:
        # What is not declared now is passed over: declared again, it needs a snapshot again.
        kept = tuple(table for table in self._state.tables if table in self._declared.tables)
        if kept != self._state.tables:
            self._state = replace(self._state, tables=kept).save(self._landed)
        newest = landed.newest(prefix_of(self._declared.snapshot))
        after = PortionName.of(newest).last if newest else Place(0, 0)
        until = server_of(self._control).wal  # before the look: what commits later is behind it
        if until < after.lsn:
            raise FeedError(
                f"{self._name}: its log ends at {lsn_text(until)}, before the last landed change at "
                f"{lsn_text(after.lsn)}: it was restored from a backup. A new snapshot is needed: set "
                f"`snapshot: {self._declared.snapshot + 1}` in the feed"
            )
        while True:
            looked = _Look(self._declared, keys, after)
            for portion in looked.portions(reading, until):
                self._safe = looked.safe
                yield portion
            after = looked.after
            if not looked.end:
                break
            self._advance(looked.end)
        self._advance(until)

    def _advance(self, lsn: int) -> None:
        if lsn > self._state.confirmed:
            self._state = replace(self._state, confirmed=lsn).save(self._landed)
        slots.advance(self._control, self._declared.slot, lsn)


class _Look:
    """One look at what a slot has.

    `after` is the place of the last change that was given; `end` that of the last transaction that was seen whole, and
    `safe` the end of the last one of which all is given; both 0 for none.
    """

    def __init__(self, declared: Declared, keys: Keys, after: Place) -> None:
        self._declared = declared
        self._numbering = Numbering(declared.snapshot, declared.slot, keys)
        self.after = after
        self.end = 0
        self.safe = 0

    def portions(self, connection: Any, until: int) -> Iterator[Portion]:
        """What is new, in files of a bounded size."""
        lines: list[bytes] = []
        size = 0
        last = self.after
        decoder = Decoder()
        for data in self._messages(connection, until):
            message = decoder.message(data)
            if message is None:
                continue
            if isinstance(message, Begin):
                self._numbering.begin(message.lsn, message.committed_at)
            elif isinstance(message, Commit):
                self.end = message.end
            else:
                for line in landed_lines(self._numbering.records(message, self.after)):
                    lines.append(line)
                    size += len(line)
                    last = self._numbering.place
                if size >= PORTION_BYTES:
                    yield self._portion(lines, last)
                    lines, size = [], 0
        if lines:
            yield self._portion(lines, last)

    def _portion(self, lines: list[bytes], last: Place) -> Portion:
        self.safe, self.after = self.end, last
        return Portion(str(PortionName(self._declared.snapshot, last)), lines)

    def _messages(self, connection: Any, until: int) -> Iterator[bytes]:
        with connection.transaction(), connection.cursor("changes", binary=True) as cursor:
            cursor.itersize = FETCHED_CHANGES
            statement = (
                "SELECT data FROM pg_logical_slot_peek_binary_changes(%s, %s::pg_lsn, %s, 'proto_version', '1', "
                "'publication_names', %s)"
            )
            name = quoted(self._declared.publication)  # a list of names, as SQL writes them
            arguments = (self._declared.slot, lsn_text(until), PEEKED_CHANGES, name)
            cursor.execute(statement, arguments)
            try:
                for (data,) in cursor:
                    yield data
            except GeneratorExit:  # the pull failed elsewhere: there may be no server to end the transaction with
                connection.close()
                raise
