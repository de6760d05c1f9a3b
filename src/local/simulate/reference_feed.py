"""The reference feeds: on the first day everybody, then only those who changed, plus what is sent again."""

from dataclasses import dataclass

from local.simulate.arrivals import DUPLICATE, QUARANTINED, Dirt
from local.simulate.changes import ENTITIES, Changes
from local.simulate.population import Population
from local.simulate.randomness import Stream, generator
from local.simulate.reference_dirt import REFERENCE_SPOILINGS
from local.simulate.reference_records import RECORDS, Record


@dataclass(frozen=True)
class DayOfRecords:
    """A day's records of an entity, and the dirt among them."""

    records: list[Record]
    dirt: list[Dirt]


class ReferenceFeed:
    """Makes the records of one entity day by day; days must come in order, each after the population has evolved."""

    def __init__(self, population: Population, entity: str) -> None:
        self._population, self._entity = population, entity
        self._to_correct: list[int] = []

    def day(self, changes: Changes, day: int, file: str) -> DayOfRecords:
        """The records of a day: changes, records quarantined the day before (now right), and records sent again."""
        world = self._population.world
        rng = generator(world.seed, Stream.REFERENCE_DIRT, day * len(ENTITIES) + ENTITIES.index(self._entity))
        changed = changes.changed[self._entity].tolist()
        to_correct = sorted(set(self._to_correct) - set(changed))
        again = sorted(set(changes.sent_again[self._entity].tolist()) - set(to_correct))
        dirty = rng.random(len(changed)) < world.reference_dirt_rate
        spoilings = REFERENCE_SPOILINGS[self._entity]
        picks = rng.integers(0, len(spoilings), len(changed))
        self._to_correct = []
        records: list[Record] = []
        dirt: list[Dirt] = []
        for who, is_dirty, pick in zip(changed, dirty.tolist(), picks.tolist(), strict=True):
            record = self._record(who, day)
            key = str(next(iter(record.values())))
            if is_dirty:
                spoiling = spoilings[pick]
                record = spoiling.apply(record)
                dirt.append(Dirt(self._entity, file, len(records) + 1, key, spoiling.kind, spoiling.outcome))
                if spoiling.outcome == QUARANTINED:
                    self._to_correct.append(who)
            records.append(record)
        records += [self._record(who, day) for who in to_correct]
        for who in again:
            record = self._record(who, day)
            key = str(next(iter(record.values())))
            records.append(record)
            dirt.append(Dirt(self._entity, file, len(records), key, "resend", DUPLICATE))
        return DayOfRecords(records, dirt)

    def _record(self, who: int, day: int) -> Record:
        return RECORDS[self._entity](self._population, who, is_wide=day >= self._population.world.new_column_from_day)
