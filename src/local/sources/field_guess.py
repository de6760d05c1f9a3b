"""Which field fills which column, and which target records are for: guessed by names, and by what the values look like.

Nothing is read by a guess: it ends in a declaration that a person reads.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from common.contracts.silver import REFERENCES
from common.silver.codes import currency_codes
from common.sources.value_format import ValueFormat
from local.sources.field_words import WORDS

Values = Mapping[str, Sequence[str]]
"""By field, its values that are not empty, in the order of the records."""

_TIME = re.compile(
    r"\s*(\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?|\d{8}T\d{6}Z?|\d{1,2}([/.])\d{1,2}\3\d{4}( .*)?"
    r"|\d{10}|\d{13}|\d{16}|\d{19})\s*"
)
_WITH_CLOCK = re.compile(r"\d:\d\d|T\d{6}|^\s*(\d{10}|\d{13}|\d{16}|\d{19})\s*$")
_ID = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9_.:-]{0,63}|[+-][0-9]{1,63})\s*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_FLAG = re.compile(r"(?i)true|false|t|f|yes|no|y|n|1|0")
_ENOUGH = 0.9
"""The share of a field's values that must look like a column's: the rest may be dirt."""
BY_NAME, BY_PART_OF_NAME, BY_VALUES = "", "by a part of its name", "by its values"


@dataclass(frozen=True)
class Match:
    """A field that fills a column, and how that was guessed: empty where its name is the usual one."""

    field: str
    how: str


@dataclass(frozen=True)
class TargetGuess:
    """A target that records may be for, with the field of each column; `points` is how likely that is."""

    target: str
    columns: Mapping[str, Match] = field(default_factory=dict)
    points: int = 0


def plain(name: str) -> str:
    """A name without case, accents and signs: `Transaktions-Nr.` is `transaktionsnr`."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


def guess_target(values: Values, spelling: ValueFormat) -> TargetGuess | None:
    """The target that the fields fit best; None where none has its essential columns.

    Records with an amount and a time are transactions. Of equal ones it is the first of fraud reports, customers,
    accounts, merchants and terminals.
    """
    guesses = [guess for target in WORDS if (guess := _guess(target, values, spelling)) is not None]
    # Payments often name their customers, too: an amount and a time decide.
    if guesses and guesses[0].target == "transactions" and _is_named(guesses[0]):
        return guesses[0]
    return max(guesses, key=lambda guess: guess.points, default=None)


def _is_named(guess: TargetGuess) -> bool:
    return all(guess.columns[column].how != BY_VALUES for column in ("amount", "event_time"))


_NEEDED = {
    "transactions": ("event_time", "amount"),
    "fraud_reports": ("transaction_id", "is_fraud", "reported_at"),
    "customers": ("customer_id",),
    "accounts": ("account_id",),
    "merchants": ("merchant_id",),
    "terminals": ("terminal_id",),
}
_TELLING = {
    "transactions": ("amount", "event_time"),
    "fraud_reports": ("is_fraud",),
    "customers": ("full_name", "first_name", "last_name", "email", "birth_date", "phone"),
    "accounts": ("credit_limit", "balance"),
    "merchants": ("category_code", "risk_rating", "is_watchlisted", "name"),
    "terminals": ("latitude", "longitude"),
}
"""Columns that others don't have: without one of them, records are not for the target."""


def _guess(target: str, values: Values, spelling: ValueFormat) -> TargetGuess | None:
    columns = _columns(target, values, spelling)
    telling = [column for column in _TELLING[target] if column in columns]
    if not telling or any(column not in columns for column in _NEEDED[target]):
        return None
    if target in REFERENCES and columns[_NEEDED[target][0]].how != BY_NAME:
        return None
    sure = sum(2 if match.how == BY_NAME else 1 for match in columns.values())
    return TargetGuess(target, columns, sure + 3 * len(telling))


def _columns(target: str, values: Values, spelling: ValueFormat) -> dict[str, Match]:
    """The likeliest field of each column; a field fills one column."""
    ranked = sorted(
        (rank, how, column, name)
        for column, words in WORDS[target].items()
        for name, found in values.items()
        if fits(column, found, spelling)
        for rank, how in [_by_name(name, words) or _by_values(column, found, target)]
        if rank is not None
    )
    columns: dict[str, Match] = {}
    taken: set[str] = set()
    for _, how, column, name in ranked:
        if column not in columns and name not in taken:
            columns[column] = Match(name, how)
            taken.add(name)
    return {column: columns[column] for column in WORDS[target] if column in columns}


def _by_name(name: str, words: Sequence[str]) -> tuple[int | None, str] | None:
    simple = plain(name)
    if simple in words:
        return words.index(simple), BY_NAME
    # A short word is a part of many others: `id` of `paid`, `name` of `merchant name`.
    part = next((number for number, word in enumerate(words) if len(word) > 4 and word in simple), None)
    return None if part is None else (100 + part, BY_PART_OF_NAME)


def _by_values(column: str, values: Sequence[str], target: str) -> tuple[int | None, str]:
    likely = {
        "event_time": target == "transactions" and _share(values, _WITH_CLOCK.search) >= _ENOUGH,
        "amount": _share(values, re.compile(r"\d[.,]\d\d\s*$").search) >= _ENOUGH,
        "currency": len(values) > 1,
        "email": len(values) > 0,
    }
    return (200 if likely.get(column) else None), BY_VALUES


def fits(column: str, values: Sequence[str], spelling: ValueFormat) -> bool:
    """Whether most values may be those of a contract's column; a field without values may be anything."""
    return not values or _share(values, _tests(spelling).get(column, lambda _: True)) >= _ENOUGH


def _tests(spelling: ValueFormat) -> dict[str, Callable[[str], object]]:
    number = re.compile(rf"\s*{spelling.number}\s*").fullmatch
    currencies = set(currency_codes())
    ids = dict.fromkeys(("transaction_id", "customer_id", "account_id", "merchant_id", "terminal_id"), _ID.fullmatch)
    return {
        **ids,
        "event_time": _TIME.fullmatch,
        "reported_at": _TIME.fullmatch,
        "changed_at": _TIME.fullmatch,
        "birth_date": _TIME.fullmatch,
        **dict.fromkeys(("amount", "credit_limit", "balance", "latitude", "longitude"), number),
        "currency": lambda text: text.strip().upper() in currencies,
        "country": re.compile(r"[^\d]{2,60}").fullmatch,
        "channel": lambda text: re.sub("[ -]", "_", text.strip().lower()) in ("card_present", "online", "atm"),
        "category_code": re.compile(r"\s*\d{4}\s*").fullmatch,
        "risk_rating": lambda text: text.strip().lower() in ("low", "medium", "high"),
        "email": _EMAIL.fullmatch,
        **dict.fromkeys(("is_fraud", "is_watchlisted"), _FLAG.fullmatch),
    }


def _share(values: Sequence[str], is_one: Callable[[str], object]) -> float:
    return sum(bool(is_one(value)) for value in values) / len(values) if values else 0.0


def fraud_flag(values: Values, taken: Sequence[str]) -> Match | None:
    """The field of a payment that marks it as fraud; with yes and no in it, or with one of the two."""
    words = WORDS["fraud_reports"]["is_fraud"]
    free = {name: found for name, found in values.items() if name not in taken and found}
    ranked = sorted(
        (rank, how, name)
        for name, found in free.items()
        if fits("is_fraud", found, ValueFormat())
        for rank, how in [_by_name(name, words) or (None, "")]
        if rank is not None
    )
    return Match(ranked[0][2], ranked[0][1]) if ranked else None
