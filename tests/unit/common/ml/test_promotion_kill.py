"""Training and promotion, killed at every step that the registry takes: the champion is the old one or the new one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BEFORE_THE_ALIAS = (
    "after log_model",
    "after create_model_version",
    "after set_registered_model_alias challenger",
    "after set_model_version_tag gate",
    "before set_registered_model_alias champion",
)
AFTER_THE_ALIAS = (
    "after set_registered_model_alias champion",
    "after delete_registered_model_alias",
    "after set_model_version_tag decision",
)


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """For each point: the signal, the registry after the kill, and after the same steps were run again."""
    script = Path(__file__).with_name("registry_killer.py")
    folder = tmp_path_factory.mktemp("registries")
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(
        [sys.executable, str(script), str(folder), *BEFORE_THE_ALIAS, *AFTER_THE_ALIAS],
        # More than one thread would be lost in the forks.
        env=environment | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"point"')]
    return {line["point"]: line for line in lines}


@pytest.mark.parametrize("point", [*BEFORE_THE_ALIAS, *AFTER_THE_ALIAS])
def test_a_kill_leaves_the_old_champion_or_the_whole_new_one(registries: dict[str, dict[str, Any]], point: str) -> None:
    found = registries[point]

    assert found["signal"] == signal.SIGKILL
    champion = found["killed"]["champion"]
    assert champion["which"] == ("old" if point in BEFORE_THE_ALIAS else "new")
    assert 0 < champion["score"] < 1


@pytest.mark.parametrize("point", [*BEFORE_THE_ALIAS, *AFTER_THE_ALIAS])
def test_run_again_one_new_champion_is_decided_on(registries: dict[str, dict[str, Any]], point: str) -> None:
    again = registries[point]["again"]

    assert again["champion"] == again["newest"]
    assert (again["champion"]["which"], again["champion"]["decision"]) == ("new", "promoted")
    assert again["candidates"] == 1
    assert again["challenger"] is None
    assert (again["champion"]["gate"], again["champion"]["previous_champion"]) == ("passed", "1")
