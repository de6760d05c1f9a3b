"""What a simulation made, in figures for a person."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class SimulationSummary:
    """Counts of what one call of `simulate` wrote.

    `records` are lines or rows in the landing files by entity; `transactions` happened in these days (each once);
    `frauds` by mechanism; `labels` that are wrong, by kind; `dirt` by kind over all entities.
    """

    folder: Path
    first_day: str = ""
    last_day: str = ""
    days: int = 0
    transactions: int = 0
    records: Counter[str] = field(default_factory=Counter)
    frauds: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    dirt: Counter[str] = field(default_factory=Counter)

    @property
    def fraud_rate(self) -> float:
        """Frauds over transactions, 0 to 1."""
        return self.frauds.total() / self.transactions if self.transactions else 0.0
