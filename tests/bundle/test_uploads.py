"""What a deployment uploads: all that a notebook needs, and nothing else."""

import re
from pathlib import PurePosixPath

from deployment import Deployer, settings_of, uploaded

from common.settings import repository


def test_only_notebooks_declarations_and_the_package_are_uploaded(deployed: Deployer) -> None:
    files = uploaded(deployed.workspace)

    assert {PurePosixPath(path).parts[0] for path in files} == {"notebooks", "outputs", "sources", "src", "apps"}
    assert {path.split("/")[1] for path in files if path.startswith("src/")} == {"common"}
    assert {PurePosixPath(path).suffix for path in files} == {
        "",
        ".py",
        ".yml",
        ".csv",
        ".html",
        ".txt",
        ".typed",
        ".toml",
    }


def test_every_file_of_the_package_is_there_as_it_is_here(deployed: Deployer) -> None:
    files = uploaded(deployed.workspace)
    here = {
        path.relative_to(repository()).as_posix(): path
        for path in (repository() / "src" / "common").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {path for path in files if path.startswith("src/")} == set(here)
    assert all(files[name] == path.read_bytes() for name, path in here.items())


def test_every_notebook_of_a_job_is_there(deployed: Deployer) -> None:
    workspace = deployed.workspace
    for settings in settings_of(workspace).values():
        for task in settings["tasks"]:
            path = task["notebook_task"]["notebook_path"].removeprefix("/Workspace")
            assert path in workspace.notebooks


def test_nothing_secret_is_uploaded(deployed: Deployer) -> None:
    secret = re.compile(rb"(?i)(password|secret|token|api[_-]?key)\s*[=:]\s*['\"][^'\"]{6,}")
    for path, content in uploaded(deployed.workspace).items():
        assert not secret.search(content), path
