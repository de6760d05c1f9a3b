"""What the Databricks CLI doesn't notice in a bundle before it deploys it: `make bundle`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from common.errors import LakehouseError
from common.settings import repository
from local.jobs.bundle import Bundle, load_bundle
from local.jobs.job import load_job
from local.jobs.parameters import prepare
from local.jobs.unignored import unignored_files
from local.workspace import shown_path

GRANTED = ("schemas", "volumes", "registered_models")
"""Kinds of resources that nobody but their owner can use unless somebody is granted something."""


def problems(root: Path) -> list[str]:
    """All that is wrong with the bundle of a checkout, each as a sentence; empty when nothing is.

    Raises:
        DeclarationError: the bundle file itself can't be read.

    """
    bundle = load_bundle(root)
    return [*_jobs(bundle), *_ungranted(bundle)]


def _jobs(bundle: Bundle) -> Iterator[str]:
    uploaded = _uploaded(bundle)
    for key in bundle.jobs:
        try:
            job = load_job(bundle, key)
            prepare(job, {})
        except LakehouseError as error:
            yield str(error)
            continue
        yield from _continuous(bundle, key)
        for task in job.tasks:
            if task.notebook not in uploaded:
                yield (
                    f"{shown_path(job.file)}: tasks.{task.key}: {shown_path(task.notebook)} would not be uploaded: it "
                    "is ignored by git, or outside of the folders that sync.paths of the bundle names"
                )


def _continuous(bundle: Bundle, key: str) -> Iterator[str]:
    """What Databricks can't do in a continuous job: docs.databricks.com/jobs/continuous."""
    file, settings = bundle.jobs[key]
    for task in settings["tasks"] if "continuous" in settings else []:
        for part in ("depends_on", "max_retries"):
            if part in task:
                yield (
                    f"{shown_path(file)}: tasks.{task['task_key']}: {part}: a continuous job has none; make it one "
                    "task, which Databricks starts again after a failure"
                )


def _uploaded(bundle: Bundle) -> frozenset[Path]:
    """The files that a deployment uploads: those under `sync.paths` that git doesn't ignore."""
    folders = [bundle.file.parent.joinpath(path).resolve() for path in bundle.content["sync"]["paths"]]
    return unignored_files(bundle.root, *folders)


def _ungranted(bundle: Bundle) -> Iterator[str]:
    for kind in GRANTED:
        for key, resource in bundle.resources.get(kind, {}).items():
            grants = bundle.resolve(resource.get("grants"), bundle.file)
            if not grants:
                yield f"resources.{kind}.{key}: nobody is granted anything: give it `grants` (bundles/access.yml)"


def main() -> int:
    """Prints what is wrong; 1 where anything is."""
    try:
        found = problems(repository())
    except LakehouseError as error:
        found = [str(error)]
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
