"""Changes as records: the row's columns, then what happened to it, where, when, and in which order."""

import json
from collections.abc import Iterator, Mapping, Sequence

from common.sources.files.landed import Record
from common.sources.pulling.postgres.cdc.lsn import Place, ref_of
from common.sources.pulling.postgres.cdc.pgoutput import Change, Row, Truncate
from common.sources.pulling.postgres.times import time_text

Keys = Mapping[str, Sequence[str]]
"""The columns of each declared table's primary key; none for a table without."""


def payload_of(row: Row, op: str, table: str, changed_at: str, place: Place) -> str:
    """A record's JSON."""
    fields = {**row, "_op": op, "_table": table, "_changed_at": changed_at, "_order": place.order}
    return json.dumps(fields, ensure_ascii=False)


def rows_of(message: Change | Truncate, keys: Keys) -> Iterator[tuple[str, str, Row]]:
    """What a message says of rows: op, table and columns.

    A row whose key changed is deleted under its old key and created under its new one. A delete has the key alone,
    whatever else of the old row is known: so it says the same for every replica identity.
    """
    if isinstance(message, Truncate):
        yield from (("t", relation.table, {}) for relation in message.relations)
        return
    relation, old, new = message.relation, message.old, message.new
    key = keys.get(relation.table) or relation.columns if relation.is_full else relation.identity
    old_key = {column: old[column] for column in relation.columns if column in key and column in old} if old else {}
    if new is None:
        yield "d", relation.table, old_key
        return
    if old and relation.is_full:  # it knows the values that the change left as they were
        new = {**old, **new}
    moved = old is not None and bool(keys.get(relation.table) or not relation.is_full)
    if moved and any(new.get(column) != value for column, value in old_key.items()):
        yield "d", relation.table, old_key
        yield "c", relation.table, new
    else:
        yield message.op, relation.table, new


class Numbering:
    """The records of a stream: every row that a transaction says something of has a number, declared table or not."""

    def __init__(self, snapshot: int, slot: str, keys: Keys) -> None:
        self._snapshot, self._slot, self._keys = snapshot, slot, keys
        self.place = Place(0, 0)
        self._changed_at = ""

    def begin(self, lsn: int, committed_at: int) -> None:
        """A transaction begins."""
        self.place, self._changed_at = Place(lsn, 0), time_text(committed_at)

    def records(self, message: Change | Truncate, after: Place) -> Iterator[Record]:
        """The records of a message that are after a place; of tables that aren't declared there are none."""
        for op, table, row in rows_of(message, self._keys):
            self.place = place = Place(self.place.lsn, self.place.number + 1)
            if place > after and table in self._keys:
                payload = payload_of(row, op, table, self._changed_at, place)
                yield Record(ref_of(self._snapshot, self._slot, place), payload)
