"""What is done to records and to bytes. Every mutation takes a Random, so that a seed repeats it."""

import json
from random import Random

from fuzz_records import Record

DEEP = ['{"k":' * n + "1" + "}" * n for n in (150, 250, 985, 1000)] + ["[" * 100_000 + "]" * 100_000]
NUMBERS = [
    *("0", "-0", "-0.0", "1e3", "1E+2", "1e400", "1e-400", "1e2147483647", "1e-2147483648", "-1", "NaN", "Infinity"),
    *("-Infinity", "12.505", "0.1", "9" * 40, "9" * 5000, "0." + "0" * 30 + "1", "1738367999", "10000000.01", "007"),
    *(
        '"T\\ud800"',
        '"\\udc00\\ud83d"',
        '"T\\u0000"',
        '"\\ud83d\\ude00"',
        "0.30000000000000004",
        "1e-11",
        "12.500",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        '["T1"]',
        '{"id": 1}',
    ),
]
TEXTS = [
    *("", " ", "\t", "null", "NaN", "inf", "-0", "1,234.50", "1.234,50", "12,50", "1 000", "1_000", "0x1F", "12.5d"),
    *(
        "１２",
        "+5",
        ".5",
        "5.",
        "1e2147483647",
        "1e-2147483648",
        "٣",
        "12\0",
        "\0",
        "a\0b",
        "😀",
        "T\u200b1",
        "\ufeffT1",
    ),
    *("T1\u2028", "\u202eT1", "T1\n", "T\r\n1", "T1\u0085", "ſ", "u\u017fd", "İ", "ß", "é", "\u0301", "\uffff", "\x7f"),
    *(
        "' OR 1=1 --",
        '"',
        '""',
        "\\",
        "\\u0041",
        "${x}",
        "`id`",
        "<b>",
        "a" * 64,
        "a" * 65,
        "a" * 50_000,
        "dr " * 20_000,
    ),
    *("Anna " + "van " * 20_000 + "B", "a@" + "." * 5_000 + " x", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    *("0000-00-00", "2025-02-31", "2025-06-30T23:59:60Z", "2025-03-30T02:30:00", "2025-01-01T00:00:00+19:00"),
    *(
        "2025-01-01T00:00:00-0330",
        "294247-01-10T04:00:00",
        "-0001-01-01",
        "10000-01-01",
        "1e9",
        "2025-W01-1",
        "20250101",
    ),
    *("31/01/2025 10:00", "2025-01-01T10:00:00.123456789Z", "9999999999999", "99999999999999", "1" * 1000, "-" * 300),
]
BYTES = [
    *(
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\r",
    ),
    *(
        b"\\u0000",
        b"\\ud800",
        b"\\udc00",
        b"\\ud83d\\ude00",
        b"\\x",
        b"\xe2\x80\xa8",
        b"\xf0\x9f\x98\x80",
        b"\t",
        b"\x1a",
    ),
]

KINDS_OF_VALUES = ("none", "value", "type", "missing", "extra", "doubled_key", "renamed", "nested", "not_an_object")


def mutate_record(record: Record, kind: str, random: Random) -> Record | str:
    """The record with one mutation of that kind; a string where it is no record any more, but JSON text."""
    changed = list(record)
    at = random.randrange(len(changed))
    name, token = changed[at]
    match kind:
        case "none":
            return changed
        case "value":
            changed[at] = (name, json.dumps(random.choice(TEXTS), ensure_ascii=random.random() < 0.5))
        case "type":
            changed[at] = (name, random.choice(DEEP if random.random() < 0.02 else NUMBERS))
        case "missing":
            del changed[at]
        case "extra":
            changed.insert(
                at, (random.choice(["new", "", "Id", "a.b", "`", "\u202e", "x" * 500]), random.choice(NUMBERS))
            )
        case "doubled_key":
            changed.insert(random.randrange(len(changed) + 1), (name, random.choice([token, *NUMBERS])))
        case "renamed":
            changed[at] = (random.choice([name.upper(), f" {name}", f"{name}\u200b", f"{name}\0"]), token)
        case "nested":
            changed[at] = (name, object_text([changed[at], random.choice(record)]))
        case "not_an_object":
            text = object_text(changed)
            return random.choice([f"[{text}]", f'{{"data": {text}}}', json.dumps(text), "12", "null", '"text"', "{}"])
    return changed


def object_text(record: Record) -> str:
    """The record as JSON text."""
    return "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {token}" for name, token in record) + "}"


KINDS_OF_BYTES = ("flipped", "cut", "removed", "doubled", "inserted", "zeroed", "random", "swapped")


def mutate_bytes(content: bytes, kind: str, random: Random) -> bytes:  # noqa: PLR0911 - one line a kind
    """The bytes with some damage of that kind."""
    if not content:
        return bytes(random.randrange(256) for _ in range(random.randrange(9)))
    at = random.randrange(len(content))
    to = min(len(content), at + random.randint(1, max(1, len(content) // 4)))
    match kind:
        case "flipped":
            damaged = bytearray(content)
            for _ in range(random.randint(1, 4)):
                damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
            return bytes(damaged)
        case "cut":
            return content[:at]
        case "removed":
            return content[:at] + content[to:]
        case "doubled":
            return content[:to] + content[at:]
        case "inserted":
            return content[:at] + random.choice(BYTES) * random.choice([1, 1, 1, 50]) + content[at:]
        case "zeroed":
            return content[:at] + bytes(to - at) + content[to:]
        case "random":
            return content[:at] + random.randbytes(to - at) + content[to:]
        case _:
            middle = random.randint(at, to)
            return content[:at] + content[middle:to] + content[at:middle] + content[to:]
