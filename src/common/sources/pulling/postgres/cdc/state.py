"""What a feed remembers of its slot, beside the files that it landed: how far the slot was made and moved.

The position is no part of it: that is the newest landed file's name.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from common.sources.pulling.pull import Landed

FILE_NAME = ".slot.json"
STAGED = ".staged"
"""How hidden files of a snapshot end that is not landed yet."""


@dataclass(frozen=True)
class SlotState:
    """A feed's slot.

    `step`: "making" until the snapshot's rows are all on disk in hidden files; "landing" while these become files of
    the feed; "streaming" after that. `confirmed` is the LSN up to which the server was told, or is being told, that it
    may forget; `system` is the server's identifier, `slot` the slot's name, and `tables` are those that the
    snapshot has and that were read since. `entries` are the oids of these in the publication's list when the snapshot
    was taken; those that an earlier release did not note are noted later.
    """

    snapshot: int
    system: str
    tables: tuple[str, ...]
    step: Literal["making", "landing", "streaming"]
    confirmed: int = 0
    parts: tuple[str, ...] = ()
    slot: str = ""
    entries: dict[str, int] = field(default_factory=dict)

    def save(self, landed: Landed) -> "SlotState":
        """Writes it, whole or not at all.

        Raises:
            FeedError: another pull has begun; what was remembered stays.
        """
        landed.keep(landed.folder / FILE_NAME, json.dumps(asdict(self)), synced=True)
        return self


def state_of(folder: Path) -> SlotState | None:
    """What is remembered; None before the feed's first pull."""
    try:
        fields = json.loads((folder / FILE_NAME).read_text())
    except FileNotFoundError:
        return None
    return SlotState(**{**fields, "tables": tuple(fields["tables"]), "parts": tuple(fields["parts"])})


def staged(folder: Path, name: str) -> Path:
    """The hidden file of a part of the snapshot."""
    return folder / f".{name}{STAGED}"
