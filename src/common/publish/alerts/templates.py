"""The words of alerts: templates beside this module, or those of a folder that the output declares."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from common.errors import DeclarationError
from common.publish.alerts.message import SLOTS

BUILT_IN = Path(__file__).with_name("templates")
NAMES = tuple(sorted(file.name for file in BUILT_IN.iterdir()))


@dataclass(frozen=True)
class Templates:
    """Templates by the names of their files. One that `folder` doesn't have is the built-in one."""

    folder: Path | None = None

    def text(self, name: str, words: Mapping[str, str]) -> str:
        """A text with its slots filled."""
        return self._template(name).substitute(words).strip()

    def html(self, name: str, words: Mapping[str, str]) -> str:
        """A page with its slots filled by text that HTML can't mistake for its own."""
        return self._template(name).substitute({slot: escape(word) for slot, word in words.items()})

    def check(self) -> None:
        """Checks that each file has a known name and known slots.

        Raises:
            DeclarationError: it hasn't, or there is no such folder.
        """
        if self.folder is None:
            return
        if not self.folder.is_dir():
            raise DeclarationError(f"templates: there is no folder {self.folder}")
        if unknown := sorted({file.name for file in self.folder.iterdir()} - {*NAMES}):
            raise DeclarationError(f"templates: {unknown[0]} is no template; there are {', '.join(NAMES)}")
        for name in NAMES:
            template = self._template(name)
            if not template.is_valid():
                raise DeclarationError(f"templates: {name}: a $ stands before a slot's name, or is written $$")
            if others := sorted({*template.get_identifiers()} - {*SLOTS}):
                raise DeclarationError(f"templates: {name}: there is no ${others[0]}; there are {', '.join(SLOTS)}")

    def _template(self, name: str) -> Template:
        own = self.folder / name if self.folder else None
        return _read(own if own and own.is_file() else BUILT_IN / name)


@cache
def _read(file: Path) -> Template:
    return Template(file.read_text(encoding="utf-8"))
