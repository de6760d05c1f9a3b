"""YAML read strictly: a key given twice is an error, which PyYAML alone would let pass."""

import difflib
import sys
from collections.abc import Collection, Hashable
from pathlib import Path
from typing import Any

import yaml

from common.errors import DeclarationError
from local.workspace import shown_path


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key that a mapping itself gives twice; what it merges (`<<: *anchor`) it may override.

    Keys are compared as written, before merging: PyYAML puts what is merged among a mapping's own keys.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            is_merge = key_node.tag == "tag:yaml.org,2002:merge"
            key: Hashable = key_node.value if is_merge else self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' is given twice", key_node.start_mark
                )
            seen.add(key)
        return node


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises:
        DeclarationError: it can't be read, isn't YAML, gives a key twice, or isn't a mapping.

    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_StrictLoader)  # nosec B506: it is a SafeLoader
    except OSError as error:
        raise DeclarationError(f"{shown_path(file)}: can't be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        hint = " (a value with ${...} inside {...} needs quotes)" if "flow mapping" in str(error.context) else ""
        raise DeclarationError(f"{shown_path(file)}{line}: {error.problem}{hint}") from error
    except yaml.YAMLError as error:
        raise DeclarationError(f"{shown_path(file)}: isn't YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise DeclarationError(f"{shown_path(file)}: must be a mapping of keys to values")
    return content


def near(name: str, known: Collection[str], what: str = "known") -> str:
    """The end of a message about an unknown name: what comes near it, or what there is."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"{what}: {', '.join(sorted(known)) or 'none'}"


def main() -> int:
    """Reads the YAML files that are named; 1 where one can't be read."""
    status = 0
    for name in sys.argv[1:]:
        try:
            read_yaml(Path(name))
        except DeclarationError as error:
            print(error, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
