"""A schema registry: schemas by their ids, fetched once in a process. Its API is Confluent's, which others have too."""

import base64
import json
import ssl
import sys
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from types import ModuleType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPSHandler, Request, build_opener

from common.errors import FeedError
from common.settings import Settings
from common.sources.connections import SchemaRegistryConnection, pem_of, value_of, wrong_address
from common.sources.kafka.patience import note_answer, note_silence, patience, was_silent

ATTEMPTS = 3
"""How often it is asked; once where it didn't answer lately."""
PAUSE_SECONDS = 1.0
"""The pause before the second attempt; each further one is longer by as much."""
_NOT_THERE = (40401, 40402, 40403)
"""The registry's own codes for a subject, a version and a schema that it doesn't have."""
_NONE = "the registry has no schema {}"


class NoSchema(ValueError):
    """There is no schema by which a record could be read; the message says why."""


@dataclass(frozen=True)
class SchemaRegistry:
    """A registry as workers reach it."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)

    def check(self) -> None:
        """Checks that it answers and takes the login.

        Raises:
            FeedError: it doesn't.
        """
        self._asked("/schemas/types")

    def schema(self, number: int) -> Any:
        """What the registry says of an id: `schema` as text, and perhaps `schemaType` and `references`.

        Raises:
            NoSchema: it knows no such id.
            FeedError: it doesn't answer, or refuses the login: a failure of the run, and not of the record.
        """
        return self._once(f"/schemas/ids/{number}", _NONE.format(number))

    def referenced(self, reference: dict[str, Any]) -> Any:
        """The same of a schema that another one names: by `subject` and `version`.

        Raises:
            NoSchema, FeedError: as `schema`.
        """
        subject, version = str(reference.get("subject")), str(reference.get("version"))
        path = f"/subjects/{quote(subject, safe='')}/versions/{quote(version, safe='')}"
        return self._once(path, f"the registry has no version {version} of {subject}")

    def _once(self, path: str, absent: str) -> Any:
        known = _known_in_this_process()
        if (self.url, path) not in known:
            found = self._asked(path)
            if found is None:
                raise NoSchema(absent)
            if not isinstance(found, dict) or not isinstance(found.get("schema"), str):
                raise self._is_none()
            known[self.url, path] = found
        return known[self.url, path]

    def _asked(self, path: str) -> Any:
        """An answer; None where it says that there is no such schema."""
        attempts = 1 if was_silent(self.url) else ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                found = self._answer(path)
            except HTTPError as error:
                if error.code in (401, 403):
                    raise FeedError(
                        f"the schema registry {self.url} refuses the login of {self.user or 'nobody'}: correct `user` "
                        "and `password` of the connection's `schema_registry`"
                    ) from None
                if error.code < 500 and error.code not in (404, 429):
                    raise self._is_none() from None
                reason = f"it answers {error.code}"
                if error.code == 404:
                    try:
                        return self._absent(error)
                    except (OSError, HTTPException) as cut:  # in the middle of its words
                        reason = str(cut) or type(cut).__name__
            except (OSError, HTTPException) as error:
                cause = error.reason if isinstance(error, URLError) else error
                if isinstance(cause, ssl.SSLError):
                    raise FeedError(
                        f"the schema registry {self.url} and the lakehouse don't agree on TLS: give the PEM text of "
                        "the authority that signed its certificate as `ca` of the connection's `schema_registry`"
                    ) from None
                reason = str(cause) or type(cause).__name__
            else:
                note_answer(self.url)
                return found
            if attempt < attempts:
                time.sleep(PAUSE_SECONDS * attempt)
        note_silence(self.url)
        raise FeedError(
            f"the schema registry {self.url} doesn't answer ({reason}): start it, or correct `url` of the connection's "
            "`schema_registry`; the next run goes on where this one stopped"
        )

    def _answer(self, path: str) -> Any:
        request = Request(f"{self.url.rstrip('/')}{path}", headers={"Accept": "application/json"})
        if self.user:
            login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            # Another server that the registry may lead to gets no password.
            request.add_unredirected_header("Authorization", f"Basic {login}")
        handlers = []
        if self.url.startswith("https:"):
            context = ssl.create_default_context()
            if self.ca:
                context.load_verify_locations(cadata=self.ca)
            handlers.append(HTTPSHandler(context=context))
        with build_opener(*handlers).open(request, timeout=patience(self.url)) as answer:
            try:
                return json.load(answer)
            except ValueError:
                raise self._is_none() from None

    def _absent(self, error: HTTPError) -> None:
        """A wrong address answers 404 too: that a schema is not there, the registry says in its own words."""
        try:
            content = json.load(error)
        except ValueError:
            content = None
        if not isinstance(content, dict) or content.get("error_code") not in _NOT_THERE:
            raise self._is_none() from None

    def _is_none(self) -> FeedError:
        return FeedError(
            f"what answers at {self.url} is no schema registry: correct `url` of the connection's `schema_registry`"
        )


def schema_registry(connection: SchemaRegistryConnection, settings: Settings) -> SchemaRegistry:
    """A registry as it is declared, with its secrets: workers have no way to them.

    Raises:
        SecretError: a secret is nowhere to be found.
        FeedError: the address is none.
    """
    url = value_of(connection.url, settings)
    if wrong := wrong_address(url):
        raise FeedError(f"schema_registry.url: {wrong}")
    return SchemaRegistry(
        url,
        "" if connection.user is None else value_of(connection.user, settings),
        "" if connection.password is None else value_of(connection.password, settings),
        "" if connection.ca is None else pem_of(connection.ca, settings),
    )


def _known_in_this_process() -> dict[Any, Any]:
    """What was fetched before. This package comes to a worker by value: globals of its own would last for a task."""
    kept = sys.modules.setdefault("_lakehouse_schemas", ModuleType("_lakehouse_schemas", "Schemas by registry and id."))
    return kept.__dict__.setdefault("known", {})  # type: ignore[no-any-return]
