"""The simulated world, once for each reader. The worlds differ in one letter of their ids, so that they don't meet."""

import json
import re
from pathlib import Path

from ways import Payloads

from common.settings import repository, settings_from
from common.sources.declaration import load_source
from common.sources.files.parsing import parse_file
from common.sources.records import fields_of, record_decoder
from local.simulate import World, simulate

SIMULATED = load_source(repository() / "sources", "simulated")
OFTEN = {
    "missing_id_rate": 0.02,
    "invalid_id_rate": 0.02,
    "bad_date_rate": 0.02,
    "unknown_currency_rate": 0.02,
    "negative_amount_rate": 0.02,
    "stray_text_rate": 0.02,
    "date_format_rate": 0.02,
    "country_name_rate": 0.02,
    "unknown_field_rate": 0.02,
    "reference_dirt_rate": 0.05,
    "customer_move_rate": 0.1,
    "account_balance_rate": 0.1,
    "merchant_risk_rate": 0.1,
    "terminal_move_rate": 0.1,
    "stolen_card_share": 0.3,
}
SMALL = World(customers=20, merchants=20, terminals=20, days=5, **OFTEN)
"""Few records, and every second one is odd in some way."""

AS_IT_HAPPENED = "as_it_happened"
READERS = ("files", "http", "kafka", "kinesis", "postgres_cdc", "postgres_tables", "sftp")
LETTERS = dict(zip((AS_IT_HAPPENED, *READERS), "BDEFGHJK", strict=True))
"""The letter of each world, which stands after the first letter of its ids."""
_ID = re.compile(r"(?<![A-Za-z0-9])([ACMPTacmpt])(?=[0-9]{6})")
_ID_OF_A_WORLD = re.compile(rf"(?<![A-Za-z0-9])([ACMPTacmpt])([{''.join(LETTERS.values())}])(?=[0-9]{{6}})")
_WORLDS = {letter: name for name, letter in LETTERS.items()}


def simulated(landing: Path) -> list[str]:
    """The simulated world's records as JSON text, dirt included, in the order of their days.

    The field `feed` says where a record belongs. Of those that tell one transaction in two ways, the first is there.
    """
    simulate(landing, SMALL)
    at = settings_from(landing=str(landing))
    found: list[str] = []
    for name, feed in SIMULATED.feeds.items():
        assert feed.reader == "files"
        for path in sorted(Path(feed.place(SIMULATED.at(name, at))).glob("*")):
            for _, texts, errors in parse_file(path.read_bytes(), feed.layout):
                payloads = [t for t, error in zip(texts.to_pylist(), errors.to_pylist(), strict=True) if not error]
                found += [f'{{"feed": "{name}", {payload.lstrip()[1:]}' for payload in payloads]
    return _consistent(found)


def _consistent(payloads: Payloads) -> list[str]:
    contents: dict[str, str] = {}
    kept = []
    for payload in payloads:
        try:
            fields = fields_of(payload, record_decoder())
        except ValueError:
            continue  # only a file can hold it: each reader has tests of what it refuses
        content = json.dumps(fields, sort_keys=True)
        if fields["feed"] != "transactions" or contents.setdefault(str(fields.get("id")), content) == content:
            kept.append(payload)
    return kept


def of_world(name: str, payloads: Payloads) -> list[str]:
    """The records with the ids of a world."""
    return [_ID.sub(rf"\g<1>{LETTERS[name]}", payload) for payload in payloads]


def in_two_runs(name: str, payloads: Payloads) -> tuple[list[str], list[str]]:
    """What is sent before each run."""
    earlier, later = [], []
    for feed in SIMULATED.feeds:
        of_feed = [payload for payload in payloads if f'"feed": "{feed}"' in payload]
        earlier += of_feed[: len(of_feed) // 2]
        later += of_feed[len(of_feed) // 2 :]
    if name == AS_IT_HAPPENED:
        return earlier, later
    return later[::-1], [*earlier, *reversed(earlier + later)]


def world_of(text: str) -> tuple[str, str]:
    """Which world a text with ids is of, and the text without the world's letter.

    Raises:
        ValueError: it has ids of no world, or of two.
    """
    (letter,) = {letter for _, letter in _ID_OF_A_WORLD.findall(text)}
    return _WORLDS[letter], _ID_OF_A_WORLD.sub(r"\g<1>", text)
