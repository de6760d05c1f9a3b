"""The benchmark of going on: what it takes for arrival, and what for being there."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.continuous import FIRST_DAY, WARM_UP_FILES, Load, commit_times, land, waits, write_files


def commit(log: Path, version: int, files: list[str], at: float) -> None:
    log.mkdir(exist_ok=True)
    lines = [{"commitInfo": {"operation": "WRITE"}}, *({"add": {"path": f"part/{name}"}} for name in files)]
    file = log / f"{version:020d}.json"
    file.write_text("\n".join(map(json.dumps, lines)))
    os.utime(file, (at, at))


def test_a_file_is_there_from_the_commit_on_that_adds_it(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    commit(log, 0, [], 100)
    commit(log, 1, ["a", "b"], 110)
    commit(log, 2, ["c"], 125.5)
    assert commit_times(log) == {"a": 110, "b": 110, "c": 125.5}


def test_waits_are_by_transaction_and_one_that_got_nowhere_has_none() -> None:
    arrived = pd.Series({"x": 10.0, "y": 20.0, "z": 30.0})
    bronze, scores = pd.Series({"y": 21.0, "x": 12.0, "z": 33.0}), pd.Series({"x": 15.0, "y": 29.0, "other": 1.0})
    found = waits(arrived, {"bronze": bronze, "scores": scores})
    np.testing.assert_array_equal(found["landing to bronze"], [2, 1, 3])
    np.testing.assert_array_equal(found["bronze to scores"], [3, 8, np.nan])
    np.testing.assert_array_equal(found["arrival to decision"], [5, 9, np.nan])

    decided_first = waits(arrived, {"scores": scores, "bronze": bronze})
    np.testing.assert_array_equal(decided_first["scores to bronze"], [-3, -8, np.nan])
    np.testing.assert_array_equal(decided_first["arrival to decision"], [5, 9, np.nan])


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    days = pd.date_range(FIRST_DAY, periods=20, freq="12h")
    table = pa.table({"TRANSACTION_ID": range(20), "TX_DATETIME": days, "TX_AMOUNT": [1.5] * 20})
    (tmp_path / "handbook").mkdir()
    pq.write_table(table, tmp_path / "handbook" / "part.parquet")
    return tmp_path / "handbook"


def test_what_lands_follows_the_history_without_a_gap_and_whole(handbook: Path, tmp_path: Path) -> None:
    prepared, landing = tmp_path / "prepared", tmp_path / "landing"
    prepared.mkdir()
    landing.mkdir()
    files = write_files(handbook, prepared, Load(seconds=1, per_second=2, history_days=3, interval_seconds=1))
    arrived = land(files, landing, pause_seconds=0)
    lines = [json.loads(line) for file in sorted(landing.iterdir()) for line in file.read_text().splitlines()]
    assert [line["TRANSACTION_ID"] for line in lines] == list(range(6, 6 + 2 * (WARM_UP_FILES + 1)))
    assert list(arrived) == [file.name for file in files]
    assert sorted(arrived.values()) == list(arrived.values())


def test_data_that_end_too_soon_are_an_error(handbook: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no more than 14 transactions"):
        write_files(handbook, tmp_path, Load(seconds=10, per_second=2, history_days=3, interval_seconds=1))
