"""Workspace files, folders and notebooks of the stub: docs.databricks.com/api/workspace/workspace."""

from pathlib import PurePosixPath

from stub_workspace import Json, Request, Workspace, decoded, exists_already, not_found, route


def _plain(path: str) -> str:
    """The path without /Workspace, which is another name of the same root."""
    short = path.removeprefix("/Workspace")
    return short.rstrip("/") or "/"


def _status(workspace: Workspace, path: str) -> Json:
    path = _plain(path)
    if path in workspace.folders:
        return {"object_type": "DIRECTORY", "path": path, "object_id": _id(path)}
    if path in workspace.files:
        kind = {"object_type": "FILE", "size": len(workspace.files[path])}
        if path in workspace.notebooks:
            kind = {"object_type": "NOTEBOOK", "language": "PYTHON"}
        return {**kind, "path": path, "object_id": _id(path), "resource_id": str(_id(path))}
    raise not_found(path)


def _id(path: str) -> int:
    return int.from_bytes(path.encode()[-6:], "big")


def _make_folder(workspace: Workspace, path: str) -> None:
    folder = PurePosixPath(_plain(path))
    workspace.folders |= {str(folder), *map(str, folder.parents)}


def write(workspace: Workspace, path: str, content: bytes, *, overwrite: bool) -> None:
    """Puts a file there; an .ipynb becomes a notebook, whose name has no extension."""
    path = _plain(path)
    is_notebook = path.endswith(".ipynb")
    name = path.removesuffix(".ipynb")
    if name in workspace.files and not overwrite:
        raise exists_already(name)
    if str(PurePosixPath(path).parent) not in workspace.folders:
        raise not_found(f"the parent folder of {path}")
    workspace.files[name] = content
    (workspace.notebooks.add if is_notebook else workspace.notebooks.discard)(name)


@route("GET", "/api/2.0/workspace/get-status")
def get_status(workspace: Workspace, request: Request) -> Json:
    return _status(workspace, request.query["path"])


@route("POST", "/api/2.0/workspace/mkdirs")
def make_folders(workspace: Workspace, request: Request) -> None:
    _make_folder(workspace, request.body["path"])


@route("GET", "/api/2.0/workspace/list")
def list_folder(workspace: Workspace, request: Request) -> Json:
    folder = PurePosixPath(_plain(request.query["path"]))
    if str(folder) not in workspace.folders:
        raise not_found(str(folder))
    inside = [path for path in (*workspace.folders, *workspace.files) if PurePosixPath(path).parent == folder]
    return {"objects": [_status(workspace, path) for path in sorted(set(inside) - {str(folder)})]}


@route("GET", "/api/2.0/workspace-files/{rest}")
def read_file(workspace: Workspace, request: Request, rest: str) -> bytes:
    path = _plain("/" + rest)
    if path not in workspace.files:
        raise not_found(path)
    return workspace.files[path]


@route("POST", "/api/2.0/workspace-files/import-file/{rest}")
def import_file(workspace: Workspace, request: Request, rest: str) -> None:
    write(workspace, "/" + rest, request.raw, overwrite=request.query.get("overwrite") == "true")


@route("POST", "/api/2.0/workspace/import")
def import_notebook(workspace: Workspace, request: Request) -> None:
    body = request.body
    write(workspace, body["path"], decoded(body["content"]), overwrite=bool(body.get("overwrite")))


@route("GET", "/api/2.0/workspace/export")
def export(workspace: Workspace, request: Request) -> bytes:
    path = _plain(request.query["path"])
    if path not in workspace.files:
        raise not_found(path)
    return workspace.files[path]


@route("POST", "/api/2.0/workspace/delete")
def delete(workspace: Workspace, request: Request) -> None:
    path = _plain(request.body["path"])
    _status(workspace, path)
    inside = path + "/"
    workspace.folders = {other for other in workspace.folders if other != path and not other.startswith(inside)}
    for other in [name for name in workspace.files if name == path or name.startswith(inside)]:
        del workspace.files[other]
        workspace.notebooks.discard(other)
