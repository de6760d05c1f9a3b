"""What is there of a report: its files by their names, each with its manifest and the digest of its content."""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from common.errors import OutputError
from common.publish.reports.folders import ReportFolder
from common.publish.reports.manifest import SUFFIX, Manifest, manifest_of
from common.publish.reports.period import Period, period_of
from common.publish.reports.report import Report

_AT_ONCE = 8
"""A bucket takes its time for each object."""


@dataclass(frozen=True)
class Found:
    """A file, as it is there: None where it, or its manifest, is not."""

    manifest: Manifest | None = None
    sha256: str | None = None

    @property
    def is_intact(self) -> bool:
        """Whether the file is as it was written."""
        return self.manifest is not None and self.manifest.sha256 == self.sha256


class Files:
    """The files of an output's reports, as they were when this was made. Each method raises an OutputError."""

    def __init__(self, folder: ReportFolder, output: str) -> None:
        self._folder, self._output = folder, output
        self._names = folder.names()
        written = [name.removesuffix(SUFFIX) for name in sorted(self._names) if name.endswith(SUFFIX)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self._manifests = dict(zip(written, pool.map(self._manifest, written), strict=True))

    def of(self, report: str) -> dict[str, Found]:
        """The files of a report that have a manifest, by name, the oldest period first."""
        own = {
            name: manifest
            for name, manifest in self._manifests.items()
            if manifest is not None and (manifest.output, manifest.report) == (self._output, report)
        }
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            digests = dict(zip(own, pool.map(self._digest, own), strict=True))
        ordered = sorted(own, key=lambda name: (own[name].period_start or "", name))
        return {name: Found(own[name], digests[name]) for name in ordered}

    def written_since(self, since: datetime) -> list[Manifest]:
        """The manifests of the output's files whose content came at that time or later."""
        own = [manifest for manifest in self._manifests.values() if manifest and manifest.output == self._output]
        return [manifest for manifest in own if manifest.written >= since]

    def one(self, report: str, name: str) -> Found:
        """The file of that name, whether it is there or not; another report's is an error."""
        manifest = self._manifests.get(name)
        if manifest is not None and (manifest.output, manifest.report) != (self._output, report):
            raise OutputError(
                f"{self._folder.place(name)} is the report {manifest.report} of the output {manifest.output}: give one "
                "of them another file name or folder"
            )
        return Found(manifest, self._digest(name))

    def is_of_others(self, name: str, begins: bytes) -> bool:
        """Whether a file is there that no run can have left: it has no manifest, and begins otherwise than this."""
        if name not in self._names or name in self._manifests:
            return False
        return not self._folder.read(name).startswith(begins)

    def _manifest(self, name: str) -> Manifest | None:
        text = self._folder.read(f"{name}{SUFFIX}").decode(errors="replace")
        return manifest_of(text, self._folder.place(f"{name}{SUFFIX}"))

    def _digest(self, name: str) -> str | None:
        return hashlib.sha256(self._folder.read(name)).hexdigest() if name in self._names else None


def by_period(found: Mapping[str, Found], report: Report) -> dict[Period, Found]:
    """The files by their periods. Those that the report would have other names for, or of other periods, are left out.

    A declaration that was changed leaves such files behind.
    """
    periods = {name: file.manifest.period for name, file in found.items() if file.manifest is not None}
    return {
        period: found[name]
        for name, period in periods.items()
        if report.is_by_period
        and period is not None
        and period == period_of(report.period, period.start)
        and name == report.file_of(period)
    }
