"""Writes the reports that are due, each beside its manifest, and sends their notices.

A file is written before its manifest, and the manifest before the notice is sent. A run that is killed in between is
made good by the next one: it makes the same content, and finds by the digests how far the last one came.
"""

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from common.checks.extents import TOGETHER
from common.errors import LakehouseError, OutputError
from common.publish.delivery import Delivery, failed
from common.publish.reports.csv_text import csv_text
from common.publish.reports.due import periods_due
from common.publish.reports.folders import ReportFolder
from common.publish.reports.found import Files, Found, by_period
from common.publish.reports.manifest import DUE, NOT_DECLARED, SENT, SUFFIX, Manifest, digest_of
from common.publish.reports.notice import Send
from common.publish.reports.period import Period
from common.publish.reports.report import Report
from common.publish.reports.rows import Rows
from common.publish.webhook import WebhookRefused
from common.sources.feed import Tell

NEW, CHANGED, RESTORED, UNCHANGED = "new", "changed", "restored", "unchanged"
NOTHING, NOTICE = "no transactions yet", "notice"

_OF_ALL = (None, 401, 403, 404)
"""HTTP's statuses that refuse the address, and so each notice. Others, such as 400 and 413, refuse one."""


@dataclass
class ReportRun:
    """What all reports of an output are written with. `send` is None where nobody waits for notices."""

    output: str
    folder: ReportFolder
    rows: Rows
    tell: Tell
    send: Send | None = None
    refused: str = field(default="", init=False)
    """Why no notice is taken. No more are tried in this run: each would be waited for, or refused too."""


def deliver_reports(run: ReportRun, reports: Mapping[str, Report]) -> list[Delivery]:
    """Brings all reports up to date. One that fails is told by its delivery, and the others go on.

    Raises:
        OutputError: the folder can't be reached or written.
    """
    run.folder.sweep()
    files = Files(run.folder, run.output)
    deliveries: list[Delivery] = []
    for name, report in reports.items():
        work = _Work(run, files, name, report)
        try:
            work.do()
        except LakehouseError as error:
            work.done.append(failed(name, error, run.folder.place("")))
        except Exception as error:  # nobody foresaw it: where it comes from is told, and the other reports are made
            run.tell("".join(traceback.format_exception(error)))
            work.done.append(failed(name, error, run.folder.place("")))
        deliveries += work.done
    return deliveries


