"""A feed as its files show it, written as the lines of a declaration."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from common.sources.name_hints import quoted
from common.storage.masking import masked_text
from local.sources.field_guess import BY_NAME, Match, TargetGuess, Values, fraud_flag
from local.sources.format_guess import FormatGuess
from local.sources.spelling_guess import date_order, number_options
from local.sources.yaml_text import field_expression, option_text, plain_comment, shown_name, sql_name

_PLACE = "sha2(source_ref(), 256)"
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")


@dataclass(frozen=True)
class Feed:
    """A feed as it was guessed, or (`problem`) why nothing could be."""

    name: str
    path: str
    format: FormatGuess | None = None
    values: Values = field(default_factory=dict)
    guess: TargetGuess | None = None
    problem: str = ""


def declared(feed: Feed) -> Iterator[str]:
    """The lines of a feed whose target was guessed."""
    assert feed.format
    assert feed.guess
    values, columns = feed.values, feed.guess.columns
    yield f"  {feed.name}:"
    yield "    reader: files"
    yield f"    format: {feed.format.layout.format}"
    for option, value in feed.format.options.items():
        yield f"    {option}: {option_text(value)}"
    for note in feed.format.notes:
        yield f"    # Please check: {plain_comment(note)}."
    yield f"    path: {quoted(feed.path)}"
    yield from _spelt(values, columns)
    yield "    into:"
    taken = [match.field for match in columns.values()]
    flag = fraud_flag(values, taken) if feed.guess.target == "transactions" else None
    yield f"      {feed.guess.target}:"
    yield "        map:"
    yield from _map(feed.guess, values)
    if flag:
        yield from _reports(flag, columns, values)
        taken.append(flag.field)
    if rest := [name for name in values if name not in taken]:
        yield "    # Fields that nothing is made of:"
        for name in rest:
            example = values[name][0] if values[name] else ""
            yield f"    #   {shown_name(name)}{f', such as {quoted(masked_text(example[:40]))}' if example else ''}"


def _spelt(values: Values, columns: Mapping[str, Match]) -> Iterator[str]:
    for option, value in number_options(_of(values, columns, ("amount", "credit_limit", "balance"))).items():
        yield f"    {option}: {json.dumps(value)}"
    order = date_order(_of(values, columns, ("event_time", "reported_at", "changed_at", "birth_date")))
    if order:
        yield f"    date_order: {order[0]}  # {order[1]}"
    negative = sum(text.strip().startswith("-") for text in _of(values, columns, ("amount",)))
    if negative:
        yield f"    # {negative} of the first amounts are below zero; where these are refunds, declare"
        yield "    # negative_amounts: refunds"
    times = _of(values, columns, ("event_time",))
    if times and not any(re.search(r"Z$|[+-]\d\d:?\d\d$|^\d{10,}$", text.strip()) for text in times):
        yield "    # Times name no offset and are taken for UTC; else declare such as"
        yield "    # timezone: Europe/Berlin"


def _of(values: Values, columns: Mapping[str, Match], names: Sequence[str]) -> list[str]:
    return [value for name in names if name in columns for value in values[columns[name].field]]


def _map(guess: TargetGuess, values: Values) -> Iterator[str]:
    columns = guess.columns
    if guess.target == "transactions" and not _is_key(columns.get("transaction_id"), values):
        yield f"          transaction_id: {_PLACE}  # no field is an id: the record's place in its file"
    for column, match in columns.items():
        if column == "transaction_id" and guess.target == "transactions" and not _is_key(match, values):
            continue
        note = "" if match.how == BY_NAME else f"  # guessed {match.how}"
        yield f"          {column}: {field_expression(match.field)}{note}"
    if guess.target == "transactions" and "currency" not in columns:
        yield "          # Without a currency there is no amount in euro; where all have one, write it such as"
        yield "          # currency: \"'EUR'\""
    if guess.target not in ("transactions", "fraud_reports") and "changed_at" not in columns:
        yield "          changed_at: \"'2000-01-01'\"  # no field says when a record changed: please check"


def _is_key(match: Match | None, values: Values) -> bool:
    """Whether a field may be an id: it has a value in every record, each once (but for a few that are sent again)."""
    if match is None:
        return False
    found = values[match.field]
    most = max(map(len, values.values()))
    return len(found) >= 0.9 * most and len(set(found)) >= 0.9 * len(found)


def _reports(flag: Match, columns: Mapping[str, Match], values: Values) -> Iterator[str]:
    key = columns.get("transaction_id")
    id_ = field_expression(key.field) if key and _is_key(key, values) else _PLACE
    time = columns["event_time"].field
    found = values[time]
    is_iso = bool(found) and all(_ISO.fullmatch(text.strip()) for text in found)
    mark = "" if is_iso else "# "
    guessed = "" if flag.how == BY_NAME else f" The field was guessed {flag.how}."
    yield f"      # The payment itself says that it was fraud: reported 7 days later, as labels come.{guessed}"
    if not is_iso:
        yield "      # The times aren't ISO 8601: read them by try_to_timestamp with a format, and remove the # below."
    truth = "('1', 'y', 'yes', 't', 'true')"
    yield f"      {mark}fraud_reports:"
    yield f"      {mark}  where: {quoted(f'lower({sql_name(flag.field)}) IN {truth}')}"
    yield f"      {mark}  map:"
    yield f"      {mark}    transaction_id: {id_}"
    yield f"      {mark}    is_fraud: \"'true'\""
    yield f"      {mark}    reported_at: {quoted(f'try_to_timestamp({sql_name(time)}) + INTERVAL 7 DAYS')}"
