"""The rows that tables had when a slot was made: with what the slot gives after them, nothing is missing or twice.

They are written to hidden files first, which become files of the feed when all are there. So a pull that is killed in
the middle leaves nothing that a second snapshot would contradict.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from common.sources.files.landed import Record, landed_lines
from common.sources.pulling.postgres.cdc.catalog import Publication, TableFacts
from common.sources.pulling.postgres.cdc.declared import Declared
from common.sources.pulling.postgres.cdc.lsn import Place, PortionName, ref_of
from common.sources.pulling.postgres.cdc.pgoutput import Row
from common.sources.pulling.postgres.cdc.records import payload_of
from common.sources.pulling.postgres.cdc.slot import Made
from common.sources.pulling.postgres.cdc.state import staged
from common.sources.pulling.postgres.names import quoted
from common.sources.pulling.postgres.times import time_text
from common.storage.files import sync

PART_RECORDS, PART_CHARACTERS = 100_000, 32 * 1024**2
LOCK_SECONDS = 30
BEFORE = 8
"""How far before the slot's first LSN the snapshot is: no transaction of the slot committed there."""


def stage(
    connection: Any,
    declared: Declared,
    tables: dict[str, TableFacts],
    publication: Publication,
    made: Made,
    *,
    at_micros: int,
    folder: Path,
) -> tuple[str, ...]:
    """Writes the rows of a slot's snapshot to hidden files; the names of these files' portions, in order.

    `at_micros` is a time before the slot was made, in microseconds since 1970: the rows' time of change.
    """
    names: list[str] = []
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(f"SET TRANSACTION SNAPSHOT '{made.snapshot}'")
        # A policy would hide rows here that the slot gives later; a lock that somebody holds would be waited for.
        connection.execute("SET LOCAL row_security = off")
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        place = Place(made.lsn - BEFORE, 0)
        rows = _published_rows(connection, declared, tables, publication)
        with closing(rows):  # or the connection would still copy when its transaction ends
            while records := _part(rows, declared, place, time_text(at_micros)):
                place = Place(place.lsn, place.number + len(records))
                name = str(PortionName(declared.snapshot, place))
                with staged(folder, name).open("wb") as file:
                    file.writelines(landed_lines(records))
                    file.flush()
                    sync(file.fileno())
                names.append(name)
    return tuple(names)


def _part(rows: Iterator[tuple[str, Row]], declared: Declared, place: Place, at: str) -> list[Record]:
    """The next records, of a bounded size."""
    records, size = [], 0
    for table, row in islice(rows, PART_RECORDS):
        place = Place(place.lsn, place.number + 1)
        payload = payload_of(row, "r", table, at, place)
        records.append(Record(ref_of(declared.snapshot, declared.slot, place), payload))
        size += len(payload)
        if size >= PART_CHARACTERS:
            break
    return records


def _published_rows(
    connection: Any, declared: Declared, tables: dict[str, TableFacts], publication: Publication
) -> Generator[tuple[str, Row], None, None]:
    for table in declared.tables:
        for row in rows_of_table(connection, tables[table], publication.tables[table]):
            yield table, row


def rows_of_table(
    connection: Any, facts: TableFacts, published: tuple[tuple[str, ...] | None, str | None], most: int | None = None
) -> Iterator[Row]:
    """A table's rows, with values as pgoutput writes them: the columns and the rows that are published."""
    columns, where = published
    columns = columns or facts.columns
    chosen = quoted(*columns)
    query = f"SELECT {chosen} FROM {quoted(facts.schema)}.{quoted(facts.name)}"
    query += f" WHERE {where}" if where else ""
    query += f" LIMIT {most}" if most else ""
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT") as copy:
        for values in copy.rows():
            yield dict(zip(columns, values, strict=True))
