"""How far a query has come, by the files of its checkpoint; without Spark."""

from pathlib import Path


def has_begun(checkpoint: str) -> bool:
    """Whether a query with this checkpoint was ever started."""
    return Path(checkpoint, "metadata").is_file()


def newest_batch(folder: Path) -> int | None:
    """The highest number of a micro-batch in a checkpoint's folder `offsets` or `commits`; None where there is none."""
    return max((int(path.name) for path in folder.glob("*") if path.name.isdecimal()), default=None)
