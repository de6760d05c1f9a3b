"""Reports as CSV files in a folder, a volume or a bucket, each beside its manifest."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from common.checks.findings import OUTPUT_WAS_REACHED, Finding
from common.errors import DeclarationError, LakehouseError
from common.publish.delivery import FOUND, Delivery
from common.publish.output import Output
from common.publish.reports.check import check_report
from common.publish.reports.deliver import ReportRun, deliver_reports
from common.publish.reports.folders import ReportFolder, report_folder
from common.publish.reports.found import Files
from common.publish.reports.notice import Notify
from common.publish.reports.report import Report
from common.publish.reports.rows import CLOCK, LakeRows
from common.settings import Settings
from common.sources.connections import AwsConnection, Text
from common.sources.declaration import Name
from common.sources.feed import Tell, silent
from common.sources.files.bucket import S3
from common.storage.lake import Lake


class CsvReports(Output):
    """CSV files, one a report and period.

    `folder` is the workspace's folder of reports (`{reports}`, or one below it), any other one, or s3://BUCKET/PREFIX,
    with a `connection` of the kind aws or as the environment says. `notify` is told of each new file.
    """

    connects_to: ClassVar[str | None] = None

    writer: Literal["csv"]
    folder: Text = "{reports}"
    notify: Notify | None = None
    reports: Annotated[dict[Name, Report], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_a_folder(self) -> "CsvReports":
        is_bucket = self.folder.startswith(S3)
        if not is_bucket and not self.folder.startswith(("/", "~/", "{reports}")):
            raise DeclarationError(
                f"folder: {self.folder!r} must be {{reports}}, a folder from / on, or s3://BUCKET/PREFIX"
            )
        if is_bucket and not self.folder.removeprefix(S3).strip("/"):
            raise DeclarationError(f"folder: {self.folder!r} names no bucket")
        if self.connection is not None:
            kind = self.connections[self.connection].kind
            if not is_bucket or kind != "aws":
                raise DeclarationError(
                    f"connection: {self.connection!r} is of the kind {kind}; s3://BUCKET/PREFIX needs one of the kind "
                    "aws, and a folder none"
                )
        return self

    @model_validator(mode="after")
    def _files_differ(self) -> "CsvReports":
        seen: dict[str, str] = {}
        for name, report in self.reports.items():
            other = seen.setdefault(report.file, name)
            if other != name:
                raise DeclarationError(f"reports.{name}.file: {report.file!r} is the file of {other}, too")
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that it reads, and the one that says what time it is."""
        return tuple(dict.fromkeys([CLOCK, *(t for report in self.reports.values() for t in report.checked.tables)]))

    def deliver(self, lake: Lake, tell: Tell) -> list[Delivery]:
        """Writes the files that are due."""
        return deliver_reports(self._run(lake, tell), self.reports)

    def delivered_since(self, settings: Settings, since: datetime) -> list[Delivery]:
        """The files whose content came at that time or later, as their manifests tell."""
        folder = self._report_folder(settings)
        return [
            Delivery(
                manifest.item,
                FOUND,
                rows_there=manifest.rows,
                destination=folder.place(manifest.file),
                delivered_at=manifest.written,
            )
            for manifest in Files(folder, self.name).written_since(since)
        ]

    def findings(self, lake: Lake) -> list[Finding]:
        """Whether the files are there, unchanged, with the rows of their queries."""
        try:
            run = self._run(lake, silent)
        except LakehouseError as error:
            return [Finding(self.name, OUTPUT_WAS_REACHED, False, str(error), "warning")]
        return [one for name, report in self.reports.items() for one in check_report(run, name, report)]

    def state(self, settings: Settings) -> object:
        """Sizes and times of the files."""
        try:
            return {name: list(size_and_time) for name, size_and_time in self._report_folder(settings).names().items()}
        except LakehouseError:
            return None

    def _run(self, lake: Lake, tell: Tell) -> ReportRun:
        send = self.notify.sender(lake.settings, tell) if self.notify else None
        return ReportRun(self.name, self._report_folder(lake.settings), LakeRows(lake), tell, send)

    def _report_folder(self, settings: Settings) -> ReportFolder:
        connection = self.connections[self.connection] if self.connection else None
        return report_folder(self.folder, connection if isinstance(connection, AwsConnection) else None, settings)
