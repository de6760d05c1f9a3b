"""Spark's extra jars, fetched once by the Ivy that pyspark bundles: Delta's, and those of a reader that needs some.

They are kept outside of the home folders, by digest of their list, so that a new workspace needs no network.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from common.errors import EngineError
from common.storage.files import file_lock
from local.engine.java import Java, find_java

_HERE = Path(__file__).parent
_SETTINGS = _HERE / "ivysettings.xml"
SPARK_JARS = _HERE / "spark-jars.xml"
NEEDS = {"kafka": _HERE / "kafka-jars.xml", "s3": _HERE / "s3-jars.xml"}
"""The lists beside Delta's, by the names that readers know them by."""


def spark_folder() -> Path:
    """Where pyspark is installed, found without importing it (an import takes a second).

    Raises:
        EngineError: it isn't installed.

    """
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise EngineError("pyspark isn't installed in this environment: run 'make setup'.")
    return Path(next(iter(found.submodule_search_locations)))


def jars_folder(listed: Path = SPARK_JARS) -> Path:
    """Where the jars of a list are kept: LAKEHOUSE_JARS, or the user's cache by digest of the list."""
    if override := os.environ.get("LAKEHOUSE_JARS"):
        return Path(override).expanduser().resolve()
    return _kept(listed)


def _kept(listed: Path) -> Path:
    digest = hashlib.sha256(listed.read_bytes() + _SETTINGS.read_bytes()).hexdigest()[:12]
    return cache_folder() / f"jars-{digest}"


def cache_folder() -> Path:
    """The project's folder in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "fraud-lakehouse"


def spark_jars(
    java: Java | None = None, tell: Callable[[str], None] = lambda _: None, needs: Collection[str] = ()
) -> list[Path]:
    """Paths of the extra jars, of Delta and of the lists that are needed; fetched when they are not there yet.

    A folder that LAKEHOUSE_JARS names holds all of them.

    Raises:
        EngineError: they can't be fetched, or there is no such list.

    """
    lists = [SPARK_JARS, *needed_lists(needs)]
    if os.environ.get("LAKEHOUSE_JARS"):
        folder = jars_folder()
        if not folder.is_dir():
            raise EngineError(f"LAKEHOUSE_JARS={folder}: no such folder; unset it to have the jars fetched.")
        return _jars_in(folder)
    names = ["Delta Lake", *sorted(needs)]
    return [
        jar
        for listed, name in zip(lists, names, strict=True)
        for jar in jars_of(listed, f"Spark's jars for {name}", java, tell)
    ]


def needed_lists(needs: Collection[str]) -> list[Path]:
    """The lists of these names.

    Raises:
        EngineError: there is no list of such a name.

    """
    if unknown := sorted(set(needs) - set(NEEDS)):
        raise EngineError(f"there is no list of jars {unknown[0]!r}; there are: {', '.join(NEEDS)}")
    return [NEEDS[name] for name in sorted(needs)]


def jars_of(
    listed: Path, what: str, java: Java | None = None, tell: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Paths of the jars of any list, kept in the user's cache; fetched when they are not there yet.

    Raises:
        EngineError: they can't be fetched.

    """
    folder = _kept(listed)
    if not folder.is_dir():
        tell(f"Fetching {what} (once)")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(folder.parent / f".{folder.name}.lock"):
            if not folder.is_dir():
                _fetch(listed, what, folder, java or find_java())
    return _jars_in(folder)


def _jars_in(folder: Path) -> list[Path]:
    jars = sorted(folder.glob("*.jar"))
    if not jars:
        raise EngineError(f"{folder} holds no jars: remove it, they are fetched again.")
    return jars


def _fetch(listed: Path, what: str, folder: Path, java: Java) -> None:
    """Downloads next to the folder and renames, so that it is whole or absent."""
    ivy = next((spark_folder() / "jars").glob("ivy-*.jar"))
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as scratch:
        fetched = Path(scratch) / "jars"
        command: list[str | Path] = [java.executable, f"-Divy.cache={scratch}/cache", "-jar", ivy]
        command += ["-settings", _SETTINGS, "-ivy", listed.resolve()]
        command += ["-retrieve", f"{fetched}/[artifact]-[revision](-[classifier]).[ext]"]
        answer = subprocess.run(command, capture_output=True, text=True, cwd=scratch, check=False)
        if answer.returncode or not any(fetched.glob("*.jar")):
            reasons = [line.strip() for line in answer.stdout.splitlines() if "not found" in line or "rror" in line]
            raise EngineError(
                f"{what} could not be fetched from Maven Central "
                f"({reasons[0] if reasons else 'no answer'}): check the network and try again, "
                "or set LAKEHOUSE_JARS to a folder that holds all of Spark's extra jars."
            )
        # Sources and documentation of a library may come along; only what Java loads is kept.
        for extra in (*fetched.glob("*-sources.jar"), *fetched.glob("*-javadoc.jar")):
            extra.unlink()
        shutil.move(fetched, folder)


def main() -> int:
    """Fetches the jars unless they are there."""
    try:
        spark_jars(tell=print)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
