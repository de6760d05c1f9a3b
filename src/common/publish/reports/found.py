"""What is there of a report: its files by their names, each with its manifest and the digest of its content."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from common.errors import OutputError
from common.publish.reports.manifest import SUFFIX, Manifest, manifest_of
from common.publish.reports.shelves import Shelf

_AT_ONCE = 8
"""A bucket takes its time for each object."""


@dataclass(frozen=True)
class Found:
    """A file of a report, as it is there: None where it, or its manifest, is not."""

    manifest: Manifest | None = None
    sha256: str | None = None

    @property
    def is_intact(self) -> bool:
        """Whether the file is as it was written."""
        return self.manifest is not None and self.manifest.sha256 == self.sha256


def found_files(shelf: Shelf, output: str, report: str, names: Iterable[str]) -> dict[str, Found]:
    """What is there of the files with these names; those of which nothing is there are left out.

    Raises:
        OutputError: the place can't be read, or a file is another report's.
    """
    there = shelf.names()
    wanted = [name for name in names if name in there or f"{name}{SUFFIX}" in there]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(wanted, pool.map(lambda name: _found(shelf, name, there), wanted), strict=True))
    for name, file in found.items():
        if file.manifest is not None and (file.manifest.output, file.manifest.report) != (output, report):
            raise OutputError(
                f"{shelf.place(name)} is the report {file.manifest.report} of the output {file.manifest.output}: give "
                "one of them another file name or folder"
            )
    return found


def _found(shelf: Shelf, name: str, there: Iterable[str]) -> Found:
    manifest, digest = None, None
    if f"{name}{SUFFIX}" in there:
        text = shelf.read(f"{name}{SUFFIX}").decode(errors="replace")
        manifest = manifest_of(text, shelf.place(f"{name}{SUFFIX}"))
    if name in there:
        digest = hashlib.sha256(shelf.read(name)).hexdigest()
    return Found(manifest, digest)
