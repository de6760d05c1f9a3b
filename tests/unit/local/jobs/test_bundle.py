"""References of a bundle: `${...}` in job files."""

import getpass
from dataclasses import replace
from pathlib import Path

import pytest
from job_builders import Checkout, a_task

from common.errors import DeclarationError
from local.jobs.bundle import load_bundle

FILE = Path("jobs/trial.yml")


def test_variable_from_the_command_line_wins_over_environment_and_default(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"a": {"default": "declared"}, "b": {"default": "declared"}, "c": {"default": "declared"}, "d": "short"}
    checkout.bundle(
        variables=variables,
        targets={"dev": {"default": True, "variables": {"c": "of Databricks"}}},
    )
    monkeypatch.setenv("BUNDLE_VAR_a", "environment")
    monkeypatch.setenv("BUNDLE_VAR_b", "environment")
    bundle = load_bundle(checkout.root, variables={"a": "command"})
    assert bundle.resolve("${var.a} ${var.b} ${var.c} ${var.d}", FILE) == "command environment declared short"


def test_a_part_of_a_variable_and_a_variable_of_an_included_file(checkout: Checkout) -> None:
    checkout.bundle(include=["more.yml"], variables={"compute": {"default": {"key": "", "clusters": [1]}}})
    (checkout.root / "bundles" / "more.yml").write_text("variables: {more: {default: from there}}")
    bundle = load_bundle(checkout.root)
    assert bundle.resolve(["${var.compute.clusters}", "${var.compute.key}", "${var.more}"], FILE) == [
        [1],
        "",
        "from there",
    ]
    with pytest.raises(DeclarationError, match=r"\$\{var\.compute\.kind\} leads nowhere: there is no 'kind' in it"):
        bundle.resolve("${var.compute.kind}", FILE)


def test_names_and_paths(checkout: Checkout) -> None:
    bundle = load_bundle(checkout.root)
    found = bundle.resolve({"x": ["${bundle.name}-${bundle.target}", "${workspace.file_path}/src"]}, FILE)
    assert found == {"x": ["trial-local", f"{checkout.root}/src"]}


def test_resources_may_refer_to_variables(checkout: Checkout) -> None:
    checkout.bundle(
        variables={"catalog": "main"},
        resources={"schemas": {"gold": {"name": "gold", "catalog_name": "${var.catalog}", "depth": 3}}},
    )
    bundle = load_bundle(checkout.root)
    assert bundle.resolve("${resources.schemas.gold.catalog_name}.${resources.schemas.gold.name}", FILE) == "main.gold"
    assert bundle.resolve("${resources.schemas.gold.depth}", FILE) == 3


def test_text_without_references_stays(checkout: Checkout) -> None:
    assert load_bundle(checkout.root).resolve("{{job.run_id}} $HOME {x}", FILE) == "{{job.run_id}} $HOME {x}"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("${var.catalogue}", r"trial\.yml: \$\{var\.catalogue\} is not declared in .*did you mean catalog\?"),
        ("${var.empty}", r"\$\{var\.empty\} has no value: export BUNDLE_VAR_empty=VALUE"),
        ("${bundle.nam}", r"\$\{bundle\.nam\} is unknown; did you mean bundle\.name"),
        ("${resources.schemas.gold.name}", r"leads nowhere: there is no 'schemas'"),
        ("${var.loop}", r"refers to itself"),
    ],
)
def test_reference_that_leads_nowhere(checkout: Checkout, reference: str, message: str) -> None:
    checkout.bundle(variables={"catalog": "main", "empty": {"description": "no value"}, "loop": "x${var.loop}"})
    with pytest.raises(DeclarationError, match=message):
        load_bundle(checkout.root).resolve(reference, FILE)


def test_unknown_variable(checkout: Checkout) -> None:
    with pytest.raises(DeclarationError, match=r"--var x: .*declares no such variable"):
        load_bundle(checkout.root, variables={"x": "1"})


def test_job_takes_variables(checkout: Checkout) -> None:
    checkout.bundle(variables={"retries": {"default": "3"}, "catalog": "main"})
    notebook = checkout.notebook("one", parameters="catalog = ''")
    checkout.job(
        a_task("one", notebook, max_retries="${var.retries}"),
        parameters=[{"name": "catalog", "default": "${var.catalog}"}],
    )
    job = checkout.load()
    assert job.parameters == {"catalog": "main"}
    assert job.tasks[0].max_retries == 3


def test_shipped_bundle_and_jobs_are_sound() -> None:
    from common.settings import repository
    from local.jobs.job import load_job
    from local.jobs.parameters import prepare

    bundle = load_bundle(repository())
    assert "lakehouse" in bundle.jobs
    for key in bundle.jobs:
        prepare(load_job(bundle, key), {})


def test_workspace_settings_of_a_target_win_over_those_of_the_bundle(checkout: Checkout) -> None:
    prod = {"workspace": {"host": "https://prod.example.com"}}
    checkout.bundle(workspace={"host": "https://example.com", "profile": "fraud"}, targets={"dev": None, "prod": prod})
    assert load_bundle(checkout.root, "dev").workspace == {"host": "https://example.com", "profile": "fraud"}
    assert load_bundle(checkout.root, "prod").workspace == {"host": "https://prod.example.com", "profile": "fraud"}


def test_user_is_the_one_of_the_workspace_where_one_was_asked(checkout: Checkout) -> None:
    text = "${workspace.current_user.userName} ${workspace.current_user.short_name}"
    here = load_bundle(checkout.root)
    assert replace(here, user="a.b@example.com").resolve(text, FILE) == "a.b@example.com a_b"
    assert here.resolve("${workspace.current_user.userName}", FILE) == getpass.getuser()
