"""A first declaration of a folder of files, as YAML for a person to read and mend."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.errors import DeclarationError
from common.sources.declaration import load_source
from common.sources.files.first_records import FileLook, files_of
from common.sources.files.parsing import FileRefused
from common.sources.name_hints import quoted
from common.sources.records import fields_of, record_decoder
from common.sources.value_format import ValueFormat
from local.sources.draft_feed import Feed, declared
from local.sources.field_guess import Values, fits, guess_target
from local.sources.format_guess import guess_format
from local.sources.spelling_guess import number_options
from local.sources.yaml_text import shown_name


def draft(name: str, folder: Path) -> str:
    """The text of a first `sources/NAME.yml` for the files in a folder, which `{landing}` stands for.

    Files in the folder itself are one feed; else those of each folder in it are.

    Raises:
        DeclarationError: nothing can be declared; the message says why.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise DeclarationError(f"{name!r} is no name of a source; it must be small letters, digits and _, such as acme")
    folder = folder.resolve()
    if not folder.is_dir():
        raise DeclarationError(f"there is no folder {folder}")
    feeds = [_feed(feed, path, where) for feed, path, where in _folders(folder)]
    if not feeds:
        raise DeclarationError(f"there are no files in {folder}")
    used: dict[str, Feed] = {}
    for feed in feeds:
        if feed.guess and (feed.guess.target not in used or _points(used[feed.guess.target]) < _points(feed)):
            used[feed.guess.target] = feed
    if not used:
        reasons = "; ".join(f"{feed.path.replace('{landing}', str(folder))}: {feed.problem}" for feed in feeds)
        raise DeclarationError(f"no declaration can be proposed: {reasons}")
    text = "\n".join(_source(name, folder, feeds, used)) + "\n"
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, f"{name}.yml").write_text(text, encoding="utf-8")
        load_source(Path(scratch), name)
    return text


def _points(feed: Feed) -> int:
    return feed.guess.points if feed.guess else 0


def _folders(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Name, path and folder of each feed."""
    paths = files_of(_literal(folder))
    if any(Path(path).parent == folder for path in paths):
        yield "records", "{landing}", _literal(folder)
        return
    names: dict[str, int] = {}
    for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
        if files_of(_literal(inner)):
            plain = re.sub(r"[^a-z0-9]+", "_", inner.name.lower()).strip("_") or "records"
            plain = plain if plain[0].isalpha() else f"feed_{plain}"
            names[plain] = names.get(plain, 0) + 1
            number = f"_{names[plain]}" if names[plain] > 1 else ""
            yield f"{plain}{number}", f"{{landing}}/{_literal(inner.name)}", _literal(inner)


def _literal(path: Path | str) -> str:
    """A path whose letters mean themselves, not a pattern."""
    return re.sub(r"([*?[])", r"[\1]", str(path))


def _feed(name: str, path: str, folder: str) -> Feed:
    try:
        format_, looks = guess_format(files_of(folder))
    except FileRefused as refusal:
        return Feed(name, path, problem=str(refusal))
    values = _values(looks)
    guess = guess_target(values, _spelling(values))
    return Feed(name, path, format_, values, guess, "" if guess else _nothing(values))


def _nothing(values: Values) -> str:
    return (
        "no table takes its fields: none looks like an amount with a time, a fraud report, or an id of a customer, an "
        f"account, a merchant or a terminal (fields: {', '.join(map(shown_name, values)) or 'none'}). Times that count "
        "from a beginning, or are in several fields, need an expression: see add_seconds in docs/how-to.md"
    )


def _values(looks: Sequence[FileLook]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    decoder = record_decoder()
    for record in (record for look in looks for record in look.records):
        if record.error is None and record.payload is not None:
            try:
                fields = fields_of(record.payload, decoder)
            except ValueError:
                continue
            for name, value in fields.items():
                values.setdefault(name, []).extend([value] if value and value.strip() else [])
    return values


def _spelling(values: Values) -> ValueFormat:
    """How numbers are spelt in the field whose values show it best."""
    usual = ValueFormat()
    options = [number_options(found) for found in values.values() if found]
    spelt = [ValueFormat.model_validate(option) for option in options if option]
    return max(spelt, key=lambda one: sum(fits("amount", found, one) for found in values.values()), default=usual)


def _source(name: str, folder: Path, feeds: Sequence[Feed], used: dict[str, Feed]) -> Iterator[str]:
    yield "# Proposed by `lakehouse source new`, which looked at the first records. Read it: what it guessed says so."
    yield f"# {{landing}} stands for {quoted(str(folder))}."
    yield f"name: {name}"
    yield f"description: {quoted(f'Files of {name}; please say what they are, and whose.')}"
    yield "feeds:"
    for feed in feeds:
        if feed in used.values():
            yield from declared(feed)
        else:
            why = feed.problem or f"another feed fits {feed.guess.target if feed.guess else 'it'} better"
            yield f"  # {feed.name}, {quoted(feed.path)}: left out: {quoted(why)}"
