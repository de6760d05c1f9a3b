"""The lists of jars that a workspace's server is started with beside Delta's: what its sources have needed so far.

A need is an empty file in engine/needs. Who reads files alone has none, and fetches nothing more.
"""

from collections.abc import Collection

from local.engine.jars import needed_lists
from local.workspace import Workspace


def needs_of(workspace: Workspace) -> frozenset[str]:
    """The needs that are noted."""
    return frozenset(path.name for path in (workspace.engine / "needs").glob("[!.]*"))


def note_needs(workspace: Workspace, needs: Collection[str]) -> None:
    """Notes needs, for the next server and all later ones.

    Raises:
        EngineError: there is no list of such a name.

    """
    needed_lists(needs)
    for name in needs:
        (workspace.engine / "needs").mkdir(parents=True, exist_ok=True)
        (workspace.engine / "needs" / name).touch()
