"""Names and texts as a declaration's YAML has them, each in one line."""

import json
import re

import yaml

from common.errors import DeclarationError
from common.sources.expressions import checked_expression
from common.sources.files.guesses import is_data
from common.sources.name_hints import quoted
from common.storage.masking import masked_text


def sql_name(name: str) -> str:
    """A field's name as SQL has it: in backticks where it is no plain one."""
    doubled = name.replace("`", "``")
    return name if _is_plain(name) else f"`{doubled}`"


def field_expression(name: str) -> str:
    return name if _is_plain(name) and yaml.safe_load(name) == name else quoted(sql_name(name))


def _is_plain(name: str) -> bool:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return False
    try:
        return checked_expression(name).paths == ((name,),)
    except DeclarationError:
        return False


def option_text(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(option_text, value))}]"
    return json.dumps(value) if isinstance(value, bool) else quoted(str(value))


def shown_name(name: str) -> str:
    return quoted(masked_text(name) if is_data(name) else name)


def plain_comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
