"""A row, or its end, as a record: the payload that change events have, and a reference that is for ever the same.

References are `SCHEMA.TABLE/KEY@TRANSACTION#1` of a row's version. At the transaction at which it was found, a delete
has `#0`, and a row that was written long before its partition was attached `#2`. The key is JSON: the value of one
column, or an array of several. Of a table without a key they are `SCHEMA.TABLE/@TIME#NUMBER`.
"""

import json
from dataclasses import dataclass
from functools import cached_property

from common.sources.files.landed import Record
from common.sources.pulling.postgres.tables.catalog import Table
from common.sources.pulling.postgres.times import time_text


@dataclass(frozen=True)
class Stamp:
    """When a pull's snapshot was taken (µs since 1970): its records' `_changed_at` and `_order`.

    It is not a column of the rows, which applications fill before they commit, by clocks that differ: what is seen
    later must sort later, and a delete after all that was seen of the row.
    """

    taken: int

    @cached_property
    def changed_at(self) -> str:
        """ISO, UTC, microseconds."""
        return time_text(self.taken)

    @cached_property
    def order(self) -> str:
        """Of fixed width, as that of a change event. Within a pull a key has one record."""
        return f"{self.taken:016X}/00000000"


def row_record(table: Table, key: str, transaction: int, row: str, stamp: Stamp, *, attached: bool = False) -> Record:
    """A row as the server writes it in JSON, digits untouched."""
    number = 2 if attached else 1
    return Record(f"{table.full_name}/{key}@{transaction:020d}#{number}", _payload(row, table, "r", stamp))


def whole_record(table: Table, number: int, row: str, stamp: Stamp) -> Record:
    """A row of a table without a key, the so manieth of this pull."""
    return Record(f"{table.full_name}/@{stamp.taken:020d}#{number}", _payload(row, table, "r", stamp))


def delete_record(table: Table, key: str, transaction: int, stamp: Stamp) -> Record:
    """A row that is gone: its key's columns alone."""
    values = [key] if len(table.key) == 1 else _values(key)
    columns = ",".join(
        f"{json.dumps(name, ensure_ascii=False)}:{value}" for name, value in zip(table.key, values, strict=True)
    )
    return Record(f"{table.full_name}/{key}@{transaction:020d}#0", _payload(f"{{{columns}}}", table, "d", stamp))


def _payload(row: str, table: Table, operation: str, stamp: Stamp) -> str:
    name = json.dumps(table.full_name, ensure_ascii=False)
    added = f'"_table":{name},"_op":"{operation}","_changed_at":"{stamp.changed_at}","_order":"{stamp.order}"}}'
    return f"{row[:-1]}{'' if row == '{}' else ','}{added}"


def _values(array: str) -> list[str]:
    """The texts of a JSON array's values, digits untouched."""
    decoder = json.JSONDecoder()
    values, place = [], 1
    while array[place] != "]":
        place += len(array[place:]) - len(array[place:].lstrip(", "))
        _, end = decoder.raw_decode(array, place)
        values.append(array[place:end])
        place = end
    return values
