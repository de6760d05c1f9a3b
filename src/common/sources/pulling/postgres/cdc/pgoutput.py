"""The messages of pgoutput, PostgreSQL's own output plugin, in version 1 of its protocol.

Values are texts, as PostgreSQL writes them; bytes that are no UTF-8, which only a database without an encoding has, are
halves of surrogate pairs. A column whose value was too large for its row (TOAST) and did not change
is not in the message: it is left out of the row.
"""

from dataclasses import dataclass
from struct import Struct, error

from common.errors import FeedError

Row = dict[str, str | None]

_EPOCH_MICROSECONDS = 946_684_800_000_000  # 2000-01-01, from which PostgreSQL counts
_BEGIN = Struct(">QqI")
_COMMIT = Struct(">BQQq")
_OID = Struct(">I")
_COUNT = Struct(">H")
_TYPE = Struct(">Ii")
_TRUNCATE = Struct(">IB")
_NULL, _UNCHANGED, _TEXT = b"nut"
_FULL = "f"


@dataclass(frozen=True)
class Relation:
    """A table as it was at the changes that follow: columns in order, and those of its replica identity.

    `is_full`: the identity is the whole row, which says nothing of a key.
    """

    table: str
    columns: tuple[str, ...]
    identity: frozenset[str]
    is_full: bool


@dataclass(frozen=True)
class Begin:
    """A transaction begins: the LSN of its commit, and when that was, in microseconds since 1970."""

    lsn: int
    committed_at: int


@dataclass(frozen=True)
class Commit:
    """A transaction has ended; `end` is the LSN after its commit."""

    lsn: int
    end: int


@dataclass(frozen=True)
class Change:
    """A row was inserted (c), updated (u) or deleted (d).

    `old` is the whole old row where the identity is full; otherwise the identity's columns, of updates only where one
    of them changed. `new` is None of a delete.
    """

    relation: Relation
    op: str
    old: Row | None
    new: Row | None


@dataclass(frozen=True)
class Truncate:
    """Tables were emptied."""

    relations: tuple[Relation, ...]


Message = Begin | Commit | Change | Truncate | None


class Decoder:
    """Messages of one stream, in its order: it describes each table before the first change of it."""

    def __init__(self) -> None:
        self._relations: dict[int, Relation] = {}

    def message(self, data: bytes) -> Message:
        """A message; None for one that changes no row.

        Raises:
            FeedError: it is none that pgoutput writes in version 1 of its protocol.
        """
        try:
            return self._decoded(data)
        except (IndexError, KeyError, ValueError, error) as problem:
            raise FeedError(
                f"a message of the replication stream is not what pgoutput writes in version 1 ({problem!r}): "
                f"{data[:40].hex()} ({len(data)} bytes); is the server's version newer than this reader knows?"
            ) from None

    def _decoded(self, data: bytes) -> Message:
        match data[:1]:
            case b"I" | b"U" | b"D":
                return self._change(data)
            case b"B":
                lsn, committed_at, _ = _BEGIN.unpack_from(data, 1)
                return Begin(lsn, committed_at + _EPOCH_MICROSECONDS)
            case b"C":
                _, lsn, end, _ = _COMMIT.unpack_from(data, 1)
                return Commit(lsn, end)
            case b"R":
                self._describe(data)
                return None
            case b"T":
                count, _ = _TRUNCATE.unpack_from(data, 1)
                oids = [_OID.unpack_from(data, 6 + 4 * index)[0] for index in range(count)]
                return Truncate(tuple(self._relations[oid] for oid in oids))
            case b"Y" | b"O" | b"M":  # a type's name, a transaction's origin, an application's own message
                return None
        raise ValueError("unknown kind")

    def _change(self, data: bytes) -> Change:
        relation = self._relations[_OID.unpack_from(data, 1)[0]]
        old: Row | None = None
        new: Row | None = None
        at = 5
        if data[at] in b"KO":
            old, at = _row(data, at + 1, relation, only_identity=data[at] == ord("K"))
        if data[:1] != b"D":
            if data[at] != ord("N"):
                raise ValueError("no new row")
            new, at = _row(data, at + 1, relation)
        elif old is None:
            raise ValueError("no old row")
        if at != len(data):
            raise ValueError("more bytes than columns")
        return Change(relation, {b"I": "c", b"U": "u", b"D": "d"}[data[:1]], old, new)

    def _describe(self, data: bytes) -> None:
        oid = _OID.unpack_from(data, 1)[0]
        schema, at = _string(data, 5)
        name, at = _string(data, at)
        replica_identity = chr(data[at])
        count = _COUNT.unpack_from(data, at + 1)[0]
        at += 3
        columns: list[str] = []
        identity: set[str] = set()
        for _ in range(count):
            column, after = _string(data, at + 1)
            if data[at] & 1:
                identity.add(column)
            columns.append(column)
            _TYPE.unpack_from(data, after)
            at = after + _TYPE.size
        table = f"{schema or 'pg_catalog'}.{name}"
        self._relations[oid] = Relation(table, tuple(columns), frozenset(identity), replica_identity == _FULL)


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(0, at)
    return data[at:end].decode(), end + 1


def _row(data: bytes, at: int, relation: Relation, *, only_identity: bool = False) -> tuple[Row, int]:
    """The row's values by column, and where it ends. An identity's row has nulls for all other columns."""
    if _COUNT.unpack_from(data, at)[0] != len(relation.columns):
        raise ValueError(f"other columns than {relation.table} was said to have")
    at += 2
    row: Row = {}
    for column in relation.columns:
        kind = data[at]
        at += 1
        if kind == _TEXT:
            end = at + 4 + _OID.unpack_from(data, at)[0]
            if end > len(data):
                raise ValueError("cut")
            row[column] = data[at + 4 : end].decode(errors="surrogateescape")
            at = end
        elif kind == _NULL:
            if not only_identity or column in relation.identity:
                row[column] = None
        elif kind != _UNCHANGED:
            raise ValueError(f"a value of the kind {kind:#x}")
    return row, at
