"""Deployed jobs: as the API has them, and the same graphs and parameters as on a laptop."""

import json
from typing import Any

import pytest
from deployment import Deployer, parameters_of, settings_of

from common.parameters import PARAMETERS
from common.settings import repository
from local.jobs.bundle import load_bundle
from local.jobs.job import Job, load_job
from local.jobs.notebook import declared_parameters

JOBS = sorted(load_bundle(repository()).jobs)
ADDED_BY_THE_CLI = {"deployment", "edit_mode", "format"}


def of_laptop(key: str) -> Job:
    return load_job(load_bundle(repository()), key)


@pytest.mark.parametrize("key", JOBS)
def test_the_api_knows_every_key_and_type(deployed: Deployer, key: str) -> None:
    databricks_jobs = pytest.importorskip("databricks.bundles.jobs", reason="databricks-bundles is not installed")
    settings = {k: v for k, v in settings_of(deployed.workspace)[key].items() if k not in ADDED_BY_THE_CLI}

    job = databricks_jobs.Job.from_dict(settings)
    assert [task.task_key for task in job.tasks] == [task["task_key"] for task in settings["tasks"]]


@pytest.mark.parametrize("key", JOBS)
def test_the_graph_is_that_of_the_laptop(deployed: Deployer, key: str) -> None:
    def graph(tasks: Any) -> dict[str, tuple[str, set[str], int, int, dict[str, str]]]:
        return {
            task["task_key"]: (
                task["notebook_task"]["notebook_path"].split("/files/")[1],
                {one["task_key"] for one in task.get("depends_on", [])},
                task.get("max_retries", 0),
                task["timeout_seconds"],
                task["notebook_task"].get("base_parameters", {}),
            )
            for task in tasks
        }

    here = {
        task.key: (
            task.notebook.relative_to(repository()).with_suffix("").as_posix(),
            set(task.depends_on),
            task.max_retries,
            task.timeout_seconds,
            dict(task.base_parameters),
        )
        for task in of_laptop(key).tasks
    }
    assert graph(settings_of(deployed.workspace)[key]["tasks"]) == here


@pytest.mark.parametrize("key", JOBS)
def test_parameters_are_those_of_the_laptop_and_of_the_notebooks(deployed: Deployer, key: str) -> None:
    job = of_laptop(key)
    given = parameters_of(settings_of(deployed.workspace)[key])

    assert set(given) == set(job.parameters)
    taken = {name for task in job.tasks for name in declared_parameters(task.notebook)}
    base = {name for task in job.tasks for name in task.base_parameters}
    # How a stream goes on is not for a job: on serverless, a stream ends when nothing is new.
    assert taken - base - {"trigger", "interval_seconds"} == set(given)
    for name, value in given.items():
        PARAMETERS[name].typed(value)


def test_every_parameter_is_explained_in_the_docs() -> None:
    text = (repository() / "docs" / "databricks.md").read_text(encoding="utf-8")
    for key in JOBS:
        for name in of_laptop(key).parameters:
            assert f"`{name}`" in text, f"{key}: {name}"


@pytest.mark.parametrize("key", JOBS)
def test_every_job_waits_its_turn_tells_of_failures_and_ends_in_time(deployed: Deployer, key: str) -> None:
    settings = settings_of(deployed.workspace)[key]

    assert settings["max_concurrent_runs"] == 1
    [rule] = settings["health"]["rules"]
    assert rule["metric"] == "RUN_DURATION_SECONDS"
    # People hear of a long run before it is ended.
    assert rule["value"] < sum(task["timeout_seconds"] for task in settings["tasks"])
    assert settings["tags"].keys() >= {"project", "purpose", "deployment"}
    assert all(task["timeout_seconds"] > 0 for task in settings["tasks"])


def set_in_dev(deployer: Deployer, line: str) -> None:
    """Adds a variable's value to the target dev."""
    file = deployer.checkout / "bundles" / "databricks.yml"
    last = "      runner: ${workspace.current_user.userName}\n"
    content = file.read_text(encoding="utf-8")
    assert last in content
    file.write_text(content.replace(last, f"{last}      {line}\n", 1), encoding="utf-8")


def test_who_hears_of_failures(broken: Deployer) -> None:
    set_in_dev(broken, "notify: [fraud-team@example.com]")

    broken.deploy()
    for settings in settings_of(broken.workspace).values():
        assert settings["email_notifications"]["on_failure"] == ["fraud-team@example.com"]


def test_serverless_unless_a_target_says_otherwise(deployed: Deployer, broken: Deployer) -> None:
    of_clusters = {"libraries", "environment_key", "job_cluster_key"}
    for settings in settings_of(deployed.workspace).values():
        assert "job_clusters" not in settings
        # Notebook tasks on serverless take none of them: their libraries are in the notebook's own environment.
        assert not [task for task in settings["tasks"] if of_clusters & set(task)]

    set_in_dev(broken, "compute: ${var.job_clusters}")
    broken.deploy()
    for settings in settings_of(broken.workspace).values():
        [cluster] = settings["job_clusters"]
        assert cluster["new_cluster"]["spark_version"] == "18.x-scala2.13"  # 18 LTS; 18.0.x is another, and ended
        for task in settings["tasks"]:
            assert task["job_cluster_key"] == cluster["job_cluster_key"]
            files = [library["requirements"].partition("/files/")[2] for library in task["libraries"]]
            assert files == ["notebooks/requirements.txt", "notebooks/requirements-readers.txt"]


def test_the_main_job_waits_for_files_where_it_reads_them(deployed: Deployer, broken: Deployer) -> None:
    broken.variables["landing"] = "/Volumes/of/somebody/else"
    broken.deploy()

    for deployer, folder in (
        (deployed, "/Volumes/workspace/dev_alice_ops/landing"),
        (broken, "/Volumes/of/somebody/else"),
    ):
        settings = settings_of(deployer.workspace)["lakehouse"]
        assert settings["trigger"]["file_arrival"]["url"] == f"{folder}/"
        assert parameters_of(settings)["landing"] == folder


def test_the_volume_is_there_before_the_job_that_waits_for_its_files(deployer: Deployer) -> None:
    made = [(call.path.rsplit("/", 1)[1], call.body) for call in deployer.deploy().calls if call.method == "POST"]
    volume = next(n for n, (what, body) in enumerate(made) if what == "volumes" and b'"landing"' in body)
    job = next(n for n, (what, body) in enumerate(made) if what == "create" and b"file_arrival" in body)
    assert volume < job


def test_a_laptop_has_no_deployment_in_its_parameters() -> None:
    given = json.dumps({key: dict(of_laptop(key).parameters) for key in JOBS})
    assert "dev_" not in given
    assert "/Users/" not in given
