"""Whether each report that was written is there, as it was written, and has the rows that the lakehouse has."""

from datetime import datetime

from common.checks.findings import OUTPUT_COMPLETE, OUTPUT_UNCHANGED, OUTPUT_WAS_REACHED, Finding
from common.errors import DeclarationError, LakehouseError
from common.publish.reports.deliver import ReportRun
from common.publish.reports.due import is_open, missing_periods
from common.publish.reports.found import Files, Found, by_period
from common.publish.reports.manifest import Manifest
from common.publish.reports.query import checked_query
from common.publish.reports.report import Report
from common.publish.reports.rows import Asked

UNCHANGED, ROWS, REACHED = OUTPUT_UNCHANGED, OUTPUT_COMPLETE, OUTPUT_WAS_REACHED
_SHOWN = 5


def check_report(run: ReportRun, name: str, report: Report) -> list[Finding]:
    """The findings on a report: its files are as their manifests say, and have the rows of their queries.

    Rows are counted again in the versions that the manifests name, of periods that late rows still change.
    """
    subject = f"{run.output}: {name}"
    clock = run.rows.clock()
    try:
        found = Files(run.folder, run.output).of(name)
    except LakehouseError as error:
        return [Finding(subject, REACHED, False, str(error), "warning")]
    if not found or clock is None:
        return [Finding(subject, UNCHANGED, True, "nothing was written yet")]
    wrong = [*_missing(report, found), *(f"{file} {_what(one)}" for file, one in found.items() if not one.is_intact)]
    how = "The task publish writes what is missing or changed again, whole"
    details = f"{_some(wrong)}. {how}" if wrong else f"{len(found)} files"
    return [Finding(subject, UNCHANGED, not wrong, details), _rows(run, subject, report, found, clock)]


def _missing(report: Report, found: dict[str, Found]) -> list[str]:
    """The files of periods between those that were written."""
    periods = by_period(found, report)
    if not periods:
        return []
    return [f"{report.file_of(one)} is missing" for one in sorted(missing_periods(report, max(periods), periods))]


def _what(file: Found) -> str:
    return "is gone" if file.sha256 is None else "was changed since it was written"


def _some(details: list[str]) -> str:
    others = len(details) - _SHOWN
    return "; ".join(details[:_SHOWN]) + (f" and {others} others" if others > 0 else "")


def _rows(run: ReportRun, subject: str, report: Report, found: dict[str, Found], clock: datetime) -> Finding:
    manifests = [file.manifest for file in found.values() if file.manifest is not None and file.is_intact]
    recent = [one for one in manifests if (period := one.period) is None or is_open(report, period, clock)]
    asked = {one.file: query for one in recent if (query := _asked(one)) is not None}
    counts = dict(zip(asked, run.rows.counts(list(asked.values())), strict=True))
    counted = [(one, count) for one in recent if (count := counts.get(one.file)) is not None]
    different = [
        f"{one.file} has {one.rows:,} rows, its query {count:,}" for one, count in counted if count != one.rows
    ]
    gone = len(recent) - len(counted)
    details = f"{sum(one.rows for one in manifests):,} rows, those of {len(counted)} files counted again"
    if gone:
        details += f"; of {gone}, the tables' versions are gone"
    return Finding(subject, ROWS, not different, _some(different) or details)


def _asked(manifest: Manifest) -> Asked | None:
    """How its rows are counted again; None where an earlier release wrote it, for other contracts."""
    try:
        query = checked_query(manifest.query, manifest.period is not None)
    except DeclarationError:
        return None
    return (query, manifest.versions, manifest.period) if set(query.tables) == manifest.tables.keys() else None
