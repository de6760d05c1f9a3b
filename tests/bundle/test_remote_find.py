"""Which job is started, and the message where there is none."""

from typing import Any

import pytest
from remote_world import ROOT, World

NOT_DEPLOYED = (
    "job trial isn't deployed to target dev of {host}: no bundle in {root} made a job whose name ends with 'trial'"
)


def test_it_is_the_one_of_the_targets_deployment(world: World) -> None:
    others = ROOT.replace("alice", "bob")
    world.deploy("[dev bob] trial", others)
    world.deploy("trial", ROOT.replace("dev", "prod"))
    world.deploy("[dev alice] trial", None)
    job_id = world.deploy()
    world.deploy("[dev alice] another")
    assert world.lakehouse("--target", "dev").code == 0
    assert world.started() == [{"job_id": job_id}]


@pytest.mark.parametrize(
    "deployed",
    [
        ("[dev alice] trial", None),  # a person made it
        ("[dev alice] trial", ROOT, "SYSTEM_MANAGED"),
        ("[dev alice] trial two", ROOT),
        ("[dev alice] trial", f"{ROOT}elopment"),
        ("[dev alice] trial", "/Workspace/Shared/.bundle/other/dev"),
    ],
)
def test_another_job_is_not_taken_for_it(world: World, deployed: tuple[str, ...]) -> None:
    world.deploy(*deployed)
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    expected = NOT_DEPLOYED.format(host=world.host, root="/Workspace/Users/alice@example.com/.bundle/trial/dev")
    assert answer.error == f"error {expected}. Deploy it: `databricks bundle deploy -t dev`"
    assert world.started() == []


def test_a_deployment_by_another_person_is_named(world: World) -> None:
    world.deploy("[dev bob] trial", ROOT.replace("alice", "bob"))
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    path = "/Workspace/Users/bob@example.com/.bundle/trial/dev/state/metadata.json"
    assert f"Others deployed one: {path}. Deploy it: `databricks bundle deploy -t dev`" in answer.error


def test_of_a_team_whoever_deploys_is_to_be_named(world: World) -> None:
    world.write({"first": {}}, targets={"dev": {"mode": "production"}})
    world.deploy("trial", ROOT.replace("alice", "bob"))
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert "state/metadata.json. Name the service principal that deploys: export BUNDLE_VAR_runner=" in answer.error


def test_a_longer_name_belongs_to_another_job_of_the_bundle(world: World) -> None:
    second: dict[str, Any] = {"name": "second trial", "tasks": world.job["tasks"]}
    world.write({"first": {}}, resources={"jobs": {"second": second}})
    world.deploy("[dev alice] second trial")
    assert world.lakehouse("--target", "dev").code == 1
    job_id = world.deploy("[dev alice] trial")
    assert world.lakehouse("--target", "dev").code == 0
    assert world.started() == [{"job_id": job_id}]


def test_several_are_named(world: World) -> None:
    world.deploy("[dev alice] trial")
    world.deploy("[dev alice v2] trial")
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert "'[dev alice] trial' (id 1000), '[dev alice v2] trial' (id 1001)" in answer.error
    assert "`databricks bundle summary -t dev`" in answer.error
    assert world.started() == []


@pytest.mark.parametrize(
    ("written", "root"),
    [
        ("/Workspace/Shared/fraud/${bundle.target}", "/Workspace/Shared/fraud/prod"),
        ("/Workspace/Shared/fraud/${bundle.target}/", "/Shared/fraud/prod"),
        ("~/${bundle.name}", "/Workspace/Users/alice@example.com/trial"),
        (
            "/Users/${workspace.current_user.userName}/${workspace.current_user.short_name}",
            "/Users/alice@example.com/alice",
        ),
    ],
)
def test_a_target_may_say_where_it_is_deployed(world: World, written: str, root: str) -> None:
    world.write({"first": {}}, targets={"prod": {"workspace": {"root_path": written}}})
    world.deploy("trial", root)
    assert world.lakehouse("--target", "prod").code == 0


def test_the_bundle_may_say_it_for_all_targets(world: World) -> None:
    world.write({"first": {}}, workspace={"root_path": "/Shared/all"}, targets={"dev": {"workspace": {"profile": ""}}})
    world.deploy("trial", "/Shared/all")
    assert world.lakehouse("--target", "dev").code == 0
