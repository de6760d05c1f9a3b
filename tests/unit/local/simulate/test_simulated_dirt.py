"""Every line is judged by an independent reading of the contract, and the truth must agree."""

import json
import re
from collections import Counter
from datetime import UTC, datetime

import pycountry
from simulated_files import Made

from common.contracts.silver import CHANNELS
from local.simulate.settings import DIRT_RATES

ID = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"
TIME_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%Y%m%dT%H%M%S",
    "%Y-%m-%dT%H:%M:%S.%f%z",
)
CURRENCIES = {currency.alpha_3 for currency in pycountry.currencies}
COUNTRIES = {
    str(getattr(country, name, "")).upper()
    for country in pycountry.countries
    for name in ("alpha_2", "alpha_3", "name")
}
KINDS = [rate.removesuffix("_rate") for rate in DIRT_RATES]


def time_of(text: str) -> datetime | None:
    if re.fullmatch(r"\d{10}", text):
        return datetime.fromtimestamp(int(text), UTC)
    for format_ in TIME_FORMATS:
        try:
            return datetime.strptime(text, format_).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def is_valid(line: bytes) -> bool:
    try:
        record = json.loads(line, parse_float=str, parse_int=str)
    except ValueError:
        return False
    text = {name: str(value).strip() for name, value in record.items() if value is not None}
    return (
        all(re.fullmatch(ID, text.get(name, "")) for name in ("id", "customer", "terminal", "merchant"))
        and time_of(text["ts"]) is not None
        and text["currency"].upper() in CURRENCIES
        and text["country"].upper() in COUNTRIES
        and re.sub("[ -]", "_", text["channel"].lower()) in CHANNELS
        and 0 <= float(text["amount"]) <= 10_000_000
    )


def test_the_truth_knows_which_transactions_are_to_be_refused(made: Made) -> None:
    for path in made.files("transactions"):
        for number, line in enumerate(made.lines(path), start=1):
            dirt = made.dirt.get((path.name, number))
            assert is_valid(line) == (dirt is None or dirt["outcome"] != "quarantined"), (path.name, number, line, dirt)


def test_every_kind_of_dirt_occurs_at_about_its_rate(made: Made) -> None:
    found = Counter(row["kind"] for row in made.dirt.values() if row["entity"] == "transactions")
    assert set(found) == set(KINDS)
    for kind in KINDS:
        expected = getattr(made.world, f"{kind}_rate") * made.summary.transactions
        # Five standard deviations of a Poisson count; what is sent later may not have arrived yet.
        assert abs(found[kind] - expected) < 5 * expected**0.5 + 2, kind
    assert Counter(row["kind"] for row in made.dirt.values()) == made.summary.dirt


def test_ids_are_unique_but_for_repeats_and_none_is_lost(made: Made) -> None:
    lines = [
        (made.dirt.get((path.name, number)), line)
        for path in made.files("transactions")
        for number, line in enumerate(made.lines(path), start=1)
    ]
    firsts = [
        dirt["key"] if dirt else json.loads(line)["id"]
        for dirt, line in lines
        if not dirt or dirt["outcome"] != "duplicate"
    ]
    assert len(firsts) == len(set(firsts))
    on_the_way = made.summary.transactions - len(firsts)
    assert 0 <= on_the_way < 30
    repeated = {dirt["key"] for dirt, _ in lines if dirt and dirt["outcome"] == "duplicate"}
    assert repeated <= set(firsts)


def dirty_lines(made: Made, *kinds: str) -> list[tuple[str, bytes, str]]:
    """File, line and id of the transactions with these kinds of dirt."""
    files = {path.name: made.lines(path) for path in made.files("transactions")}
    return [
        (file, files[file][number - 1], row["key"])
        for (file, number), row in made.dirt.items()
        if row["entity"] == "transactions" and row["kind"] in kinds
    ]


def test_repeats_say_the_same_as_the_first(made: Made) -> None:
    by_id = {row["id"]: row for row in made.clean_transactions}
    repeats = dirty_lines(made, "duplicate", "resend")
    later = 0
    for file, line, id_ in repeats:
        first = dict(by_id[id_])
        later += first.pop("file") != file
        assert json.loads(line, parse_float=str) == first
    assert 0.3 < later / len(repeats) < 0.7


def test_duplicates_are_the_same_to_the_byte_and_resends_are_not(made: Made) -> None:
    count = Counter(line for path in made.files("transactions") for line in made.lines(path))
    assert all(count[line] == 2 for _, line, _ in dirty_lines(made, "duplicate"))
    assert all(count[line] == 1 and b", " in line for _, line, _ in dirty_lines(made, "resend"))


def test_late_records_come_one_to_five_days_late(made: Made) -> None:
    delays = set()
    for file, line, _ in dirty_lines(made, "late"):
        event = datetime.fromisoformat(json.loads(line)["ts"]).date()
        delays.add((datetime.fromisoformat(file[len("transactions-") :][:10]).date() - event).days)
    assert delays == {1, 2, 3, 4, 5}


def test_records_that_are_not_late_are_in_the_file_of_their_day(made: Made) -> None:
    assert all(row["ts"][:10] in row["file"] for row in made.clean_transactions)


def test_every_date_format_is_met_and_names_the_right_time(made: Made) -> None:
    formats = Counter()
    for file, line, _ in dirty_lines(made, "date_format"):
        text = str(json.loads(line)["ts"])
        time = time_of(text)
        assert time is not None
        assert f"{time:%Y-%m-%d}" in file
        formats[re.sub(r"\d", "9", text)] += 1
    assert set(formats) == {
        "9999-99-99 99:99:99",
        "99/99/9999 99:99:99",
        "99999999T999999",
        "9999999999",
        "9999-99-99T99:99:99.999+99:99",
    }


def test_a_column_appears_half_way(made: Made) -> None:
    day = made.world.new_column_from_day
    for row in made.clean_transactions:
        assert ("device_id" in row) == (f"{made.world.day(day)}" <= row["ts"][:10])


def test_some_files_are_gzipped(made: Made) -> None:
    magic = Counter(path.read_bytes()[:2] == b"\x1f\x8b" for path in made.files("transactions"))
    assert magic == {True: 23, False: 22}
    assert all((path.suffix == ".gz") == (path.read_bytes()[:2] == b"\x1f\x8b") for path in made.files("transactions"))
