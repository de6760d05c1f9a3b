"""Pulls what is new of all tables, in one snapshot, into parts of bounded size; one commit for all of them.

A row is new where its version's transaction was not seen by the last pull. That is: it is not before the horizon of the
last snapshot, up to which every transaction had ended, and it is none of the later ones that had ended too. So a
commit that comes late is not lost, however long its transaction was open, and nothing comes twice. A snapshot's own
list of open transactions would not do: it leaves out subtransactions, and on a replica all.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, Any

from common.errors import FeedError, first_line
from common.settings import Settings
from common.sources.clients import client
from common.sources.connections import PostgresConnection
from common.sources.feed import FeedAt, Tell, silent
from common.sources.files.landed import Record, landed_lines
from common.sources.pulling.postgres.connect import connect, name_of
from common.sources.pulling.postgres.tables import keys as key_files
from common.sources.pulling.postgres.tables.catalog import Table
from common.sources.pulling.postgres.tables.records import Stamp, delete_record, row_record, whole_record
from common.sources.pulling.postgres.tables.rows import all_rows, digest, new_rows
from common.sources.pulling.postgres.tables.selection import Selection
from common.sources.pulling.postgres.tables.snapshot import Snapshot, snapshot
from common.sources.pulling.postgres.tables.state import Keys, State, Store, TableState, stamp_of
from common.sources.pulling.pull import Landed, Portion

OPTION = "tables"


class TablesPuller:
    """Pulls the selected tables of a database. Its position is in the folder that it lands in."""

    def __init__(self, at: FeedAt, selection: Selection, tell: Tell = silent) -> None:
        assert isinstance(at.connection, PostgresConnection)
        self._tell = tell
        self._connection: PostgresConnection = at.connection
        self._settings: Settings = at.settings
        self._selection = selection
        self._option = at.option(OPTION)
        self._store: Store | None = None

    def portions(self, landed: Landed) -> Iterator[Portion]:
        """What an earlier pull has not landed yet, then what is new.

        Raises:
            FeedError: the server isn't there, refuses, or takes too long; or a table can't be pulled.
            DeclarationError: a schema or table that is declared isn't there.
        """
        store = self._store = Store(landed)
        state = store.state(landed)
        yield from store.pending(state, landed)
        state = self._pull(store, state)
        yield from store.pending(state, landed)

    def confirm(self, portion: Portion) -> None:
        """The part is landed."""
        if self._store:
            self._store.is_landed(portion.name)

    def _pull(self, store: Store, state: State) -> State:
        psycopg = client("psycopg", "postgres")
        name = name_of(self._connection, self._settings)
        try:
            with (
                connect(self._connection, self._settings, tell=self._tell) as connection,
                snapshot(connection, self._selection, self._option) as (cursor, seen),
            ):
                new = _Pull(cursor, seen, state, self._selection, store.folder).run()
        except psycopg.errors.QueryCanceled as error:
            seconds = self._selection.timeout_seconds
            raise FeedError(
                f"{name} stopped a query ({first_line(error)}): it took longer than timeout = {seconds} seconds, or "
                "somebody, or a replica that had to go on, cancelled it; run again, or declare a longer timeout"
            ) from None
        except psycopg.Error as error:
            raise FeedError(f"{name} broke off the pull, nothing of it is landed: {first_line(error)}") from None
        store.commit(new)
        return new


class _Pull:
    """One pull, within its snapshot."""

    def __init__(self, cursor: Any, seen: Snapshot, state: State, selection: Selection, folder: Path) -> None:
        self._cursor, self._seen, self._before, self._selection, self._folder = cursor, seen, state, selection, folder
        self._taken = max(seen.taken, state.taken + 1)  # by a clock that was set back, too, pulls rise
        self._stamp = Stamp(self._taken)
        self._name = stamp_of(self._taken)
        self._parts: list[str] = []
        self._part: IO[bytes] | None = None
        self._fresh = f"{self._name}.fresh"
        points = [*(state.points if state.server == seen.server else ()), (seen.end, seen.taken)]
        ended = [number for number, (end, _) in enumerate(points) if end <= seen.horizon]
        self._points = points[ended[-1] :] if ended else points
        self._since = self._points[0][1] if ended else 0

    def run(self) -> State:
        """All tables; what is known afterwards. Its files are written."""
        tables = dict(self._before.tables)  # what isn't pulled now may be again
        with (self._folder / self._fresh).open("w", encoding="utf-8") as fresh:
            for table in self._seen.tables:
                known = self._known(table)
                tables[table.full_name] = self._table(table, known, fresh) if table.key else self._whole(table, known)
        if self._part:
            self._part.close()
        compared = [t for t in tables.values() if t.keys]
        oldest = min((t.keys.compared for t in compared if t.keys), default=self._taken)
        older = [name for name in self._before.fresh if name > stamp_of(oldest) + "~"]
        more = [self._fresh] if (self._folder / self._fresh).stat().st_size else []
        return State(self._taken, tuple(self._parts), (*older, *more), tuple(self._points), self._seen.server, tables)

    def _known(self, table: Table) -> TableState | None:
        """What is known of the table; `oid` 0 where its transactions or its key are others than they were."""
        known = self._before.tables.get(table.full_name)
        if known is None:
            return None
        counted = known.server == self._seen.server and known.end <= self._seen.end
        if counted and (known.oid, known.key) == (table.oid, table.key):
            return known
        keys = known.keys if known.key == table.key else None
        return replace(known, oid=0, offset=known.offset + known.end, keys=keys)

    def _table(self, table: Table, known: TableState | None, fresh: IO[str]) -> TableState:
        seen, last = self._seen, known if known and known.oid else None
        offset = known.offset if known else 0
        landed = frozenset(last.seen) if last else frozenset[int]()
        later = {number for number in landed if number >= seen.horizon}
        is_due = self._is_due(known)
        pulled: list[str] = []
        rows = 0

        def records() -> Iterator[Record]:
            nonlocal rows
            for xmin, key, row, came_attached in new_rows(self._cursor, table, last, seen, self._selection):
                transaction = seen.transaction(xmin)
                if transaction >= seen.horizon:
                    later.add(transaction)
                is_known = last and (transaction < last.horizon or transaction in landed)
                if is_known and came_attached == "f":
                    continue
                rows += 1
                if last and last.keys:
                    pulled.append(key) if is_due else fresh.write(f"{table.full_name}\t{key}\n")
                if is_known:  # it may have been the table's before: it comes at this pull, as a delete does
                    yield row_record(table, key, offset + seen.end, row, self._stamp, attached=True)
                else:
                    yield row_record(table, key, offset + transaction, row, self._stamp)

        self._write(records())
        if known and known.keys and self._selection.deletes_every is not None:
            keys: Keys | None = self._compare(table, known.keys, pulled, offset) if is_due else known.keys
        else:
            keys = self._first_keys(table, rows) if self._selection.deletes_every is not None else None
        return self._state(table, offset, seen=tuple(sorted(later)), keys=keys)

    def _is_due(self, known: TableState | None) -> bool:
        """Whether it is time to look for deletes of a table; at once where its rows come once more."""
        every = self._selection.deletes_every
        if every is None or not known or not known.keys:
            return False
        return not known.oid or self._taken - known.keys.compared >= every * 1_000_000

    def _first_keys(self, table: Table, rows: int) -> Keys:
        there = key_files.There(self._cursor, table, key_files.buckets_for(max(rows, table.estimate)))
        file = f"{self._name}-{table.oid}.keys"
        key_files.write_all(there, self._folder / file)
        return Keys(file, there.buckets, self._taken)

    def _compare(self, table: Table, keys: Keys, pulled: Iterable[str], offset: int) -> Keys:
        """Lands the deletes of a table; the keys that are known afterwards."""
        there, file = key_files.There(self._cursor, table, keys.buckets), f"{self._name}-{table.oid}.keys"
        fresh = chain(self._fresh_of(table, keys), pulled)
        gone = key_files.compare(there, self._folder / keys.file, fresh, self._folder / file)
        self._write(delete_record(table, key, offset + self._seen.end, self._stamp) for key in gone)
        changed = (self._folder / file).exists()
        return Keys(file if changed else keys.file, keys.buckets, self._taken)

    def _fresh_of(self, table: Table, keys: Keys) -> Iterator[str]:
        """The keys that were pulled since the table's last comparison."""
        for name in self._before.fresh:
            if name > stamp_of(keys.compared) + "~":
                with (self._folder / name).open(encoding="utf-8", newline="\n") as lines:
                    for line in lines:
                        full_name, _, key = line.rstrip("\n").partition("\t")
                        if full_name == table.full_name:
                            yield key

    def _whole(self, table: Table, known: TableState | None) -> TableState:
        """A table without a key: all of it, where it isn't what it was."""
        now = digest(self._cursor, table)
        if not known or known.digest != now:
            rows = enumerate(all_rows(self._cursor, table), start=1)
            self._write(whole_record(table, number, row, self._stamp) for number, (row,) in rows)
        return self._state(table, known.offset if known else 0, digest=now)

    def _state(self, table: Table, offset: int, **known: Any) -> TableState:
        seen = self._seen
        return TableState(
            table.oid,
            table.key,
            seen.server,
            seen.horizon,
            seen.end,
            since=self._since,
            offset=offset,
            partitions=table.partitions,
            **known,
        )

    def _write(self, records: Iterable[Record]) -> None:
        """Adds records to the last part; a part that is full is followed by another."""
        for line in landed_lines(records):
            if self._part is None or self._part.tell() >= self._selection.part_bytes:
                if self._part:
                    self._part.close()
                self._parts.append(f"{self._name}-{len(self._parts) + 1:05d}.jsonl")
                self._part = (self._folder / self._parts[-1]).open("wb")
            self._part.write(line)
