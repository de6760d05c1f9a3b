"""What a check of the doctor finds."""

from dataclasses import dataclass

OK, WARNING, MISSING, NOT_SET_UP = "ok", "warning", "missing", "not set up"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what it is, how it stands, and how to mend it."""

    subject: str
    state: str
    found: str
    fix: str = ""
