"""Texts normalised: what each kind of column (`Column.cleaned_as`) goes through before it is converted."""

from collections.abc import Callable, Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from common.silver.codes import country_code, currency_code

EMAIL_CHARACTERS = 320

# Repetitions of groups are bounded: Java's regular expressions recurse for each, and a hostile name has 100,000.
_TITLES = r"(?i)^((dr|prof|mr|mrs|ms|mx|miss|sir|herr|frau|mme|m)[.]? ){1,8}"
_PARTICLES = "van|von|der|den|de|del|della|di|da|dos|du|la|le|ter|zu|zum|al|bin|ibn|mac|st[.]?"
_FIRST_AND_LAST = rf"(?i)^(.+?) ((?:(?:{_PARTICLES}) ){{0,8}}[^ ]+)$"


# White space of every script, line separators among it; a regular expression's `$` would let those pass at the end.
_WHITE = r"\s\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"


def plain_text(text: Column) -> Column:
    """Trimmed, inner white space collapsed to single spaces; null when nothing is left.

    Characters that can't be seen but are no white space (NUL, zero-width ones, marks of direction) stay.
    """
    # Few texts need the costly replacement. Most are visible ASCII alone, which the quickest search finds.
    untidy = text.rlike(rf"[{_WHITE}&&[^ ]]|  ")
    trimmed = F.trim(F.when(untidy, F.regexp_replace(text, rf"[{_WHITE}]+", " ")).otherwise(text))
    return F.when(text.rlike("[^!-~]"), F.when(trimmed != "", trimmed)).otherwise(F.nullif(text, F.lit("")))


def _name(text: Column) -> Column:
    plain = plain_text(text)
    shouting_or_whispering = (plain == F.upper(plain)) | (plain == F.lower(plain))
    return F.when(shouting_or_whispering, F.initcap(plain)).otherwise(plain)


def _label(text: Column) -> Column:
    return F.regexp_replace(F.lower(plain_text(text)), r"[ -]", "_")


def _email(text: Column) -> Column:
    plain = F.lower(plain_text(text))
    # Longer ones are none (RFC 5321), and matching one of a million characters could take hours.
    return F.when(F.length(plain) <= EMAIL_CHARACTERS, plain)


def _currency(text: Column) -> Column:
    plain = plain_text(text)
    # Upper case would make USD of three letters that are not: U+017F is a long s. And GBp, USd are how markets write
    # pence and cents: taken for pounds, an amount would be a hundred times too large.
    is_code = plain.rlike("^[A-Za-z]{3}$") & ~plain.rlike("^[A-Z]{2}[a-z]$")
    return F.when(is_code, currency_code(plain))


CLEANERS: Mapping[str, Callable[[Column], Column]] = {
    "text": plain_text,
    "id": plain_text,
    "name": _name,
    "email": _email,
    "code": lambda text: F.upper(plain_text(text)),
    "label": _label,
    "country": lambda text: country_code(plain_text(text)),
    "currency": _currency,
}


def last_name(full_name: Column) -> Column:
    """The family name with its particles: `van der Berg` of `Dr. Anna van der Berg` or `van der Berg, Anna`."""
    bare = F.regexp_replace(full_name, _TITLES, "")
    comma = F.trim(F.substring_index(bare, ",", 1))
    split = F.coalesce(F.nullif(F.regexp_extract(bare, _FIRST_AND_LAST, 2), F.lit("")), bare)
    return F.when(F.contains(bare, F.lit(",")), comma).otherwise(split)


def first_name(full_name: Column) -> Column:
    """The given names: `Anna` of `Dr. Anna van der Berg` or `van der Berg, Anna`; null where there is one word."""
    bare = F.regexp_replace(full_name, _TITLES, "")
    comma = F.trim(F.substring_index(bare, ",", -1))
    split = F.nullif(F.regexp_extract(bare, _FIRST_AND_LAST, 1), F.lit(""))
    return F.when(F.contains(bare, F.lit(",")), comma).otherwise(split)
