"""What local work needs: Python, Java, Spark's jars, memory, disk, a port, and a folder to write to."""

import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from common.errors import EngineError
from local.doctor.finding import MISSING, OK, WARNING, Finding
from local.engine.jars import jars_folder
from local.engine.java import find_java
from local.engine.server import find_server
from local.workspace import Workspace

PYTHONS = ((3, 11), (3, 12))
FREE_DISK_GIB = 5.0
BESIDE_THE_HEAP_GIB = 1.5
"""What Spark's server needs beside its heap, with the Python processes of a job."""


def local_findings(workspace: Workspace) -> Iterator[Finding]:
    """Every check of this machine."""
    yield _python()
    yield _java()
    yield _jars()
    yield _memory()
    yield _home(workspace)
    yield _disk(workspace)
    yield _port()
    yield _server(workspace)


def _python() -> Finding:
    version = sys.version_info[:2]
    found = f"{version[0]}.{version[1]}, {sys.executable}"
    if version in PYTHONS:
        return Finding("Python", OK, found)
    return Finding("Python", MISSING, found, "install Python 3.11 or 3.12, then: make clean setup PYTHON=PATH")


def _java() -> Finding:
    try:
        java = find_java()
    except EngineError as error:
        return Finding("Java", MISSING, str(error).split("(", 1)[-1].split(")", 1)[0], "make setup fetches one")
    return Finding("Java", OK, f"{java.release}, {java.executable}")


def _jars() -> Finding:
    folder = jars_folder()
    jars = len(list(folder.glob("*.jar")))
    if jars:
        return Finding("Spark's jars", OK, f"{jars} in {folder}")
    fix = "unset LAKEHOUSE_JARS" if os.environ.get("LAKEHOUSE_JARS") else "make setup fetches them"
    return Finding("Spark's jars", MISSING, f"none in {folder}", fix)


def _memory() -> Finding:
    heap_gib = _gib(os.environ.get("LAKEHOUSE_DRIVER_MEMORY", "2560m"))
    if heap_gib is None:
        value = os.environ["LAKEHOUSE_DRIVER_MEMORY"]
        return Finding(
            "memory", MISSING, f"LAKEHOUSE_DRIVER_MEMORY={value}", "write it as Java does, such as 2560m or 4g"
        )
    free_gib = psutil.virtual_memory().available / 2**30
    found = f"{free_gib:.1f} GiB free, Spark takes up to {heap_gib:.1f}"
    if free_gib >= heap_gib + BESIDE_THE_HEAP_GIB:
        return Finding("memory", OK, found)
    return Finding("memory", WARNING, found, "close other programs, or give Spark less: LAKEHOUSE_DRIVER_MEMORY=1g")


def _gib(text: str) -> float | None:
    match = re.fullmatch(r"(\d+)([kmgKMG])", text)
    return int(match[1]) * {"k": 2**10, "m": 2**20, "g": 2**30}[match[2].lower()] / 2**30 if match else None


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _home(workspace: Workspace) -> Finding:
    folder = _existing(workspace.home)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding("workspace", OK, str(workspace.home))
    except OSError as error:
        found = f"{workspace.home}: {error.strerror}"
        return Finding("workspace", MISSING, found, "name a folder that you may write to: export LAKEHOUSE_HOME=FOLDER")


def _disk(workspace: Workspace) -> Finding:
    free_gib = shutil.disk_usage(_existing(workspace.home)).free / 2**30
    found = f"{free_gib:.0f} GiB free"
    if free_gib >= FREE_DISK_GIB:
        return Finding("disk", OK, found)
    return Finding("disk", WARNING, found, "make room, or name a folder elsewhere: export LAKEHOUSE_HOME=FOLDER")


def _port() -> Finding:
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return Finding("ports", OK, "127.0.0.1 has free ones")
    except OSError as error:
        return Finding("ports", MISSING, str(error), "let programs listen on 127.0.0.1: Spark answers there")


def _server(workspace: Workspace) -> Finding:
    if remote := os.environ.get("SPARK_REMOTE"):
        return _remote(remote)
    server = find_server(workspace)
    return Finding("Spark", OK, f"runs at {server.remote}" if server else "not running; the next run starts it")


def _remote(remote: str) -> Finding:
    match = re.match(r"sc://([^:/]+):?(\d+)?", remote)
    if not match:
        return Finding("Spark", MISSING, f"SPARK_REMOTE={remote}", "write it as sc://HOST:PORT, or unset it")
    try:
        with socket.create_connection((match[1], int(match[2] or 15002)), timeout=3):
            return Finding("Spark", OK, f"answers at {remote} (SPARK_REMOTE)")
    except OSError as error:
        return Finding("Spark", MISSING, f"SPARK_REMOTE={remote}: {error}", "start that server, or unset SPARK_REMOTE")
