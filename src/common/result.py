"""What a step did: every step returns it, for its notebook's last cell and the job's summary."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RESULT_TYPE = "application/vnd.lakehouse.result+json"
"""MIME type of the output in which a notebook reports to the job runner what it did."""

UP_TO_DATE = "up_to_date"
"""Name in that output of what ends the notebook: its step had nothing to do. The runner executes no cell after it."""


@dataclass(frozen=True)
class Result:
    """What a step did.

    `rows_in` and `rows_out` count what it read and added; None where a count has no meaning. `note` is a few words
    for a person, `facts` are values by name, or groups of them.
    """

    rows_in: int | None = None
    rows_out: int | None = None
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What is known of it, for the job that reads it."""
        known = {"rows_in": self.rows_in, "rows_out": self.rows_out, "note": self.note or None}
        known["facts"] = dict(self.facts) or None  # type: ignore[assignment]
        return {name: value for name, value in known.items() if value is not None}
