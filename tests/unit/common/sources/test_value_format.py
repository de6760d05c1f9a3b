import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.sources.value_format import USUAL, ValueFormat

FORMATS = [
    ValueFormat(decimal=decimal, thousands=thousands)
    for decimal in (".", ",")
    for thousands in (None, ".", ",", "'", " ")
    if decimal != thousands
]
AMOUNTS = st.decimals(-(10**12), 10**12, places=2, allow_nan=False, allow_infinity=False)


def plain(text: str, values: ValueFormat) -> str | None:
    """The number as SQL writes it: what Spark's `rlike` and `translate` do with the same patterns."""
    if not re.fullmatch(values.number, text):
        return None
    return text.translate({ord(sign): "." if at == 0 else None for at, sign in enumerate(values.signs)})


@given(AMOUNTS, st.sampled_from(FORMATS), st.booleans())
def test_an_amount_as_the_feed_writes_it_is_read_exactly(
    amount: Decimal, values: ValueFormat, with_thousands: bool
) -> None:
    parted = with_thousands and values.thousands is not None
    text = f"{amount:,.2f}" if parted else f"{amount:.2f}"
    text = text.translate({ord(","): values.thousands or "", ord("."): values.decimal})

    found = plain(text, values)

    assert found is not None
    assert Decimal(found) == amount


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("12.50", ValueFormat(decimal=",")),
        ("1.23", ValueFormat(decimal=",", thousands=".")),
        ("1.2345,00", ValueFormat(decimal=",", thousands=".")),
        ("1234.567,00", ValueFormat(decimal=",", thousands=".")),
        (".234,00", ValueFormat(decimal=",", thousands=".")),
        ("1.234,5,0", ValueFormat(decimal=",", thousands=".")),
        ("1,234.50", USUAL),
        ("1 234", USUAL),
        ("12,50", USUAL),
        ("", ValueFormat(thousands=" ")),
    ],
)
def test_a_number_in_another_spelling_is_none(text: str, values: ValueFormat) -> None:
    assert plain(text, values) is None


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u202f", "\u2009"])
def test_blanks_that_do_not_break_part_thousands_too(blank: str) -> None:
    assert plain(f"1{blank}234,50", ValueFormat(decimal=",", thousands=" ")) == "1234.50"


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"decimal": ",", "thousands": ","}, "the two must differ"),
        ({"timezone": "Berlin"}, "did you mean Europe/Berlin?"),
        ({"timezone": "CEST"}, "write its region and city, such as Europe/Berlin, or UTC"),
        ({"date_order": "MDY"}, "'day_first' or 'month_first'"),
        ({"epoch": "s"}, "'seconds', 'milliseconds', 'microseconds' or 'nanoseconds'"),
        ({"decimal": ";"}, "'.' or ','"),
    ],
)
def test_what_is_no_option_is_refused_with_those_there_are(options: dict[str, str], rule: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(rule)):
        ValueFormat.model_validate(options)
