"""The difficulties of the synthetic world all together: declared, on by default, and off as if there were none."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from eventful_worlds import HARD, NONE
from simulated_files import landed_files, small_world, truth

from local.simulate import World, existing_world, simulate
from local.simulate.settings import DIFFICULTIES


def test_without_difficulties_the_files_are_those_of_before_there_were_any(tmp_path: Path) -> None:
    world = World(
        seed=11,
        customers=200,
        merchants=40,
        terminals=80,
        days=60,
        gzip_every_days=0,
        compromised_terminal_share=0.1,
        stolen_card_share=0.05,
        withdrawn_report_rate=0.01,
        difficulty=0.0,
    )
    simulate(tmp_path, world)
    digest = hashlib.sha256()
    for path in sorted((tmp_path / "simulated").glob("*/*.jsonl")):
        digest.update(path.read_bytes())
    # By the code before the first difficulty; numpy doesn't promise the same numbers for ever, should it change alone.
    assert digest.hexdigest() == "a9ab472f52acabd948c06604853575ba9bc38c49b08b6976ec67956b96b7a782"


def test_difficulty_zero_is_all_of_them_zero_and_one_is_as_declared(tmp_path: Path) -> None:
    worlds = {
        "zero": small_world(difficulty=0.0, days=20, **HARD),
        "none": small_world(days=20, **NONE),
        "half": small_world(difficulty=0.5, days=20, **HARD),
        "halves": small_world(days=20, **{name: value / 2 for name, value in HARD.items()}),
        "whole": small_world(days=20, **HARD),
    }
    files = {}
    for name, world in worlds.items():
        simulate(tmp_path / name, replace(world, stolen_card_share=0.3, high_risk_country_rate=0.1))
        files[name] = landed_files(tmp_path / name)
    assert files["zero"] == files["none"]
    assert files["half"] == files["halves"]
    assert files["none"] != files["half"] != files["whole"]


def test_a_world_from_before_there_were_difficulties_goes_on_without_them(tmp_path: Path) -> None:
    simulate(tmp_path, small_world(difficulty=0.0))
    state = tmp_path / "simulated" / ".world" / "world.json"
    kept = json.loads(state.read_text())
    for name in ("difficulty", "drift_days", *DIFFICULTIES):
        del kept["world"][name]
    state.write_text(json.dumps(kept))
    there = existing_world(tmp_path)
    assert there is not None
    assert there[0].difficulty == 0
    assert simulate(tmp_path, there[0], days=1).days == 1


def test_the_default_world_has_every_difficulty(tmp_path: Path) -> None:
    summary = simulate(tmp_path, replace(World(), days=40))
    assert {"mimicry", "ordinary_shop"} < set(summary.frauds)
    assert set(summary.labels) == {"unreported", "friendly_fraud", "withdrawn"}
    assert summary.labels == Counter(row["kind"] for row in truth(tmp_path, "labels"))
    assert summary.frauds["mimicry"] < 0.25 * summary.frauds.total()
    assert summary.labels["friendly_fraud"] < 0.2 * summary.frauds.total()
