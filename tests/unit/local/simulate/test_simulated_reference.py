import csv
import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from simulated_files import Made, small_world

from common.silver.codes import country_codes, currency_codes
from local.simulate import simulate
from local.simulate.places import distance_km

KEYS = {"customers": "customer_id", "accounts": "account_id", "merchants": "id", "terminals": "terminal"}
LIVELY = small_world(
    customers=300,
    days=30,
    new_column_from_day=12,
    customer_move_rate=0.01,
    customer_email_rate=0.01,
    merchant_risk_rate=0.02,
    merchant_watchlist_rate=0.05,
    terminal_move_rate=0.02,
    account_limit_rate=0.01,
    reference_resend_rate=0.02,
    reference_dirt_rate=0.1,
)


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A world in which much changes."""
    landing = tmp_path_factory.mktemp("lively")
    return Made(landing, LIVELY, simulate(landing, LIVELY))


def records(made: Made, entity: str) -> list[tuple[Path, int, dict[str, Any]]]:
    """The records of an entity with file and number, in order of arrival."""
    return [(path, n, row) for path in made.files(entity) for n, row in enumerate(made.rows(path), start=1)]


def clean(made: Made, entity: str) -> list[tuple[Path, dict[str, Any]]]:
    return [(path, row) for path, n, row in records(made, entity) if (path.name, n) not in made.dirt]


def changed_at(row: dict[str, Any]) -> datetime:
    value = row["changed_at"]
    time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return time.replace(tzinfo=UTC)


@pytest.mark.parametrize("entity", KEYS)
def test_the_first_file_holds_everybody_and_older_changes(lively: Made, entity: str) -> None:
    rows = lively.rows(lively.file(entity, 0))
    start = datetime.fromisoformat(f"{lively.world.day(0)}T00:00Z")
    assert len(rows) >= getattr(lively.world, entity, lively.world.customers)
    assert all(changed_at(row) <= start for row in rows)


@pytest.mark.parametrize("entity", KEYS)
def test_later_files_hold_changes_of_their_day_only(lively: Made, entity: str) -> None:
    corrections = {
        row["key"] for row in lively.dirt.values() if row["entity"] == entity and row["outcome"] == "quarantined"
    }
    for path, row in clean(lively, entity):
        day = path.name[len(entity) + 1 :][:10]
        if day > lively.world.start_day and row[KEYS[entity]] not in corrections:
            assert f"{changed_at(row):%Y-%m-%d}" == day


@pytest.mark.parametrize("entity", KEYS)
def test_one_moment_has_one_version(lively: Made, entity: str) -> None:
    versions = defaultdict(set)
    added = {"loyalty_tier", "contact"}
    for path, n, row in records(lively, entity):
        dirt = lively.dirt.get((path.name, n))
        if dirt is None or dirt["kind"] == "resend":
            content = {name: value for name, value in row.items() if name not in added}
            versions[row[KEYS[entity]], changed_at(row)].add(json.dumps(content, default=str))
    assert all(len(each) == 1 for each in versions.values())


@pytest.mark.parametrize("entity", KEYS)
def test_resends_repeat_what_is_known(lively: Made, entity: str) -> None:
    known = set()
    resends = 0
    for path, n, row in records(lively, entity):
        dirt = lively.dirt.get((path.name, n))
        version = (dirt["key"] if dirt else row[KEYS[entity]], changed_at(row))
        if dirt and dirt["kind"] == "resend":
            assert version in known
            resends += 1
        elif not dirt or dirt["outcome"] == "accepted":
            assert version not in known
            known.add(version)
    assert resends > 0


@pytest.mark.parametrize("entity", KEYS)
def test_a_quarantined_record_is_sent_right_later(lively: Made, entity: str) -> None:
    last_days = {f"{lively.world.day(lively.world.days - n)}" for n in (1, 2, 3)}
    quarantined = {
        row["key"]
        for row in lively.dirt.values()
        if row["entity"] == entity
        and row["outcome"] == "quarantined"
        and row["file"][len(entity) + 1 :][:10] not in last_days
    }
    accepted = {row[KEYS[entity]] for _, row in clean(lively, entity)}
    accepted |= {r["key"] for r in lively.dirt.values() if r["entity"] == entity and r["outcome"] == "accepted"}
    assert quarantined
    assert quarantined <= accepted


@pytest.mark.parametrize(
    ("entity", "field"),
    [
        ("customers", "email"),
        ("customers", "street"),
        ("accounts", "balance"),
        ("accounts", "credit_limit"),
        ("merchants", "risk"),
        ("merchants", "watchlist"),
        ("terminals", "lat"),
    ],
)
def test_what_can_change_does(lively: Made, entity: str, field: str) -> None:
    values = defaultdict(set)
    for _, row in clean(lively, entity):
        values[row[KEYS[entity]]].add(row[field])
    assert any(len(each) > 1 for each in values.values())


def test_codes_and_numbers_are_real(lively: Made) -> None:
    for entity in ("customers", "merchants", "terminals"):
        assert {row["country"] for _, row in clean(lively, entity)} <= set(country_codes())
    assert {row["currency"] for _, row in clean(lively, "accounts")} <= set(currency_codes())
    assert all(
        isinstance(row["credit_limit"], Decimal) and row["credit_limit"] > 0 for _, row in clean(lively, "accounts")
    )


def test_customers_have_quoted_fields_and_a_new_column_in_the_middle(lively: Made) -> None:
    before, after = (lively.file("customers", day) for day in (0, lively.world.new_column_from_day))
    old, new = (path.read_text(encoding="utf-8").splitlines()[0].split(",") for path in (before, after))
    at = new.index("loyalty_tier")
    assert [*new[:at], *new[at + 1 :]] == old
    assert 0 < at < len(old)
    assert any("\n" in row["street"] for row in lively.rows(before))
    assert any("," in row["name"] for row in lively.rows(before))


def test_terminals_are_separated_by_semicolons(lively: Made) -> None:
    with lively.file("terminals", 0).open(newline="") as file:
        assert {len(row) for row in csv.reader(file, delimiter=";")} == {8}


def test_account_times_are_in_nanoseconds(lively: Made) -> None:
    assert pq.read_schema(lively.file("accounts", 0)).field("changed_at").type == pa.timestamp("ns")


def test_people_use_terminals_near_them(made: Made) -> None:
    places = {row["terminal"]: (float(row["lat"]), float(row["lon"])) for _, row in clean(made, "terminals")}
    used = defaultdict(list)
    for row in made.clean_transactions:
        if row["channel"] != "online" and row["terminal"] in places:
            used[row["customer"]].append(places[row["terminal"]])
    far = total = 0
    for each in used.values():
        latitude, longitude = (np.array(values) for values in zip(*each, strict=True))
        distance = distance_km(latitude, longitude, np.median(latitude), np.median(longitude))
        far += int((distance > 60).sum())
        total += len(distance)
    assert far / total < 0.1


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((52.52, 13.405), (48.8566, 2.3522), 878),
        ((51.5074, -0.1278), (40.7128, -74.006), 5570),
        ((10, 20), (10, 20), 0),
    ],
)
def test_distances_are_those_of_the_globe(one: tuple[float, float], other: tuple[float, float], km: float) -> None:
    assert float(distance_km(*map(np.asarray, (*one, *other)))) == pytest.approx(km, rel=0.005, abs=1e-9)
