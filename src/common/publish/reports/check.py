"""Whether each report that was written is there, as it was written, and has the rows that the lakehouse has."""

from datetime import date, datetime

from common.checks.findings import Finding
from common.errors import LakehouseError
from common.publish.reports.deliver import Desk, files_there
from common.publish.reports.due import is_open
from common.publish.reports.found import Found
from common.publish.reports.manifest import Manifest
from common.publish.reports.period import Period
from common.publish.reports.query import checked_query
from common.publish.reports.report import Report
from common.publish.reports.rows import Asked

UNCHANGED, ROWS, REACHED = "report_unchanged", "report_rows", "report_reached"
_SHOWN = 5


def check_report(desk: Desk, name: str, report: Report) -> list[Finding]:
    """The findings on a report: its files are as their manifests say, and have the rows of their queries.

    Rows are counted again in the versions that the manifests name, of periods that late rows still change.
    """
    subject = f"{desk.output}: {name}"
    clock = desk.rows.clock()
    try:
        found = files_there(desk, name, report, clock)
    except LakehouseError as error:
        return [Finding(subject, REACHED, False, str(error))]
    if not found or clock is None:
        return [Finding(subject, UNCHANGED, True, "nothing was written yet")]
    wrong = [f"{file} {_what_is_wrong(one)}" for file, one in found.items() if not one.is_intact]
    details = "; ".join(wrong[:_SHOWN]) + (f" and {len(wrong) - _SHOWN} others" if len(wrong) > _SHOWN else "")
    how = "The task publish writes what is missing or changed again, whole"
    return [
        Finding(subject, UNCHANGED, not wrong, f"{details}. {how}" if wrong else f"{len(found)} files"),
        _rows(desk, subject, report, found, clock),
    ]


def _what_is_wrong(file: Found) -> str:
    if file.sha256 is None:
        return "is gone"
    return "has no manifest" if file.manifest is None else "was changed since it was written"


def _rows(desk: Desk, subject: str, report: Report, found: dict[str, Found], clock: datetime) -> Finding:
    manifests = [file.manifest for file in found.values() if file.manifest is not None and file.is_intact]
    recent = [one for one in manifests if (period := _period(one)) is None or is_open(report, period, clock)]
    counts = desk.rows.counts([_asked(one) for one in recent])
    different = [
        f"{one.file} has {one.rows:,} rows, its query {count:,}"
        for one, count in zip(recent, counts, strict=True)
        if count is not None and count != one.rows
    ]
    gone = counts.count(None)
    details = f"{sum(one.rows for one in manifests):,} rows, those of {len(recent) - gone} files counted again"
    if gone:
        details += f"; of {gone}, the tables' versions are gone"
    return Finding(subject, ROWS, not different, "; ".join(different[:_SHOWN]) or details)


def _asked(manifest: Manifest) -> Asked:
    return checked_query(manifest.query, manifest.period_start is not None), manifest.versions, _period(manifest)


def _period(manifest: Manifest) -> Period | None:
    if manifest.period_start is None or manifest.period_end is None:
        return None
    return Period(date.fromisoformat(manifest.period_start), date.fromisoformat(manifest.period_end))
