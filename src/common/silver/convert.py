"""Texts converted to the contract's types; what can't be converted becomes null and never raises."""

import re

from pyspark.sql import Column
from pyspark.sql import functions as F

from common.sources.value_format import USUAL, UTC, ValueFormat

_DATE = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?"
_ISO = rf"^{_DATE}([T ]{_CLOCK}( ?(Z|UTC|[+-]\d{{2}}(:?\d{{2}})?))?)?$"
_USUAL = rf"^{_DATE}[T ]\d{{2}}:\d{{2}}:\d{{2}}([.]\d{{1,9}})?Z?$"
_BASIC = r"^\d{8}T\d{6}Z?$"
_WITHOUT_OFFSET = rf"^({_DATE}([T ]{_CLOCK})?|\d{{8}}T\d{{6}})$"
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")

# Spark's own casts end the batch on 1e2147483647, calculate for a minute with a million digits, and take `1.5d`, a
# NUL at the end and the digits of every script.
_NUMBER = rf"^{USUAL.number}$"
_NOT_ZERO = "^[^eE]*[1-9]"


def converted(text: Column, type_: str, values: ValueFormat = USUAL) -> Column:
    """The text as the contract's type, or null. `values` says how the text spells numbers and times.

    Raises:
        ValueError: the contract declares a type that nothing here converts to.
    """
    if type_ == "string":
        return text
    if type_ == "timestamp":
        return timestamp(text, values)
    if type_ == "date":
        return _date(text, values)
    if type_ == "boolean":
        lower = F.lower(text)
        return F.when(lower.isin(*_TRUE), True).when(lower.isin(*_FALSE), False)
    text = _plain_number(text, values)
    if type_ in ("double", "bigint"):
        number = F.when(text.rlike(_NUMBER), text.try_cast(type_))
        return F.when(F.abs(number) < float("inf"), number)
    if re.fullmatch(r"decimal\(\d+,\d+\)", type_):
        return _exact_decimal(text, type_)
    raise ValueError(f"no conversion from text to {type_}")


def _plain_number(text: Column, values: ValueFormat) -> Column:
    """The number as SQL writes it; null for what is no number as the feed writes them."""
    if values.has_usual_numbers:
        return text
    return F.when(text.rlike(f"^{values.number}$"), F.translate(text, values.signs, "."))


def _exact_decimal(text: Column, type_: str) -> Column:
    # A plain cast would round 0.005 away without a word; ten decimals take in what binary floats add to two. What is
    # not zero never becomes zero.
    wide = F.when(text.rlike(_NUMBER), text.try_cast("decimal(38,10)"))
    narrow = wide.try_cast(type_)
    plain = text.rlike(r"^-?[0-9]{1,12}([.][0-9]{1,2})?$")
    exact = (wide == narrow) & ((narrow != 0) | ~text.rlike(_NOT_ZERO))
    return F.when(plain, text.try_cast(type_)).when(exact, narrow)


def timestamp(text: Column, values: ValueFormat = USUAL) -> Column:
    """A point in time, by the feed's time zone where the text names no offset.

    Read are ISO 8601 (with a blank for T, with fractions, zone or neither, or a date alone), the basic form
    20250131T235959, 31/01/2025 or 31.01.2025 with a time or without (by the feed's order of day and month), and times
    since 1970: seconds of 10 digits, milliseconds of 13, microseconds of 16, nanoseconds of 19, or any number of the
    unit that the feed declares. Times are kept to the microsecond: what a source adds beyond is cut off. A leap second
    (23:59:60) is no time here.

    Of an hour that a change of the clocks repeats, it is the first; one that is left out is as much later.
    """
    iso = F.regexp_replace(F.regexp_replace(text, ",", "."), r"([+-]\d{2})(\d{2})$", "$1:$2")
    # Dates alone keep their last two groups: the zone rule above looks for a time before it.
    iso = F.when(text.rlike(rf"^{_DATE}$"), text).otherwise(iso)
    basic = F.regexp_replace(text, r"^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z?$", "$1-$2-$3 $4:$5:$6")
    parted = text.rlike(rf"^{_parted_date(values)}( \d{{1,2}}:\d{{2}}(:\d{{2}})?)?$")
    clock = (
        F.when(text.rlike(_USUAL), text.try_cast("timestamp"))
        .when(text.rlike(_ISO), iso.try_cast("timestamp"))
        .when(text.rlike(_BASIC), basic.try_cast("timestamp"))
        .when(parted, _year_first(text, values).try_cast("timestamp"))
    )
    if values.timezone != UTC:
        clock = F.when(parted | text.rlike(_WITHOUT_OFFSET), F.to_utc_timestamp(clock, values.timezone)).otherwise(
            clock
        )
    return F.coalesce(clock, _since_1970(text, values))


def _parted_date(values: ValueFormat) -> str:
    """A date with slashes or points, as a pattern. Single digits are read only where the feed declares their order."""
    digits = r"\d{2}" if values.date_order is None else r"\d{1,2}"
    return rf"{digits}([/.]){digits}\1\d{{4}}"


def _year_first(text: Column, values: ValueFormat) -> Column:
    """A date with slashes or points, and the time behind it, as ISO 8601 has them: 2025-01-31 09:30."""
    order = "$4-$1-$3" if values.date_order == "month_first" else "$4-$3-$1"
    turned = F.regexp_replace(text, r"^(\d{1,2})([/.])(\d{1,2})\2(\d{4})", order)
    return F.regexp_replace(turned, r"(?<=[- ])(\d)(?=[-: ]|$)", "0$1")


_EPOCHS = {
    "seconds": ("1000000", 11),
    "milliseconds": ("1000", 14),
    "microseconds": ("1", 17),
    "nanoseconds": ("0.001", 19),
}
"""Of each unit the microseconds, and how many digits a time before the year 5000 has."""


def _since_1970(text: Column, values: ValueFormat) -> Column:
    if values.epoch is None:
        return (
            F.when(text.rlike(r"^\d{10}$"), F.timestamp_seconds(text.try_cast("bigint")))
            .when(text.rlike(r"^\d{13}$"), F.timestamp_millis(text.try_cast("bigint")))
            .when(text.rlike(r"^\d{16}$"), F.timestamp_micros(text.try_cast("bigint")))
            .when(text.rlike(r"^\d{19}$"), F.timestamp_micros(F.substring(text, 1, 16).try_cast("bigint")))
        )
    plain = _plain_number(text, values)
    unit, digits = _EPOCHS[values.epoch]
    is_time = plain.rlike(rf"^-?\d{{1,{digits}}}([.]\d{{0,9}})?$")
    micros = F.floor(F.when(is_time, plain.try_cast("decimal(28,9)")) * F.lit(unit).cast("decimal(10,3)"))
    return F.timestamp_micros(micros.try_cast("bigint"))


def _date(text: Column, values: ValueFormat) -> Column:
    """The date as it is written, whatever the feed's time zone; of a time with an offset, the date in UTC."""
    basic = F.regexp_replace(text, r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3")
    return (
        F.when(text.rlike(rf"^{_DATE}$"), text.try_cast("date"))
        .when(text.rlike(r"^\d{8}$"), basic.try_cast("date"))
        .when(text.rlike(rf"^{_parted_date(values)}$"), _year_first(text, values).try_cast("date"))
        .when(text.rlike(_ISO), timestamp(text).try_cast("date"))
    )
