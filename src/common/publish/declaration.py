"""An output's YAML as a typed object."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

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
    """A problem in words. Pydantic names the class that, say, a connection's `kind` chose: no part of the path."""
    where = list(problem["loc"])
    classes = {"connections": CONNECTIONS, **writer.parts}.get(str(where[0]), {}) if len(where) > 2 else {}
    part = classes.get(str(where.pop(2))) if classes else None
    within = {len(where): _options_at(writer, where[:-1])} if where else {}
    options = within | {1: options_of(writer)} | ({3: options_of(part)} if part else {})
    return described(shown, {**problem, "loc": tuple(where)}, options)


def _options_at(model: Any, path: Sequence[int | str]) -> list[str]:
    """The options of the part that a path leads to, through parts and names with parts; none where it is no part."""
    for step in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = getattr(model.model_fields.get(str(step)), "annotation", None)
        else:
            model = next(reversed(get_args(model)), None)
        parts = [one for one in get_args(model) if isinstance(one, type) and issubclass(one, BaseModel)]
        model = parts[0] if parts and get_origin(model) in (Union, UnionType, Annotated) else model
    return options_of(model) if isinstance(model, type) and issubclass(model, BaseModel) else []
