"""The archive of the classes that Spark loads: Java maps it instead of reading, checking and linking each class.

Java itself ignores an archive that is damaged, or that was made of other jars or by another release. Without one a
server takes some seconds more to start and to warm up.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from local.engine.command import server_classes
from local.engine.jars import cache_folder
from local.engine.java import Java


def archive_path(java: Java, jars: Sequence[Path]) -> Path:
    """Where the archive for this Java and these jars is kept, beside the jars in the user's cache."""
    # Java refuses an archive whose jars moved or changed since, so that each environment has its own.
    java_file = java.executable.resolve()
    files = [java_file, *(file for part in server_classes(jars) for file in sorted(part.parent.glob(part.name)))]
    seen = [f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
    digest = hashlib.sha256("\n".join(seen).encode()).hexdigest()[:12]
    return cache_folder() / f"classes-{digest}.jsa"


def archive_options(java: Java, jars: Sequence[Path]) -> list[str]:
    """Java's options to use the archive; none where there is no archive."""
    archive = archive_path(java, jars)
    if not archive.is_file():
        return []
    with suppress(OSError):
        archive.touch()  # it is in use
    return ["-Xshare:auto", f"-XX:SharedArchiveFile={archive}"]
