"""The archive of the server's classes: where it is, and what happens without one that fits."""

import subprocess
from pathlib import Path

import pytest

from local.engine.archive import archive_options, archive_path
from local.engine.java import find_java


@pytest.fixture
def jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jar = tmp_path / "delta.jar"
    jar.write_bytes(b"one")
    return jar


def test_an_archive_belongs_to_its_jars(jar: Path) -> None:
    java = find_java()
    before = archive_path(java, [jar])
    assert before == archive_path(java, [jar])
    assert before.parent == jar.parent / "fraud-lakehouse"
    assert archive_path(java, []) != before
    jar.write_bytes(b"another")
    assert archive_path(java, [jar]) != before


def test_without_an_archive_java_gets_no_option(jar: Path) -> None:
    assert archive_options(find_java(), [jar]) == []


@pytest.mark.parametrize("content", [b"", b"damaged" * 10_000])
def test_java_passes_over_a_damaged_archive(jar: Path, content: bytes) -> None:
    java = find_java()
    archive = archive_path(java, [jar])
    archive.parent.mkdir()
    archive.write_bytes(content)
    options = archive_options(java, [jar])
    assert f"-XX:SharedArchiveFile={archive}" in options
    subprocess.run([java.executable, *options, "-cp", str(jar), "-version"], capture_output=True, check=True)
