"""Places in PostgreSQL's log (LSN), and the order of changes by them."""

from typing import NamedTuple

IN_A_RUN = 10**8
"""Numbers of eight digits. Records of the log begin at multiples of 8: the LSN's last digit has room for more."""


def lsn_of(text: str) -> int:
    """An LSN as PostgreSQL writes it, as a number of bytes."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def lsn_text(lsn: int) -> str:
    """An LSN as PostgreSQL writes it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


class Place(NamedTuple):
    """Where a change is: the LSN of its transaction's commit, and its number within the transaction, from 1.

    A snapshot's rows are at an LSN before that of every transaction which follows it.
    """

    lsn: int
    number: int

    @property
    def order(self) -> str:
        """Text of fixed width that sorts as the changes do."""
        return f"{self.lsn + self.number // IN_A_RUN:016X}/{self.number % IN_A_RUN:08d}"


class PortionName(NamedTuple):
    """A landed file's name: the snapshot that its changes follow, and the place of its last change."""

    snapshot: int
    last: Place

    def __str__(self) -> str:
        return f"{prefix_of(self.snapshot)}{self.last.lsn:016X}-{self.last.number:012d}.jsonl"

    @classmethod
    def of(cls, name: str) -> "PortionName":
        """A name that was read from the folder."""
        snapshot, lsn, number = name.removesuffix(".jsonl").split("-")
        return cls(int(snapshot), Place(int(lsn, 16), int(number)))


def prefix_of(snapshot: int) -> str:
    """How the names of a snapshot's files, and of those that follow it, begin."""
    return f"{snapshot:04d}-"


def ref_of(snapshot: int, slot: str, place: Place) -> str:
    """The reference of a change, the same for ever: `0001/SLOT/LSN#NUMBER`."""
    return f"{prefix_of(snapshot)[:-1]}/{slot}/{place.lsn:016X}#{place.number}"
