"""Small files beside the checkpoints, written whole or not at all."""

from pathlib import Path
from uuid import uuid4


def write_whole(file: Path, text: str) -> None:
    """Writes a file so that a reader sees the old content or the new one, whenever this process is killed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{uuid4().hex}")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(file)
