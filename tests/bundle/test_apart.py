"""Deployments beside each other share nothing."""

from itertools import combinations

from deployment import Deployer, names_of


def test_deployments_in_one_workspace_share_no_name(deployer: Deployer) -> None:
    # Local state belongs to a deployment: each person, and the team's CI, has a checkout of their own.
    taken: dict[str, set[tuple[str, str]]] = {}
    for target, user in (("dev", "alice@example.com"), ("dev", "bob@example.com"), ("staging", ""), ("prod", "")):
        before = set(names_of(deployer.workspace))
        deployer.forget_local_state()
        deployer.deploy(target, user)
        taken[f"{target} {user}"] = set(names_of(deployer.workspace)) - before

    for one, other in combinations(taken, 2):
        assert not taken[one] & taken[other], f"{one} and {other}"
    kinds = {"job", "schemas", "volumes", "models", "experiment", "file"}
    for names in taken.values():
        assert {kind for kind, _ in names} >= kinds