@dataclass
class _Work:
    """One report: what is there of it, and what was done."""

    run: ReportRun
    files: Files
    name: str
    report: Report
    done: list[Delivery] = field(default_factory=list)

    def do(self) -> None:
        first, newest = self.run.rows.first_day(), self.run.rows.clock()
        if first is None or newest is None:
            self.done.append(Delivery(self.name, NOTHING))
            return
        found = self.files.of(self.name)
        erased = self._erased_until()
        periods: list[Period] | list[None] = [None]
        if self.report.is_by_period:
            kept = by_period(found, self.report)
            periods = periods_due(self.report, (first, newest), kept, lambda file: not _is_after(file, erased))
        states = self.run.rows.states(self.report.checked.tables)
        there = {name: file.manifest for name, file in found.items() if file.manifest is not None}
        made_of = [(period, self._made_of(period, states, erased)) for period in periods]
        due = [(period, made) for period, made in made_of if not self._is_current(made)]
        for start in range(0, len(due), TOGETHER):
            some = due[start : start + TOGETHER]
            began = time.monotonic()
            rows = self.run.rows.of(self.report.checked, _versions(states), [period for period, _ in some])
            seconds = (time.monotonic() - began) / len(some)
            for (_, made), of_period in zip(some, rows, strict=True):
                there[made["file"]] = self._brought(made, of_period, seconds)
        for manifest in there.values():
            self._notify(manifest)
        if not self.done:
            self.done.append(Delivery(self.name, UNCHANGED, destination=self.run.folder.place("")))

    def _erased_until(self) -> str:
        """A file that is not replaced at each run may hold people who were erased since."""
        query = self.report.checked
        return self.run.rows.erased_until() if self.report.is_by_period and query.knows_people else ""

    def _is_current(self, made_of: Mapping[str, Any]) -> bool:
        """Whether a file is there as it was written, and was made of this."""
        found = self.files.one(self.name, made_of["file"])
        if found.manifest is None or not found.is_intact:
            return False
        same_order = list(found.manifest.columns) == list(made_of["columns"])
        return same_order and made_of == {name: getattr(found.manifest, name) for name in made_of}

    def _brought(self, made_of: Mapping[str, Any], rows: pa.Table, seconds: float) -> Manifest:
        """Brings a file up to date with its rows, and gives its manifest."""
        began, found = time.monotonic(), self.files.one(self.name, made_of["file"])
        old = found.manifest
        text = csv_text(rows, self.report.headings, self.report.delimiter, self.report.encoding)
        digest, folder = digest_of(text), self.run.folder
        if self.files.is_of_others(made_of["file"], text.splitlines(keepends=True)[0].encode()):
            raise OutputError(
                f"{folder.place(made_of['file'])} is there without a manifest and with other headings: it is "
                "somebody else's. Move it away, or give the report another file name or folder"
            )
        manifest = Manifest(
            **made_of,
            rows=rows.num_rows,
            bytes=len(text.encode()),
            sha256=digest,
            edition=1 if old is None else old.edition + 1,
            written_at=datetime.now(UTC).isoformat(timespec="seconds"),
            notice=DUE if self.run.send else NOT_DECLARED,
        )
        is_new = old is None or old.sha256 != digest
        if old is not None and not is_new:
            manifest = replace(manifest, edition=old.edition, written_at=old.written_at, notice=old.notice)
        if found.sha256 != digest:
            folder.write(manifest.file, text)
        folder.write(f"{manifest.file}{SUFFIX}", manifest.as_text())
        if is_new or found.sha256 != digest:
            mode = RESTORED if not is_new else CHANGED if manifest.edition > 1 else NEW
            self.done.append(self._delivery(mode, manifest, old, seconds + time.monotonic() - began))
        return manifest

    def _made_of(self, period: Period | None, states: Mapping[str, Any], erased: str) -> dict[str, Any]:
        """The part of a manifest that says what a file is made of: where all of it is as it was, so is the file."""
        return {
            "output": self.run.output,
            "report": self.name,
            "file": self.report.file_of(period),
            "period_start": period and period.start.isoformat(),
            "period_end": period and period.end.isoformat(),
            "query": self.report.query,
            "columns": self.report.headings,
            "delimiter": self.report.delimiter,
            "encoding": self.report.encoding,
            "tables": dict(states),
            "erased_until": erased,
        }

    def _delivery(self, mode: str, manifest: Manifest, old: Manifest | None, seconds: float) -> Delivery:
        # Of several tables no number says which one it is of: the note has them all.
        versions, before = manifest.versions, old.versions if old is not None else {}
        table = next(iter(versions)) if len(versions) == 1 else ""
        made_of = ", ".join(f"{name} {'not there' if to is None else to}" for name, to in versions.items())
        self.run.tell(f"{manifest.file}: {mode}, {manifest.rows:,} rows")
        return Delivery(
            item=manifest.item,
            mode=mode,
            source_table=table or None,
            from_version=before.get(table),
            version=versions.get(table),
            rows_written=manifest.rows,
            rows_there=manifest.rows,
            destination=self.run.folder.place(manifest.file),
            seconds=seconds,
            note=f"{mode}, {manifest.rows:,} rows" + ("" if table else f", of {made_of}"),
            is_sent=True,
        )

    def _notify(self, manifest: Manifest) -> None:
        """Sends the notice of a file where that is due; where it isn't taken, the next run sends it."""
        run = self.run
        if manifest.notice != DUE or run.send is None:
            return
        try:
            if run.refused:
                raise OutputError(run.refused)
            run.send(manifest, run.folder.place(manifest.file))
        except LakehouseError as error:
            is_of_this_one = isinstance(error, WebhookRefused) and error.status not in _OF_ALL
            run.refused = "" if is_of_this_one else str(error)
            self.done.append(
                Delivery(
                    self.name,
                    NOTICE,
                    destination=run.folder.place(manifest.file),
                    failure=f"{manifest.file} is there, but its notice was not taken: {error}",
                )
            )
            return
        run.folder.write(f"{manifest.file}{SUFFIX}", replace(manifest, notice=SENT).as_text())


def _is_after(found: Found, erased: str) -> bool:
    return found.manifest is not None and found.manifest.erased_until == erased


def _versions(states: Mapping[str, Any]) -> dict[str, int | None]:
    return {name: None if state is None else int(state[0]) for name, state in states.items()}
