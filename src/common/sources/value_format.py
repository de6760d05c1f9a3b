"""How a feed's texts spell numbers and times: what a person declares because the texts themselves can't say it."""

import re
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

UTC = "UTC"
_ALIKE = {"'": "'\u2019", " ": " \u00a0\u2009\u202f"}
"""Characters that stand for the same sign: typewriter's and typographer's apostrophe, blanks that break or not."""


def _known_timezone(name: str) -> str:
    # Names without a region are those of one system or of old rules; Spark and Python don't agree on all of them.
    names = {zone for zone in available_timezones() if zone == UTC or re.match("[A-Z][a-z]+/", zone)}
    if name in names:
        return name
    near = next(
        (f"; did you mean {zone}?" for zone in sorted(names) if f"/{zone}".lower().endswith(f"/{name}".lower())), ""
    )
    raise ValueError(f"{name!r} is no time zone; write its region and city, such as Europe/Berlin, or UTC{near}")


class ValueFormat(BaseModel):
    """The options of a feed that say how its texts become values.

    `decimal` and `thousands` are signs within numbers; `timezone` is that of times without an offset; `date_order` of
    dates with slashes or points; `epoch` the unit of times that are numbers (without it the number of digits decides);
    `negative_amounts` whether an amount below zero is an error or a refund.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", "'", " "] | None = None
    timezone: Annotated[str, AfterValidator(_known_timezone)] = UTC
    date_order: Literal["day_first", "month_first"] | None = None
    epoch: Literal["seconds", "milliseconds", "microseconds", "nanoseconds"] | None = None
    negative_amounts: Literal["refused", "refunds"] = "refused"

    @model_validator(mode="after")
    def _signs_differ(self) -> "ValueFormat":
        if self.thousands == self.decimal:
            other = "," if self.decimal == "." else "."
            raise ValueError(
                f"thousands: {self.thousands!r} is the sign of `decimal` already; the two must differ, as they do with "
                f"`decimal: '{other}'`"
            )
        return self

    @property
    def has_usual_numbers(self) -> bool:
        """Whether numbers are as SQL writes them, so that nothing must be done to their texts."""
        return self.decimal == "." and self.thousands is None

    @property
    def number(self) -> str:
        """The numbers of the feed as a regular expression: with a sign, an exponent and a sane length.

        Thousands are parted everywhere or nowhere, by threes.
        """
        point, whole = f"[{self.decimal}]", "[0-9]{1,400}"
        if self.thousands is not None:
            whole = rf"([0-9]{{1,3}}([{self._thousands}][0-9]{{3}}){{1,100}}|{whole})"
        return rf"[+-]?({whole}({point}[0-9]{{0,400}})?|{point}[0-9]{{1,400}})([eE][+-]?[0-9]{{1,3}})?"

    @property
    def signs(self) -> str:
        """What becomes `.` (the first character) or nothing (the others) to make SQL's number of the feed's."""
        return self.decimal + self._thousands

    @property
    def _thousands(self) -> str:
        return _ALIKE.get(self.thousands or "", self.thousands or "")


USUAL = ValueFormat()
"""How values are spelt where a feed declares nothing, and what expressions give."""
