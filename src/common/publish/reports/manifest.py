"""What stands beside each report: how many rows it has, their digest, and what they were made of."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime

from pydantic import TypeAdapter

from common.errors import OutputError
from common.publish.reports.period import Period

SUFFIX = ".manifest.json"
NOT_DECLARED, DUE, SENT = "not declared", "due", "sent"


@dataclass(frozen=True)
class Manifest:
    """A written report.

    `edition` counts how often its content has changed, from 1. `tables` are the versions that its rows were last found
    in, each with what tells that commit from another of the same number; null: the table was not there. `erased_until`
    is when the last erasure was done that it was looked at after. `notice` is whether those who wait for it were told.
    Days and times are UTC.
    """

    output: str
    report: str
    file: str
    period_start: str | None
    period_end: str | None
    rows: int
    bytes: int
    sha256: str
    edition: int
    query: str
    columns: Mapping[str, str]
    delimiter: str
    encoding: str
    tables: Mapping[str, list[int | str] | None]
    written_at: str
    erased_until: str = ""
    notice: str = NOT_DECLARED

    @property
    def item(self) -> str:
        """The report, and the first day of its period."""
        return self.report if self.period_start is None else f"{self.report} {self.period_start}"

    @property
    def written(self) -> datetime:
        """When its content came."""
        return datetime.fromisoformat(self.written_at).astimezone(UTC)

    @property
    def versions(self) -> dict[str, int | None]:
        """The tables' versions by name."""
        return {name: None if state is None else int(state[0]) for name, state in self.tables.items()}

    @property
    def period(self) -> Period | None:
        """Its period; None where it has none."""
        if self.period_start is None or self.period_end is None:
            return None
        return Period(date.fromisoformat(self.period_start), date.fromisoformat(self.period_end))

    @property
    def key(self) -> str:
        """What identifies this content of this file: a notice has it, however often it is sent."""
        return digest_of(f"{self.output}/{self.file} {self.edition} {self.sha256}")

    def as_text(self) -> str:
        """As it stands in its file."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


_VALUES = TypeAdapter(Manifest)


def manifest_of(text: str, name: str) -> Manifest | None:
    """The manifest of a file's text; None where it is cut off, empty or none, as a person may leave it.

    Raises:
        OutputError: it is of a later release.
    """
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    if unknown := sorted(found.keys() - {field.name for field in fields(Manifest)}):
        raise OutputError(
            f"{name} has {unknown[0]!r}, which this release doesn't know: deliver by the one that wrote it"
        )
    try:
        manifest = _VALUES.validate_json(text, strict=True)
        _ = manifest.versions, manifest.period, manifest.written
    except (ValueError, IndexError):
        return None
    return manifest


def digest_of(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
