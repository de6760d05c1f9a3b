"""Which files git doesn't ignore: those that a deployment uploads."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from common.errors import LakehouseError


def unignored_files(root: Path, *folders: Path) -> frozenset[Path]:
    """The files below the folders (without any: below `root`) that no .gitignore in `root` names.

    Git is asked with an index of its own that is empty: so a file that is tracked although it is ignored is left out,
    as the Databricks CLI leaves it out, and `root` need not be a repository.

    Raises:
        LakehouseError: git is missing, or fails.

    """
    with TemporaryDirectory() as index:
        listing = [f"--git-dir={index}/.git", f"--work-tree={root}", "ls-files", "-z", "--others", "--exclude-standard"]
        _git("init", "--quiet", index, cwd=root)
        listed = _git(*listing, "--", *map(str, folders), cwd=root)
    return frozenset(root.joinpath(name).resolve() for name in listed.split("\0") if name)


def _git(*arguments: str, cwd: Path) -> str:
    # In a hook, git's own variables name the repository that is committed to.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", *arguments]
    try:
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError as error:
        raise LakehouseError("git tells which files a deployment uploads, and there is none: install it") from error
    except subprocess.CalledProcessError as error:
        raise LakehouseError(f"git can't tell which files a deployment uploads: {error.stderr.strip()}") from error
