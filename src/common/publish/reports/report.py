"""A report's declaration: its query, its periods, and how its file looks."""

import re
from datetime import date, timedelta
from functools import cached_property
from string import Formatter
from typing import Annotated

from pydantic import Field, model_validator

from common.errors import DeclarationError
from common.publish.reports.csv_text import Delimiter, Encoding
from common.publish.reports.manifest import SUFFIX
from common.publish.reports.period import Period, Rhythm, period_of
from common.publish.reports.query import ReportQuery, checked_query
from common.sources.connections import Text
from common.sources.duration import Duration
from common.sources.files.listing import UNFINISHED
from common.sources.target_map import Strict

_SOME_YEARS = 800
"""So many periods must have files of different names."""
_FIRST_DAY = date(2023, 12, 28)


class Report(Strict):
    """A CSV file a period, or one that is replaced at each run (`period: run`).

    A period's file is written when the newest transaction lies `delay` after its end. What comes late changes it: for
    `reopen` after that moment it is looked at again. The first run begins with the periods within `reopen`, or with
    `since`. `columns` are those of the query that the file has, in order, each with its heading; left out: all.
    """

    description: Text
    query: Text
    period: Rhythm
    file: Text
    columns: Annotated[dict[str, Text], Field(default_factory=dict)]
    delimiter: Delimiter = ","
    encoding: Encoding = "utf-8"
    delay: Duration = timedelta(0)
    reopen: Duration = timedelta(days=7)
    since: date | None = None
    personal: bool = False

    @model_validator(mode="after")
    def _has_a_query(self) -> "Report":
        query = self.checked
        if unknown := [name for name in self.columns if name not in query.columns]:
            raise DeclarationError(
                f"columns: the query gives no {unknown[0]!r}; it gives {', '.join(query.columns)}, in this spelling"
            )
        if query.personal and not self.personal:
            raise DeclarationError(
                f"the query reads {', '.join(query.personal)}, which is personal: leave it out, or declare "
                "`personal: true` where all who can read the folder may know it"
            )
        return self

    @model_validator(mode="after")
    def _has_a_file_name(self) -> "Report":
        fields = _fields(self.file)
        if not self.is_by_period:
            if fields or self.since is not None:
                raise DeclarationError("file, since: `period: run` has one file, which is replaced: leave dates out")
            names = {self.file}
        else:
            if fields != {"period"}:
                raise DeclarationError(
                    f"file: {self.file!r} must name the first day of its period, such as NAME_{{period:%Y-%m-%d}}.csv"
                )
            names = set(self._some_names())
            if len(names) < _SOME_YEARS:
                raise DeclarationError(
                    f"file: {self.file!r} gives several periods one name: add what is missing, such as "
                    "{period:%Y-%m-%d}"
                )
        for name in names:
            if "/" in name or "\\" in name or name.endswith(SUFFIX) or not name.isprintable():
                raise DeclarationError(f"file: {name!r} must be the name of a file, without a folder before it")
            if re.search(UNFINISHED, f"/{name}"):
                raise DeclarationError(
                    f"file: {name!r} looks hidden or unfinished to those who read it: begin it with a letter or a "
                    "digit, and end it with .csv"
                )
        return self

    @property
    def is_by_period(self) -> bool:
        """Whether it has a file for each period."""
        return self.period != "run"

    @cached_property
    def checked(self) -> ReportQuery:
        """Its query."""
        return checked_query(self.query, self.is_by_period)

    @property
    def headings(self) -> dict[str, str]:
        """The file's columns in order, each with its heading."""
        return self.columns or {name: name for name in self.checked.columns}

    def file_of(self, period: Period | None) -> str:
        """The name of a period's file."""
        return self.file if period is None else self.file.format(period=period.start)

    def _some_names(self) -> list[str]:
        names, period = [], period_of(self.period, _FIRST_DAY)
        for _ in range(_SOME_YEARS):
            names.append(self.file_of(period))
            period = period_of(self.period, period.end)
        return names


def _fields(template: str) -> set[str | None]:
    try:
        return {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise DeclarationError(f"file: {template!r} can't be read: {error}") from None
