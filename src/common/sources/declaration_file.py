"""The YAML of a declaration as Python reads it, and what is wrong with it in plain words."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from common.errors import DeclarationError

_OTHER_NAMES = {
    "sep": "delimiter",
    "separator": "delimiter",
    "names": "columns",
    "quotechar": "quote",
    "escapechar": "escape",
    "charset": "encoding",
    "tz": "timezone",
}
"""What other readers call an option."""

_RULES = {
    "dict_type": "it must be names with values, such as `format: csv`",
    "model_type": "it must be names with values, such as `format: csv`",
    "model_attributes_type": "it must be names with values, such as `format: csv`",
    "tuple_type": "it must be a list, such as [a, b]",
}
_IN_QUOTES = "YAML takes this for something else than text, so put it in quotes"


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice: YAML's own reader keeps the last and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is there twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)


def declared_content(folder: Path, name: str, kind: str) -> tuple[str, Any]:
    """How messages call the file of a declaration, `folder/NAME.yml`, and what it holds; `kind` is source or output.

    Raises:
        DeclarationError: there is no such file, or it isn't YAML.
    """
    path = folder / f"{name}.yml"
    shown = f"{folder.name}/{path.name}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yml"))) or "none"
        raise DeclarationError(f"{kind}={name!r}: there is no {shown}; known {kind}s: {known}")
    return shown, content_of(path, shown)


def content_of(path: Path, shown: str) -> Any:
    """What the YAML file holds; `shown` is its name in messages.

    Raises:
        DeclarationError: it is not UTF-8, or not YAML.
    """
    try:
        # bandit: the loader is YAML's safe one.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # nosec B506
    except UnicodeDecodeError as error:
        raise DeclarationError(f"{shown}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except yaml.YAMLError as error:
        raise DeclarationError(f"{shown}: not YAML: {_reason(error)}{_hint(error)}") from None


def described(file: str, problem: Mapping[str, Any], options: Mapping[int, Collection[str]]) -> str:
    """A problem that pydantic found, as file, path, rule and value.

    `options` are the names that may stand at each depth of the file, for names that may not.
    """
    where = [part for part in problem["loc"] if part != "[key]"]
    rule, given, kind = str(problem["msg"]).removeprefix("Value error, "), problem["input"], problem["type"]
    if len(where) < len(problem["loc"]) or kind == "invalid_key":
        where[-1] = given  # pydantic writes a key as Python does
    path = ".".join(str(part) for part in where) or "the file"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        option = problem["ctx"]["discriminator"].strip("'")
        path, given = f"{path}.{option}", given.get(option)
        rule = f"it must be one of {problem['ctx']['expected_tags']}" if given is not None else "Field required"
    elif kind == "extra_forbidden":
        rule = f"there is no such option{_near(str(where[-1]), options.get(len(where), ()))}"
    elif kind in ("string_type", "invalid_key") and not isinstance(given, list | dict):
        rule = f"{rule}; {_IN_QUOTES}"
    rule = _RULES.get(kind, rule)
    is_shown = isinstance(given, str | int | float | bool) and repr(given) not in rule
    return f"{file}: {path}: {rule}{f' (given: {given!r})' if is_shown else ''}"


def _near(name: str, options: Collection[str]) -> str:
    other = _OTHER_NAMES.get(name.lower())
    near = [other] if other in options else get_close_matches(name.lower(), options, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(options)}"


def _reason(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())


def _hint(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or ""
    if "cannot start any token" in problem:
        if r"'\t'" in problem:
            return "; indent by blanks, not by tabs"
        sign = problem.split("'")[1]
        example = "Account No" if sign == "`" else f"{sign}id"
        shown = "a backtick" if sign == "`" else sign
        return f'; a value that begins with {shown} stands in quotes, such as "`{example}`"'
    if "alias" in f"{getattr(error, 'context', None)} {problem}":
        return "; a value that begins with * stands in quotes"
    if "mapping values are not allowed" in problem:
        return "; a value that holds a colon and a blank stands in quotes"
    return ""


def options_of(part: type[BaseModel]) -> list[str]:
    """The names of a part's options as people write them."""
    return [field.alias or name for name, field in part.model_fields.items()]
