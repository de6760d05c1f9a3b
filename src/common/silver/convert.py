"""Texts converted to the contract's types; what can't be converted becomes null and never raises."""

import re

from pyspark.sql import Column
from pyspark.sql import functions as F

from common.sources.never_failing import NUMBER

_DATE = r"\d{4}-\d{2}-\d{2}"
_ISO = rf"^{_DATE}([T ]\d{{2}}:\d{{2}}(:\d{{2}}([.,]\d{{1,9}})?)?( ?(Z|UTC|[+-]\d{{2}}(:?\d{{2}})?))?)?$"
_USUAL = rf"^{_DATE}[T ]\d{{2}}:\d{{2}}:\d{{2}}([.]\d{{1,9}})?Z?$"
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")

# Spark's own casts end the batch on 1e2147483647, calculate for a minute with a million digits, and take `1.5d`, a
# NUL at the end and the digits of every script.
_NUMBER = rf"^{NUMBER}$"
_NOT_ZERO = "^[^eE]*[1-9]"


def converted(text: Column, type_: str) -> Column:
    """The text as the contract's type, or null.

    Raises:
        ValueError: the contract declares a type that nothing here converts to.
    """
    if type_ == "string":
        return text
    if type_ == "timestamp":
        return timestamp(text)
    if type_ == "date":
        return _date(text)
    if type_ == "boolean":
        lower = F.lower(text)
        return F.when(lower.isin(*_TRUE), True).when(lower.isin(*_FALSE), False)
    if type_ in ("double", "bigint"):
        number = F.when(text.rlike(_NUMBER), text.try_cast(type_))
        return F.when(F.abs(number) < float("inf"), number)
    if re.fullmatch(r"decimal\(\d+,\d+\)", type_):
        return _exact_decimal(text, type_)
    raise ValueError(f"no conversion from text to {type_}")


def _exact_decimal(text: Column, type_: str) -> Column:
    # A plain cast would round 0.005 away without a word; ten decimals take in what binary floats add to two. What is
    # not zero never becomes zero.
    wide = F.when(text.rlike(_NUMBER), text.try_cast("decimal(38,10)"))
    narrow = wide.try_cast(type_)
    plain = text.rlike(r"^-?[0-9]{1,12}([.][0-9]{1,2})?$")
    exact = (wide == narrow) & ((narrow != 0) | ~text.rlike(_NOT_ZERO))
    return F.when(plain, text.try_cast(type_)).when(exact, narrow)


def timestamp(text: Column) -> Column:
    """A point in time, UTC where the text names no zone.

    Read are ISO 8601 (with a blank for T, with fractions, zone or neither, or a date alone), the basic form
    20250131T235959, 31/01/2025 or 31.01.2025 with a time (day first), and seconds or milliseconds since 1970.
    Times are kept to the microsecond: what a source adds beyond is cut off. A leap second (23:59:60) is no time here.
    """
    iso = F.regexp_replace(F.regexp_replace(text, ",", "."), r"([+-]\d{2})(\d{2})$", "$1:$2")
    # Dates alone keep their last two groups: the zone rule above looks for a time before it.
    iso = F.when(text.rlike(rf"^{_DATE}$"), text).otherwise(iso)
    basic = F.regexp_replace(text, r"^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z?$", "$1-$2-$3 $4:$5:$6")
    day_first = F.regexp_replace(text, r"^(\d{2})[/.](\d{2})[/.](\d{4}) (\d{2}:\d{2}(:\d{2})?)$", "$3-$2-$1 $4")
    return (
        F.when(text.rlike(_USUAL), text.try_cast("timestamp"))
        .when(text.rlike(_ISO), iso.try_cast("timestamp"))
        .when(text.rlike(r"^\d{8}T\d{6}Z?$"), basic.try_cast("timestamp"))
        .when(text.rlike(r"^\d{2}([/.])\d{2}\1\d{4} \d{2}:\d{2}(:\d{2})?$"), day_first.try_cast("timestamp"))
        .when(text.rlike(r"^\d{10}$"), F.timestamp_seconds(text.try_cast("bigint")))
        .when(text.rlike(r"^\d{13}$"), F.timestamp_millis(text.try_cast("bigint")))
    )


def _date(text: Column) -> Column:
    basic = F.regexp_replace(text, r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3")
    day_first = F.regexp_replace(text, r"^(\d{2})[/.](\d{2})[/.](\d{4})$", "$3-$2-$1")
    return (
        F.when(text.rlike(rf"^{_DATE}$"), text.try_cast("date"))
        .when(text.rlike(r"^\d{8}$"), basic.try_cast("date"))
        .when(text.rlike(r"^\d{2}([/.])\d{2}\1\d{4}$"), day_first.try_cast("date"))
        .when(text.rlike(_ISO), timestamp(text).try_cast("date"))
    )
