"""An output's YAML as a typed object."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from common.errors import DeclarationError
from common.publish.output import Output
from common.publish.writers import WRITERS
from common.sources.connections import CONNECTIONS
from common.sources.declaration_file import declared_content, described, options_of


def load_output(folder: Path, name: str) -> Output:
    """Reads and checks `folder/NAME.yml`.

    Raises:
        DeclarationError: there is no such file, or it breaks a rule; the message names file, path and rule.
    """
    shown, content = declared_content(folder, name, "output")
    writers = {get_args(writer.model_fields["writer"].annotation)[0]: writer for writer in WRITERS}
    given = content.get("writer") if isinstance(content, dict) else None
    if given not in writers:
        raise DeclarationError(f"{shown}: writer: it must be one of {', '.join(sorted(writers))} (given: {given!r})")
    try:
        output = writers[given].model_validate(content)
    except ValidationError as error:
        raise DeclarationError(
            "\n".join(_described(shown, writers[given], problem) for problem in error.errors())
        ) from None
    except DeclarationError as error:
        raise DeclarationError(f"{shown}: {error}") from None
    if output.name != name:
        raise DeclarationError(f"{shown}: name: {output.name!r} must be the file's name, {name!r}")
    return output


def load_outputs(folder: Path, names: str) -> tuple[Output, ...]:
    """The outputs of these names, with commas between them, each once.

    Raises:
        DeclarationError: as `load_output`.
    """
    wanted = dict.fromkeys(name.strip() for name in names.split(",") if name.strip())
    return tuple(load_output(folder, name) for name in wanted)


def _described(shown: str, writer: type[Output], problem: Mapping[str, Any]) -> str:
    """A problem in words. Pydantic names the class that a connection's `kind` chose, which is no part of the path."""
    where = list(problem["loc"])
    kind = str(where.pop(2)) if len(where) > 2 and where[0] == "connections" else ""
    options = {1: options_of(writer)} | ({3: options_of(CONNECTIONS[kind])} if kind in CONNECTIONS else {})
    return described(shown, {**problem, "loc": tuple(where)}, options)
