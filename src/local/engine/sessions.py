"""Sessions on the Spark Connect server that belong to tasks, and how they end.

A streaming query goes on in the server after its client was killed, so whoever starts a notebook ends its session.
The owner of each session is recorded: the next runner ends what a killed one left behind.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from local.engine.server import find_server
from local.processes import ProcessIdentity
from local.workspace import Workspace, read_json, write_json

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_END_SECONDS = 20


def own_session(workspace: Workspace, session_id: str) -> None:
    """Records this process as the owner of a session."""
    write_json(workspace.engine / "sessions" / f"{session_id}.json", ProcessIdentity.of().as_json())


def end_session(workspace: Workspace, session_id: str, remote: str | None = None) -> None:
    """Releases the session on the server, which stops its streaming queries and interrupts what it runs.

    Nothing to do where no server runs. A server that doesn't answer in time is left to its own end.
    """
    server = find_server(workspace)
    address = remote or (server.remote if server else None)
    if address:
        _release(address, session_id)
    (workspace.engine / "sessions" / f"{session_id}.json").unlink(missing_ok=True)


def end_abandoned_sessions(workspace: Workspace, remote: str | None = None) -> int:
    """Ends the sessions whose owner is gone, on the server at `remote` or the workspace's; how many there were."""
    abandoned = []
    for file in (workspace.engine / "sessions").glob("*.json"):
        owner = ProcessIdentity.from_json(read_json(file))
        if owner is None or not owner.is_alive():
            abandoned.append(file.stem)
    for session_id in abandoned:
        end_session(workspace, session_id, remote)
    return len(abandoned)


@contextmanager
def fresh_session(remote: str) -> "Iterator[SparkSession]":
    """A session of its own on a server, beside this process's own if it has one, released at the end."""
    from pyspark.sql.connect.session import SparkSession

    from common.session import close_for_good, session_url

    # Every error would be printed a second time, as JSON with the server's stack trace.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    session = SparkSession(session_url(remote))
    try:
        yield session  # type: ignore[misc]
    finally:
        with suppress(Exception):  # it was released already, or the server is going down
            session.client.release_session()
        close_for_good(session)


def _release(remote: str, session_id: str) -> None:
    """One call without a PySpark session: it has a deadline, and needs none of PySpark's threads."""
    import grpc
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client.core import DefaultChannelBuilder
    from pyspark.sql.connect.proto import ReleaseSessionRequest, SparkConnectServiceStub

    from common.session import session_url

    with suppress(grpc.RpcError, PySparkException):  # no server is there, or no such address can be
        address = DefaultChannelBuilder(session_url(remote, session_id))
        request = ReleaseSessionRequest(session_id=session_id, client_type="lakehouse")
        request.user_context.user_id = address.userId or ""
        with address.toChannel() as channel:
            server: Any = SparkConnectServiceStub(channel)  # type: ignore[no-untyped-call]
            server.ReleaseSession(request, timeout=_END_SECONDS, metadata=address.metadata())
