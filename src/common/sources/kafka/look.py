"""What a topic and its schema registry show before anything is read."""

from collections.abc import Iterable

from common.errors import FeedError
from common.sources.feed import FeedAt, Sight, Sights
from common.sources.files.first_records import MAX_RECORDS, FileLook, Record
from common.sources.kafka import position
from common.sources.kafka.avro import schema_id
from common.sources.kafka.topic import RawRecord, Topic
from common.sources.kafka.values import Values


def look(name: str, at: FeedAt, values: Values) -> Sights:
    """The topic's partitions and records, what of them is not read yet, the registry, and the first records.

    Raises:
        FeedError: the brokers don't answer, or refuse. Of a registry that does so a sight says it.
    """
    topic = Topic(name, at)
    if name not in (names := topic.others()):
        seen = f"create it, or correct `topic`; there are: {', '.join(names) or 'none that the user may see'}"
        return Sights((Sight(f"topic {name}", "not there, or not to be seen", seen),))
    found = topic.described()
    offsets = topic.offsets(found.partitions)
    total = sum(end - first for first, end in offsets.values())
    standing = position.next_offsets(at, name)
    unread = sum(max(0, end - standing.get(number, first)) for number, (first, end) in offsets.items())
    refused = "" if found.is_readable else "have the user's right to read it granted"
    things = [
        Sight(f"topic {name}", f"{len(offsets)} partitions, id {found.id[:8]}", refused),
        Sight("records", f"{total:,}"),
        Sight("not read yet", f"{unread:,}" if standing else "all: it was never read"),
    ]
    if gone := position.lost(standing, offsets):
        things.append(Sight("lost", position.described(gone), at.settings.how_to_reset(at.stream)))
    if refused:
        return Sights(things)
    first = topic.first_records(offsets, MAX_RECORDS)
    try:
        registry_seen = _registry_seen(values, first)
        records = _records(first, f"{name}@{found.id[:8]}", values)
    except FeedError as error:
        assert values.registry
        return Sights([*things, Sight(f"schema registry {values.registry.url}", "not to be asked", str(error))])
    things += registry_seen
    return Sights(things, [FileLook(f"{name}@{found.id[:8]}", records, None, total > len(records))], 1)


def _registry_seen(values: Values, first: Iterable[RawRecord]) -> list[Sight]:
    if values.registry is None:
        return []
    values.registry.check()
    parts = [each.value for each in first] if values.value_format == "avro" else []
    if values.key_format == "avro":
        parts += [each.key for each in first]
    numbers = sorted({number for part in parts if part and (number := schema_id(part)) is not None})
    seen = f"schemas of the first records: {', '.join(map(str, numbers)) or 'none'}"
    return [Sight(f"schema registry {values.registry.url}", seen)]


def _records(raw: Iterable[RawRecord], topic: str, values: Values) -> tuple[Record, ...]:
    records = []
    for each in raw:
        read = values.read(each.key, each.value, each.timestamp, each.headers)
        if read is not None:
            records.append(Record(f"{topic}/{each.partition}", each.offset, *read))
    return tuple(records)
