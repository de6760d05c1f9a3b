"""Names and texts as statements of PostgreSQL have them, where parameters may not stand."""

import hashlib

NAME_BYTES = 63
"""Of a longer name PostgreSQL keeps the beginning, and says nothing."""


def quoted(*names: str) -> str:
    """Names, with commas between."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def identifier(name: str) -> str:
    """A name that PostgreSQL keeps whole: it cuts longer ones silently, so that two may become one."""
    if len(name.encode()) <= NAME_BYTES:
        return name
    return f"{name[: NAME_BYTES - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def literal(text: str) -> str:
    """A text."""
    return "'" + text.replace("'", "''") + "'"
