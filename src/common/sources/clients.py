"""Client libraries of readers: imported where they are needed, and fetched on a laptop when they are first."""

import subprocess
import sys
from importlib import import_module, invalidate_caches
from typing import Any

from common.errors import FeedError
from common.platform import LAPTOP, this_platform


def client(module: str, extra: str) -> Any:
    """A module of a client library, which the package's extra brings.

    On a laptop a library that isn't there is fetched, once, in the version that `requirements/EXTRA.txt` pins.

    Raises:
        FeedError: it isn't there, and can't be fetched.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
    if this_platform() != LAPTOP:
        raise FeedError(
            f"the library {module} isn't in this notebook's environment: add requirements/{extra}.txt to its "
            "libraries, as docs/databricks.md says"
        )
    answer = subprocess.run(
        [sys.executable, "-m", "local.client_libraries", extra], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise FeedError(answer.stderr.strip() or f"the library {module} could not be fetched")
    invalidate_caches()
    return import_module(module)
