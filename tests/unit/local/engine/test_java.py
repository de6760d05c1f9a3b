"""Finding Java and the jars' folder, with stand-ins for `java`."""

from pathlib import Path

import pytest

from common.errors import EngineError
from local.engine import java as java_module
from local.engine.jars import jars_folder
from local.engine.java import VECTOR_MODULE, find_java, release_of


def a_java(folder: Path, version: str) -> Path:
    """A program that answers `-version` as Java of that version does; its home folder."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize(("version", "release"), [("17.0.15", 17), ("21", 21), ("1.8.0_402", 8), ("25-ea", 25)])
def test_release_of_a_java(tmp_path: Path, version: str, release: int) -> None:
    assert release_of(a_java(tmp_path / "jdk", version) / "bin" / "java") == release


def test_java_home_first_then_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, on_path = a_java(tmp_path / "home", "21.0.1"), a_java(tmp_path / "path", "17.0.1")
    monkeypatch.setenv("PATH", str(on_path / "bin"))
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert find_java().executable == home / "bin" / "java"
    monkeypatch.setenv("JAVA_HOME", str(a_java(tmp_path / "old", "11.0.2")))
    found = find_java()
    assert (found.executable, found.release) == (on_path / "bin" / "java", 17)
    assert VECTOR_MODULE in found.module_options


def test_no_suitable_java_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = a_java(tmp_path / "old", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(old))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java_module.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EngineError, match=r"Java 17 or 21 \(.*old/bin/java is Java 11\).*make setup"):
        find_java()


def test_a_reduced_java_gets_no_vector_module(tmp_path: Path) -> None:
    java = java_module.Java(tmp_path / "java", 21, has_vector_module=False)
    assert VECTOR_MODULE not in java.module_options
    assert "--add-opens=java.base/java.lang=ALL-UNNAMED" in java.module_options


def test_jars_are_kept_by_their_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKEHOUSE_JARS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    one, other = tmp_path / "one.xml", tmp_path / "other.xml"
    one.write_text("a")
    other.write_text("b")
    assert jars_folder(one) != jars_folder(other)
    assert jars_folder(one).parent == tmp_path / "fraud-lakehouse"
