"""Where a topic's stream stands, beside and within its checkpoint: topic's id, next offsets, start."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from common.errors import DeclarationError
from common.sources.feed import FeedAt
from common.storage.files import write_whole
from common.storage.progress import has_begun, newest_batch

Offsets = dict[int, int]


def noted_id(at: FeedAt) -> str | None:
    """The id of the topic that the checkpoint is of; None where none is noted."""
    note = at.note("topic_id")
    return note.read_text(encoding="utf-8").strip() if has_begun(at.checkpoint) and note.is_file() else None


def note_id(at: FeedAt, topic_id: str) -> None:
    """Notes the id of the topic that the stream begins to read."""
    write_whole(at.note("topic_id"), topic_id)


def next_offsets(at: FeedAt, topic: str) -> Offsets:
    """The offsets that the stream reads next, by partition; empty where it has not begun."""
    folder = Path(at.checkpoint)
    committed = newest_batch(folder / "commits")
    # What a stream begins at is noted apart: it may have been broken off before its first micro-batch was whole.
    file = folder / "sources" / "0" / "0" if committed is None else folder / "offsets" / str(committed)
    try:
        found = json.loads(file.read_text(encoding="utf-8").splitlines()[-1])
        return {int(number): int(offset) for number, offset in found[topic].items()}
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return {}


def check_start(text: str) -> str:
    """The text of a start: earliest, latest, a time with its offset from UTC, or offsets as {"PARTITION": OFFSET}.

    Raises:
        DeclarationError: it is none of them.
    """
    start_options(text, "", ())
    return text


def start_options(text: str, topic: str, partitions: tuple[int, ...]) -> dict[str, str]:
    """Options of Spark's source for a new stream. Partitions that given offsets leave out are read from the first.

    Raises:
        DeclarationError: as `check_start`.
    """
    if text in ("earliest", "latest"):
        return {"startingOffsets": text}
    refused = DeclarationError(
        f"{text!r} says no start: write earliest, latest, a time such as 2026-01-31T12:00:00Z, or the offset of each "
        'partition, such as {"0": 1000, "1": 980}'
    )
    if text.lstrip().startswith("{"):
        try:
            given = {int(number): offset for number, offset in json.loads(text).items()}
        except ValueError:
            raise refused from None
        if not given or not all(type(offset) is int and offset >= 0 for offset in given.values()):
            raise refused
        return {"startingOffsets": json.dumps({topic: {str(n): given.get(n, -2) for n in partitions}})}
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise refused from None
    if time.tzinfo is None:
        raise refused
    milliseconds = str(int(time.timestamp() * 1000))
    return {"startingTimestamp": milliseconds, "startingOffsetsByTimestampStrategy": "latest"}


def note_start(at: FeedAt, start: str) -> None:
    """Notes where the stream starts when its checkpoint is new."""
    write_whole(at.note("starts"), check_start(start))


def start_of(at: FeedAt, declared: str) -> str:
    """Where the stream starts when its checkpoint is new: as was noted, else as declared.

    One whose checkpoint was lost starts at the beginning, whatever is declared: `latest` would skip records.
    """
    note = at.note("starts")
    if note.is_file():
        return note.read_text(encoding="utf-8")
    return "earliest" if at.reads_again.exists() else declared


def forget_start(at: FeedAt) -> None:
    """Forgets where the stream was to start, once its checkpoint has its offsets: a later new one is another matter."""
    at.note("starts").unlink(missing_ok=True)


def lost(standing: Mapping[int, int], offsets: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """Of partitions whose records are gone before they were read: the offset that is next, and the first that is there.

    A partition that ends before the next offset went back: its first is then its end.
    """
    gone = {}
    for number, following in standing.items():
        first, end = offsets.get(number, (0, 0))
        if first > following or end < following:
            gone[number] = (following, first if first > following else end)
    return gone


def described(gone: Mapping[int, tuple[int, int]]) -> str:
    """What `lost` found, in words."""
    return "; ".join(
        f"{there - following:,} of partition {number} (offsets {following:,} to {there - 1:,})"
        if there > following
        else f"partition {number} ends at offset {there:,}, before {following:,}, which is next"
        for number, (following, there) in sorted(gone.items())
    )
