"""Reference data in every order of arrival: the same history, equal to a plain-Python oracle.

Many small worlds go through files, bronze and silver together, each with keys of its own. Each world is sent in several
orders, cut into three deliveries at random, with some records sent twice.
"""

import json
import random
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from common.bronze.ingest import ingest
from common.checks.conservation import check_conservation
from common.contracts.silver import ACCOUNT
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.lake import Lake
from lake_tables import require

pytestmark = pytest.mark.spark
WORLDS = 80
DELIVERIES = 3
ORDERS = 3
BANK = Source.model_validate(
    {
        "name": "bank",
        "description": "Accounts of a small bank.",
        "feeds": {
            "accounts": {
                "reader": "files",
                "format": "json_lines",
                "path": "{landing}/accounts",
                "into": {
                    "accounts": {
                        "map": {
                            "account_id": "id",
                            "customer_id": "customer",
                            "currency": "'EUR'",
                            "credit_limit": "limit",
                            "changed_at": "changed",
                            "is_deleted": "op = 'D'",
                        }
                    }
                },
            }
        },
    }
)


@dataclass(frozen=True, order=True)
class Change:
    """One change of an account: on a day, to a limit, or its deletion (no limit, as a marker holds the key alone)."""

    day: int
    limit: int | None

    @property
    def is_deleted(self) -> bool:
        return self.limit is None

    def record(self, account: str) -> str:
        deletion = {"id": account, "op": "D"}
        update = {"id": account, "op": "U", "customer": "C1", "limit": self.limit}
        return json.dumps((deletion if self.is_deleted else update) | {"changed": f"2025-01-{self.day:02d}"})


Version = tuple[int, int | None, int | None, bool]


def oracle(changes: set[Change], hash_of: dict[int | None, str]) -> list[Version]:
    """(day from, day to, limit, is deleted) of each version, by reading the changes one after the other."""
    found: list[Change] = []
    for change in sorted(changes, key=lambda c: (c.day, hash_of[c.limit])):
        if not found or found[-1].limit != change.limit:
            found.append(change)
    ends = [following.day for _, following in pairwise(found)]
    return [(v.day, end, v.limit, v.is_deleted) for v, end in zip(found, [*ends, None], strict=True)]


def a_world(number: int) -> set[Change]:
    """Few days and values: ties in time, returns to an earlier value, repeats and deletions are all common."""
    chance = random.Random(number)
    limits = (None, 1, 2, 3)
    return {Change(chance.randint(1, 5), chance.choice(limits)) for _ in range(chance.randint(1, 8))}


def deliveries(world: set[Change], order: int) -> list[list[Change]]:
    """The world's changes in an order of its own, in three deliveries, about a third of them sent twice."""
    chance = random.Random(f"{sorted(map(str, world))}{order}")
    sent = [*world, *(change for change in world if chance.random() < 0.3)]
    chance.shuffle(sent)
    parts: list[list[Change]] = [[] for _ in range(DELIVERIES)]
    for change in sent:
        parts[chance.randrange(DELIVERIES)].append(change)
    return parts


def test_history_does_not_depend_on_the_order_of_arrival(lake: Lake, landing: Path) -> None:
    folder = landing / "accounts"
    folder.mkdir(exist_ok=True)
    sent = {
        f"A{number}-{order}": (a_world(number), deliveries(a_world(number), order))
        for number in range(WORLDS)
        for order in range(ORDERS)
    }
    for delivery in range(DELIVERIES):
        lines = [change.record(account) for account, (_, parts) in sent.items() for change in parts[delivery]]
        (folder / f"{delivery}.jsonl").write_text("\n".join(lines))
        ingest(lake, BANK)
        refine(lake, BANK, "accounts")

    changes = lake.table(ACCOUNT.changes).select("credit_limit", "content_hash").distinct().collect()
    hash_of = {None if row[0] is None else int(row[0]): row[1] for row in changes}
    expected = {account: oracle(world, hash_of) for account, (world, _) in sent.items()}
    assert histories(lake) == expected
    require(check_conservation(lake))


def histories(lake: Lake) -> dict[str, list[Version]]:
    rows = (
        lake.table(ACCOUNT.history)
        .where("account_id LIKE 'A%'")
        .selectExpr(
            "account_id",
            "day(valid_from) first",
            "day(valid_to) last",
            "int(credit_limit) credit_limit",
            "is_deleted",
            "is_current = (valid_to IS NULL) AS consistent",
        )
        .orderBy("account_id", "valid_from", "content_hash")
        .collect()
    )
    assert all(row["consistent"] for row in rows)
    found: dict[str, list[Version]] = {}
    for row in rows:
        version = (row["first"], row["last"], row["credit_limit"], row["is_deleted"])
        found.setdefault(row["account_id"], []).append(version)
    return found


def test_an_unchanged_resend_makes_no_version_and_no_table_version(lake: Lake, landing: Path) -> None:
    folder = landing / "accounts"
    folder.mkdir(exist_ok=True)
    line = Change(1, 2).record("RESENT")
    (folder / "resend-1.jsonl").write_text(line)
    ingest(lake, BANK)
    refine(lake, BANK, "accounts")
    before = lake.version(ACCOUNT.history)

    (folder / "resend-2.jsonl").write_text(line)
    ingest(lake, BANK)
    outcome = refine(lake, BANK, "accounts")

    assert (outcome.rows_out, outcome.duplicates) == (0, 1)
    assert lake.version(ACCOUNT.history) == before
