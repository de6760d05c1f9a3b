"""Bundles that are broken are refused before anything is deployed, by `make bundle` or by the CLI itself."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from deployment import Deployer, copy_of_checkout, uploaded

from local.jobs.bundle_check import problems


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_of_checkout(tmp_path / "checkout")


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_bundle_as_it_is_has_no_problem(checkout: Path) -> None:
    assert problems(checkout) == []


def test_a_notebook_that_is_missing(checkout: Path) -> None:
    (checkout / "notebooks" / "gold" / "marts.ipynb").unlink()

    [problem] = problems(checkout)
    assert "notebooks/gold/marts.ipynb: no such notebook" in problem


def test_a_notebook_that_is_missing_is_refused_by_the_cli_too(broken: Deployer) -> None:
    (broken.checkout / "notebooks" / "gold" / "marts.ipynb").unlink()

    outcome = broken.bundle("deploy")
    assert outcome.status != 0
    assert "marts" in outcome.text
    assert not broken.workspace.jobs


def test_a_task_that_depends_on_nothing(checkout: Path) -> None:
    replace(checkout / "jobs" / "lakehouse.yml", "[{task_key: train_fraud_model}]", "[{task_key: train_model}]")

    [problem] = problems(checkout)
    assert "tasks.promote_fraud_model.depends_on: no task 'train_model'; did you mean train_fraud_model" in problem


def test_a_parameter_that_no_notebook_takes(checkout: Path) -> None:
    replace(checkout / "jobs" / "retrain.yml", "{name: train_days,", "{name: training_days,")

    [problem] = problems(checkout)
    assert "no notebook of job retrain declares 'training_days'" in problem


CONTINUOUS = "          timeout_seconds: 3600\n"


@pytest.mark.parametrize(
    ("more", "part"),
    [
        (f"{CONTINUOUS}          max_retries: 1\n", "tasks.score_stream: max_retries"),
        (
            (
                f"{CONTINUOUS}        - task_key: alerts\n          depends_on: [{{task_key: score_stream}}]\n"
                "          notebook_task: {notebook_path: ../notebooks/ml/score_transactions.ipynb}\n"
            ),
            "tasks.alerts: depends_on",
        ),
    ],
)
def test_a_continuous_job_has_one_task_without_retries(broken: Deployer, more: str, part: str) -> None:
    replace(broken.checkout / "jobs" / "score_stream.yml", CONTINUOUS, more)

    [problem] = problems(broken.checkout)
    assert f"jobs/score_stream.yml: {part}: a continuous job has none" in problem
    outcome = broken.bundle("deploy")
    assert outcome.status != 0
    assert "not supported in a continuous job" in outcome.text


def test_a_volume_that_nobody_may_use(checkout: Path) -> None:
    replace(checkout / "bundles" / "resources" / "volumes.yml", "      grants: ${var.landing_grants}\n", "")

    [problem] = problems(checkout)
    assert "resources.volumes.landing: nobody is granted anything" in problem


def test_a_notebook_that_git_ignores(checkout: Path) -> None:
    (checkout / ".gitignore").write_text("marts.ipynb\n", encoding="utf-8")

    [problem] = problems(checkout)
    assert "tasks.marts" in problem
    assert "would not be uploaded: it is ignored by git" in problem


def test_a_notebook_that_git_ignores_is_not_uploaded_even_if_git_tracks_it(broken: Deployer) -> None:
    subprocess.run(["git", "add", "--all"], cwd=broken.checkout, check=True)
    (broken.checkout / ".gitignore").write_text("marts.ipynb\n", encoding="utf-8")
    broken.bundle("deploy")

    assert "notebooks/gold/star_schema" in uploaded(broken.workspace)
    assert "notebooks/gold/marts" not in uploaded(broken.workspace)
    assert len(problems(broken.checkout)) == 1


def test_a_notebook_in_a_checkout_without_git(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")
    assert problems(checkout) == []


def test_a_notebook_outside_of_what_is_uploaded(checkout: Path) -> None:
    (checkout / "docs" / "marts.ipynb").write_bytes((checkout / "notebooks" / "gold" / "marts.ipynb").read_bytes())
    replace(checkout / "jobs" / "lakehouse.yml", "../notebooks/gold/marts.ipynb", "../docs/marts.ipynb")

    [problem] = problems(checkout)
    assert "outside of the folders that sync.paths" in problem


def test_outputs_would_be_uploaded_so_notebooks_hold_none(checkout: Path) -> None:
    for notebook in (checkout / "notebooks").rglob("*.ipynb"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        assert not [cell for cell in cells if cell.get("outputs")], notebook.name
