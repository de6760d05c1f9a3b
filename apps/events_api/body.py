"""A request's body as events: one JSON object, an array of them, or one after the other on lines of their own.

Each event's text stays as it was sent: a JSON number that is read and written again may lose digits.
"""

import json
import zlib
from typing import Any, NamedTuple, NoReturn

from apps.events_api.request import Refused, Request

_BLANK = " \t\r\n"


class Event(NamedTuple):
    """An event: its `event_id`, and its text as it was sent."""

    event_id: str
    text: str


def events_of(request: Request, most_bytes: int) -> list[Event]:
    """The events of a request, in order.

    Raises:
        Refused: 400, the body is no JSON text; 413, it has more than `most_bytes`, packed or unpacked; 422, an event
            is no object, or has no `event_id`.
    """
    values = _values(_text(request, most_bytes))
    return [_event(number, text, value) for number, (text, value) in enumerate(values, start=1)]


def _text(request: Request, most_bytes: int) -> str:
    body, packing = request.body, request.headers.get("content-encoding", "identity").strip().lower()
    if len(body) > most_bytes:
        raise Refused(413, f"the body has {len(body):,} bytes, and at most {most_bytes:,} are taken: send fewer events")
    if packing == "gzip":
        body = _unpacked(body, most_bytes)
    elif packing != "identity":
        raise Refused(400, f"content-encoding {packing!r} is not known: send gzip, or none")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not UTF-8: byte {error.start + 1} is wrong") from None


def _unpacked(body: bytes, most_bytes: int) -> bytes:
    plain = b""
    try:
        while body:  # a gzip file may have several members
            member = zlib.decompressobj(wbits=31)
            plain += member.decompress(body, most_bytes + 1 - len(plain))
            if len(plain) > most_bytes:
                raise Refused(413, f"the body unpacks to more than {most_bytes:,} bytes: send fewer events")
            if not member.eof:
                raise Refused(400, "the body is a gzip file that was cut off")
            body = member.unused_data
    except zlib.error as error:
        raise Refused(400, f"the body is no gzip file: {error}") from None
    return plain


def _values(text: str) -> list[tuple[str, Any]]:
    """Each JSON value's text, and the value."""
    found: list[tuple[str, Any]] = []
    position = _after_blanks(text, 0)
    in_array = text.startswith("[", position)
    if in_array:
        position = _after_blanks(text, position + 1)
    is_closed = in_array and text.startswith("]", position)
    while position < len(text) and not is_closed:
        value, end = _value(text, position, len(found) + 1)
        found.append((text[position:end], value))
        position = _after_blanks(text, end)
        if not in_array:
            if position < len(text) and "\n" not in text[end:position]:
                raise Refused(400, "there is no line feed before the event", len(found) + 1)
        elif text.startswith(",", position):
            position = _after_blanks(text, position + 1)
        elif text.startswith("]", position):
            is_closed = True
        else:
            raise Refused(400, "there is neither a comma nor the array's end after the event", len(found))
    if in_array and not is_closed:
        raise Refused(400, "the array has no end")
    if is_closed and _after_blanks(text, position + 1) != len(text):
        raise Refused(400, "something follows the array")
    if not found:
        raise Refused(400, "the body has no events")
    return found


def _after_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANK:
        position += 1
    return position


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


class _Number(str):
    """A number's text: Python refuses integers of many digits."""


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_no_number)


def _value(text: str, position: int, number: int) -> tuple[Any, int]:
    """The value that begins at a position, and where it ends."""
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise Refused(400, f"it is not JSON: {error.msg} at character {error.pos - position + 1}", number) from None
    except ValueError as error:
        raise Refused(400, f"it is not JSON: {error}", number) from None
    except RecursionError:
        raise Refused(400, "it is nested too deeply", number) from None


def _event(number: int, text: str, value: Any) -> Event:
    if not isinstance(value, dict):
        raise Refused(422, "it is no JSON object", number)
    event_id = value.get("event_id")
    if type(event_id) is not str or not event_id.strip():
        raise Refused(422, "it has no event_id, which must be a text that is not blank", number)
    try:
        event_id.encode()
    except UnicodeEncodeError:
        raise Refused(422, "its event_id holds half of a surrogate pair, which is no character", number) from None
    return Event(event_id, text)
