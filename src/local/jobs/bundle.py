"""bundles/databricks.yml as the laptop sees it: names, variables, included resources and `${...}` references."""

import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from common.errors import DeclarationError
from local.jobs.yaml_file import near, read_yaml
from local.workspace import shown_path

_REFERENCE = re.compile(r"\$\{([^{}]+)\}")
_MAX_DEPTH = 10
_OF_A_DEPLOYMENT = ".service_principal_client_id"
"""What only a deployment knows of a resource: here it stands for itself."""
_NO_WORD = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class Bundle:
    """A bundle file with what it includes: for a target of Databricks, or without one for the laptop.

    The laptop takes the variables' defaults. `variables` given by a person win over declared ones. `user` is the
    person logged in to the workspace; without a workspace, the person's name on this machine.
    """

    file: Path
    root: Path
    target: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str = ""

    @cached_property
    def content(self) -> dict[str, Any]:
        """The bundle file as written."""
        return read_yaml(self.file)

    @cached_property
    def of_target(self) -> dict[str, Any]:
        """The settings of the target; empty without one.

        Raises:
            DeclarationError: the bundle has no such target.

        """
        targets = self.content.get("targets") or {}
        if self.target and self.target not in targets:
            raise DeclarationError(f"{shown_path(self.file)}: no target '{self.target}'; {near(self.target, targets)}")
        return targets.get(self.target) or {}

    @cached_property
    def workspace(self) -> dict[str, Any]:
        """The `workspace` settings as written: those of the target over those of the bundle."""
        return {**(self.content.get("workspace") or {}), **(self.of_target.get("workspace") or {})}

    @cached_property
    def included(self) -> list[Path]:
        """The files that `include` names, in order."""
        patterns = self.content.get("include") or []
        return [file.resolve() for pattern in patterns for file in sorted(self.file.parent.glob(pattern))]

    @cached_property
    def declared_variables(self) -> dict[str, Any]:
        """All variables by name, as declared."""
        merged: dict[str, Any] = {}
        for _, content in self._files:
            merged |= content.get("variables") or {}
        return merged

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """All resources by kind and key, as written."""
        merged: dict[str, dict[str, Any]] = {}
        for _, content in self._files:
            for kind, by_key in (content.get("resources") or {}).items():
                merged.setdefault(kind, {}).update(by_key or {})
        return merged

    @cached_property
    def jobs(self) -> dict[str, tuple[Path, Any]]:
        """All jobs by key, each with the file that defines it.

        Raises:
            DeclarationError: two files define the same key.

        """
        found: dict[str, tuple[Path, Any]] = {}
        for file, content in self._files:
            for key, job in ((content.get("resources") or {}).get("jobs") or {}).items():
                if key in found:
                    other = shown_path(found[key][0])
                    raise DeclarationError(f"{shown_path(file)}: resources.jobs.{key} is also defined in {other}")
                found[key] = (file, job)
        return found

    @cached_property
    def _files(self) -> list[tuple[Path, dict[str, Any]]]:
        return [(self.file, self.content), *((file, read_yaml(file)) for file in self.included)]

    def resolve(self, value: Any, file: Path) -> Any:
        """The value with every `${...}` in it replaced, in lists and mappings too.

        Raises:
            DeclarationError: a reference leads nowhere, or to itself.

        """
        if isinstance(value, dict):
            return {key: self.resolve(item, file) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, file) for item in value]
        return self._resolved_text(value, file) if isinstance(value, str) else value

    def _resolved_text(self, text: str, file: Path) -> Any:
        original = text
        for _ in range(_MAX_DEPTH):
            whole = _REFERENCE.fullmatch(text)
            if whole:  # the value keeps its type when it is nothing but a reference
                found = self._lookup(whole.group(1), file)
                if not isinstance(found, str):
                    return found
                text = found
                continue
            replaced = _REFERENCE.sub(lambda match: str(self._lookup(match.group(1), file)), text)
            if replaced == text:
                return text
            text = replaced
        raise DeclarationError(f"{shown_path(file)}: {original} refers to itself")

    def _lookup(self, name: str, file: Path) -> Any:
        head, _, rest = name.partition(".")
        if head == "var":
            return self._variable(rest, file)
        user = self.user or getpass.getuser()
        known = {
            "bundle.name": (self.content.get("bundle") or {}).get("name", ""),
            "bundle.target": self.target or "local",
            "bundle.environment": self.target or "local",
            "workspace.file_path": str(self.root),
            "workspace.root_path": str(self.root),
            "workspace.current_user.userName": user,
            "workspace.current_user.domain_friendly_name": _NO_WORD.sub("-", user.split("@")[0]).replace("_", "-"),
            "workspace.current_user.short_name": _NO_WORD.sub("_", user.split("@")[0]),
        }
        if name in known:
            return known[name]
        if head == "resources":
            return self._resource(name, file)
        raise DeclarationError(f"{shown_path(file)}: ${{{name}}} is unknown; {near(name, [*known, 'var.NAME'])}")

    def _variable(self, path: str, file: Path) -> Any:
        name, *inner = path.split(".")
        declared = self.declared_variables
        if name not in declared:
            hint = near(name, declared, "declared there")
            raise DeclarationError(
                f"{shown_path(file)}: ${{var.{name}}} is not declared in {shown_path(self.file)}; {hint}"
            )
        candidates = (
            self.variables.get(name),
            os.environ.get(f"BUNDLE_VAR_{name}"),
            _default((self.of_target.get("variables") or {}).get(name)),
            _default(declared[name]),
        )
        for value in candidates:
            if value is not None:
                return self._inside(value, inner, f"var.{path}", file)
        raise DeclarationError(f"{shown_path(file)}: ${{var.{name}}} has no value: export BUNDLE_VAR_{name}=VALUE")

    def _resource(self, name: str, file: Path) -> Any:
        if name.endswith(_OF_A_DEPLOYMENT) and name.count(".") == 3:
            self._inside(self.resources, name.split(".")[1:-1], name, file)
            return name
        return self._inside(self.resources, name.split(".")[1:], name, file)

    def _inside(self, value: Any, path: list[str], name: str, file: Path) -> Any:
        for part in path:
            if not isinstance(value, dict) or part not in value:
                raise DeclarationError(f"{shown_path(file)}: ${{{name}}} leads nowhere: there is no '{part}' in it")
            value = value[part]
        return value


def _default(declared: Any) -> Any:
    """A variable's value: written short (`catalog: main`) or long (`catalog: {default: main}`)."""
    return declared.get("default") if isinstance(declared, dict) else declared


def load_bundle(root: Path, target: str = "", variables: Mapping[str, str] | None = None) -> Bundle:
    """The bundle of a checkout: for a target, or without one for the laptop.

    Raises:
        DeclarationError: the bundle file can't be read, or a variable given isn't declared.

    """
    bundle = Bundle(root / "bundles" / "databricks.yml", root, target, variables or {})
    declared = bundle.declared_variables
    for name in bundle.variables:
        if name not in declared:
            raise DeclarationError(
                f"--var {name}: {shown_path(bundle.file)} declares no such variable; {near(name, declared)}"
            )
    return bundle
