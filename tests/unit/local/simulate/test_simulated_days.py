from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from simulated_files import landed_files, small_world, truth

from local.simulate import World, WorldSettingsError, existing_world, simulate


def test_the_same_settings_make_the_same_files(tmp_path: Path) -> None:
    simulate(tmp_path / "one", small_world())
    simulate(tmp_path / "two", small_world())
    assert landed_files(tmp_path / "one") == landed_files(tmp_path / "two")


def test_another_seed_makes_another_world(tmp_path: Path) -> None:
    simulate(tmp_path / "one", small_world())
    simulate(tmp_path / "two", small_world(seed=7))
    one, two = landed_files(tmp_path / "one"), landed_files(tmp_path / "two")
    assert all(one[name] != two[name] for name in one.keys() & two.keys() if "transactions" in name)


@pytest.mark.parametrize("parts", [(49, 1), (1, 1, 48), (20, 20, 10)])
def test_days_added_later_are_the_same_as_all_at_once(tmp_path: Path, parts: tuple[int, ...]) -> None:
    # High rates, so that in 50 days everything that reaches from one day into others happens many times.
    eventful: dict[str, Any] = {
        "late_rate": 0.1,
        "duplicate_rate": 0.1,
        "stolen_card_share": 0.1,
        "customer_move_rate": 0.02,
        "terminal_move_rate": 0.02,
        "merchant_watchlist_rate": 0.05,
        "reference_dirt_rate": 0.2,
        "withdrawn_report_rate": 0.01,
        "drift": 0.8,
        "drift_days": 30,
        "compromised_terminal_share": 0.2,
        "mimicry_share": 0.5,
        "friendly_fraud_rate": 0.05,
        "unreported_share": 0.5,
    }
    world = small_world(days=50, new_column_from_day=30, **eventful)
    simulate(tmp_path / "once", world)
    for days in parts:
        simulate(tmp_path / "parts", world, days=days)
    once, in_parts = landed_files(tmp_path / "once"), landed_files(tmp_path / "parts")
    assert once.keys() == in_parts.keys()
    assert [name for name in once if once[name] != in_parts[name]] == []
    for what in ("fraud", "labels", "dirt"):
        assert truth(tmp_path / "once", what) == truth(tmp_path / "parts", what)


def test_without_a_number_of_days_the_world_is_completed_once(tmp_path: Path) -> None:
    world = small_world(days=5)
    simulate(tmp_path, world, days=2)
    assert simulate(tmp_path, world).days == 3
    assert simulate(tmp_path, world).days == 0
    assert existing_world(tmp_path) == (world, 5)


def test_a_run_cut_short_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = small_world(days=5)
    simulate(tmp_path / "whole", world)
    simulate(tmp_path / "cut", world, days=2)
    before = landed_files(tmp_path / "cut")

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("local.simulate.simulation._Simulation._write_reports", cut)
        with pytest.raises(KeyboardInterrupt):
            simulate(tmp_path / "cut", world)
    assert len(landed_files(tmp_path / "cut")) > len(before)
    simulate(tmp_path / "cut", world)
    assert landed_files(tmp_path / "cut") == landed_files(tmp_path / "whole")


def test_other_settings_are_refused_with_the_difference_and_the_way_out(tmp_path: Path) -> None:
    simulate(tmp_path, small_world(), days=1)
    with pytest.raises(WorldSettingsError) as refused:
        simulate(tmp_path, small_world(customers=61, late_rate=0.2), days=1)
    message = str(refused.value)
    assert "customers=61 (there: 60)" in message
    assert "late_rate=0.2 (there: 0.003)" in message
    assert "remove" in message
    assert "seed" not in message


def test_the_number_of_days_is_not_a_difference(tmp_path: Path) -> None:
    simulate(tmp_path, small_world(days=1))
    assert simulate(tmp_path, small_world(days=3)).days == 2


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    simulate(tmp_path, small_world(), days=1)
    state = tmp_path / "simulated" / ".world" / "world.json"
    state.write_text("{")
    with pytest.raises(WorldSettingsError, match=r"world\.json can't be read"):
        simulate(tmp_path, small_world(), days=1)


@pytest.mark.parametrize("days", [0, -3])
def test_less_than_one_day_is_refused(tmp_path: Path, days: int) -> None:
    with pytest.raises(WorldSettingsError, match=f"days={days}: must be 1 or more"):
        simulate(tmp_path, small_world(), days=days)


def test_the_future_is_refused(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    world = small_world(start_day=(today - timedelta(days=1)).isoformat())
    assert simulate(tmp_path, world, days=1).days == 1
    with pytest.raises(WorldSettingsError, match="in the future"):
        simulate(tmp_path, world, days=5)


@pytest.mark.parametrize(
    "settings",
    [
        {"customers": 20, "days": 3},
        {"customers": 1, "merchants": 20, "terminals": 20, "days": 2},
        {"customers": 5, "transactions_per_customer_day": 0.0, "days": 2},
    ],
)
def test_small_worlds_work(tmp_path: Path, settings: dict[str, Any]) -> None:
    summary = simulate(tmp_path, replace(World(), **settings))
    assert summary.days == settings["days"]
    assert summary.records["customers"] >= settings["customers"]


def test_files_being_written_are_never_left_behind(tmp_path: Path) -> None:
    simulate(tmp_path, small_world())
    assert [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")] == []
