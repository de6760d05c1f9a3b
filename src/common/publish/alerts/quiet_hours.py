"""Quiet hours: the part of a day in which no customer is told anything, by the customer's own clock."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from common.sources.target_map import Strict


def _clock(given: Any) -> Any:
    if isinstance(given, time):
        return given
    try:
        return time.fromisoformat(given if len(given) == 5 else "")
    except (TypeError, ValueError):
        raise ValueError(f'{given!r} is no time of day; write it in quotes as HH:MM, such as "21:00"') from None


Clock = Annotated[time, BeforeValidator(_clock), PlainSerializer(lambda clock: f"{clock:%H:%M}", return_type=str)]


class QuietHours(Strict):
    """From one time of day up to another, which may be the next day's."""

    begin: Annotated[Clock, Field(alias="from")]
    end: Annotated[Clock, Field(alias="to")]

    @model_validator(mode="after")
    def _is_a_part(self) -> "QuietHours":
        if self.begin == self.end:
            raise ValueError("they begin and end at the same time: remove quiet_hours, or correct one")
        return self

    @property
    def length(self) -> timedelta:
        """How long they are on a day without a change of the clocks."""
        return timedelta(hours=self.end.hour - self.begin.hour, minutes=self.end.minute - self.begin.minute) % _DAY

    def end_after(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet hours end that `now` (of any zone) is in; None where it is in none."""
        local = now.astimezone(zone)
        clock = local.time()
        if self.begin < self.end:
            is_quiet, is_tomorrow = self.begin <= clock < self.end, False
        else:
            is_quiet, is_tomorrow = clock >= self.begin or clock < self.end, clock >= self.begin
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=is_tomorrow)
        # Where the clocks are set back, the end comes twice.
        ends = (datetime.combine(day, self.end, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        return next((end for end in ends if end > now), None)


_DAY = timedelta(days=1)
