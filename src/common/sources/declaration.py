"""A source's YAML as a typed object: where its feeds are, and how their fields become the contracts' columns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field, ValidationError, model_validator

from common.errors import DeclarationError
from common.settings import Settings
from common.sources.connections import CONNECTIONS, Connection, Text
from common.sources.declaration_file import declared_content, described, options_of
from common.sources.feed import Feed, FeedAt
from common.sources.readers import AnyFeed
from common.sources.target_map import Strict, TargetMap

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Source(Strict):
    """A source: its feeds by name, and the servers that they connect to. Its ids never meet those of another."""

    name: Name
    description: Text
    connections: Annotated[dict[Name, Connection], Field(default_factory=dict)]
    feeds: dict[Name, AnyFeed]

    @model_validator(mode="after")
    def _feeds_have_connections(self) -> "Source":
        for name, feed in self.feeds.items():
            wanted = getattr(feed, "connection", None)
            if wanted is None:
                continue
            kinds = {other: connection.kind for other, connection in self.connections.items()}
            if wanted not in kinds:
                raise DeclarationError(
                    f"feeds.{name}.connection: there is no {wanted!r} among `connections`; there are: "
                    f"{', '.join(kinds) or 'none'}"
                )
            if kinds[wanted] != feed.connects_to:
                raise DeclarationError(
                    f"feeds.{name}.connection: {wanted!r} is of the kind {kinds[wanted]}; `reader: {feed.reader}` "
                    f"connects to one of the kind {feed.connects_to}"
                )
            if missing := feed.missing_of(self.connections[wanted]):
                raise DeclarationError(f"connections.{wanted}: feeds.{name} needs {missing}")
        return self

    @model_validator(mode="after")
    def _names_in_spark_have_one_server(self) -> "Source":
        self.check_servers()
        return self

    def check_servers(self, landing: str = "") -> None:
        """Checks that Spark reaches one server by each name; of paths below the landing folder where that is given.

        Raises:
            DeclarationError: it doesn't.
        """
        seen: dict[str, tuple[object, str]] = {}
        for name, feed in self.feeds.items():
            found = feed.server_in_spark(self.connections.get(getattr(feed, "connection", None) or ""), landing)
            if found is None:
                continue
            server, other = seen.setdefault(found[0], (found[1], name))
            if server != found[1]:
                raise DeclarationError(
                    f"feeds.{name}: {found[0]} is one of another server in feeds.{other}, and Spark would read both "
                    "from the one that it reaches first: rename one, or read it in a workspace of its own"
                )

    def at(self, feed: str, settings: Settings) -> FeedAt:
        """Where a feed is in a lakehouse."""
        connection = getattr(self.feeds[feed], "connection", None)
        if connection is None:
            return FeedAt(self.name, feed, settings)
        return FeedAt(self.name, feed, settings, self.connections[connection], connection)

    def feeds_of(self, target: str) -> dict[str, AnyFeed]:
        """The feeds that make a target, by name."""
        return {name: feed for name, feed in self.feeds.items() if target in feed.into}

    @property
    def jars(self) -> frozenset[str]:
        """The lists of Spark's jars that its feeds need beside Delta's."""
        return frozenset[str]().union(*(feed.jars for feed in self.feeds.values()))


def load_source(folder: Path, name: str) -> Source:
    """Reads and checks `folder/NAME.yml`.

    Raises:
        DeclarationError: there is no such file, or it breaks a rule; the message names file, path and rule.
    """
    shown, content = declared_content(folder, name, "source")
    try:
        source = Source.model_validate(content)
    except ValidationError as error:
        raise DeclarationError("\n".join(_described(shown, problem) for problem in error.errors())) from None
    except DeclarationError as error:
        raise DeclarationError(f"{shown}: {error}") from None
    if source.name != name:
        raise DeclarationError(f"{shown}: name: {source.name!r} must be the file's name, {name!r}")
    return source


_READERS: Mapping[str, type[Feed]] = {
    get_args(one.model_fields["reader"].annotation)[0]: one for one in get_args(get_args(AnyFeed)[0])
}


def _described(shown: str, problem: Mapping[str, Any]) -> str:
    """A problem in words. Pydantic names the class that `reader` or `kind` chose, which is no part of the path."""
    where = list(problem["loc"])
    chosen = str(where.pop(2)) if len(where) > 2 and where[0] in ("feeds", "connections") else ""
    part = {**_READERS, **CONNECTIONS}.get(chosen)
    options = {1: Source.model_fields, 5: TargetMap.model_fields} | ({3: options_of(part)} if part else {})
    return described(shown, {**problem, "loc": tuple(where)}, options)
