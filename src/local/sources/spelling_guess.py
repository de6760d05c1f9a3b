"""How the texts of a feed spell numbers and dates, as far as its first records show it."""

import re
from collections.abc import Iterable

from common.silver.date_order import MANY, MONTHS, PARTED_DATE, ambiguous_dates

_COMMA = re.compile(r"[-+]?(\d{1,3}([.' \u00a0\u202f]\d{3})+|\d+),\d{1,2}")
_POINT = re.compile(r"[-+]?(\d{1,3}([,' \u00a0\u202f]\d{3})+|\d+)\.\d{1,2}")
_PARTED = re.compile(r"\d([.,' \u00a0\u202f])\d{3}(?!\d)")
_LIKE = {"\u00a0": " ", "\u202f": " "}


def number_options(texts: Iterable[str]) -> dict[str, str]:
    """`decimal` and `thousands` of the numbers among some texts; nothing where they are as usual.

    A comma before three digits alone (1,234) may be either; it is taken for a sign between thousands.
    """
    numbers = [text.strip() for text in texts]
    commas = [text for text in numbers if _COMMA.fullmatch(text)]
    points = [text for text in numbers if _POINT.fullmatch(text)]
    decimal, found = (",", commas) if len(commas) > len(points) else (".", points)
    signs = [_LIKE.get(sign[1], sign[1]) for text in found for sign in [_PARTED.search(text)] if sign]
    options = {"decimal": decimal} if decimal == "," else {}
    if signs and (sign := max(sorted(set(signs)), key=signs.count)) != decimal:
        options["thousands"] = sign
    return options


def date_order(texts: Iterable[str]) -> tuple[str, str] | None:
    """The `date_order` of dates with slashes or points, and how sure that is; None where there are none.

    Where all can be read both ways, it is the order that silver takes without a declaration.
    """
    listed = list(texts)
    dates = [found for text in listed if (found := PARTED_DATE.match(text))]
    if not dates:
        return None
    if any(int(found[1]) > MONTHS for found in dates):
        return "day_first", "a day above 12 shows it"
    if any(int(found[3]) > MONTHS for found in dates):
        return "month_first", "a day above 12 shows it"
    many = ambiguous_dates(listed) >= MANY
    return "day_first", f"no day above 12 shows it{' in many dates' if many else ''}: please check"
