"""Unity Catalog of the stub: schemas, volumes, registered models and who may do what with them."""

from typing import Any

from stub_workspace import ApiError, Json, Request, Workspace, not_found, now_millis, route

SECURABLES = {"schema": "schemas", "volume": "volumes", "function": "models", "registered_model": "models"}


def _create(workspace: Workspace, store: dict[str, Json], body: Json, *parents: str) -> Json:
    full_name = ".".join([*(str(body[key]) for key in parents), str(body["name"])])
    if full_name in store:
        raise ApiError(400, "ALREADY_EXISTS", f"'{full_name}' already exists")
    if "schema_name" in parents and full_name.rsplit(".", 1)[0] not in workspace.schemas:
        raise ApiError(404, "SCHEMA_DOES_NOT_EXIST", f"Schema '{full_name.rsplit('.', 1)[0]}' does not exist")
    made = {**body, "full_name": full_name, "owner": workspace.user, "created_at": now_millis()}
    store[full_name] = made
    return made


def _get(store: dict[str, Json], name: str) -> Json:
    if name not in store:
        raise not_found(f"'{name}'")
    return store[name]


def _register(kind: str, *parents: str) -> None:
    base = f"/api/2.1/unity-catalog/{kind}"

    def store(workspace: Workspace) -> dict[str, Json]:
        found: dict[str, Json] = getattr(workspace, kind)
        return found

    @route("POST", base)
    def create(workspace: Workspace, request: Request) -> Json:
        return _create(workspace, store(workspace), request.body, *parents)

    @route("GET", base + "/{name}")
    def get(workspace: Workspace, request: Request, name: str) -> Json:
        return _get(store(workspace), name)

    @route("PATCH", base + "/{name}")
    def update(workspace: Workspace, request: Request, name: str) -> Json:
        found = _get(store(workspace), name)
        found.update(request.body)
        return found

    @route("DELETE", base + "/{name}")
    def delete(workspace: Workspace, request: Request, name: str) -> None:
        _get(store(workspace), name)
        inside = name + "."
        if kind == "schemas":
            existing = [other for group in (workspace.volumes, workspace.models) for other in group]
            if request.query.get("force") != "true" and any(other.startswith(inside) for other in existing):
                raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Schema '{name}' is not empty")
            for other_store in (workspace.volumes, workspace.models):
                for other in [key for key in other_store if key.startswith(inside)]:
                    del other_store[other]
        del store(workspace)[name]
        for key in [key for key in workspace.grants if key[1] == name or key[1].startswith(inside)]:
            del workspace.grants[key]


_register("schemas", "catalog_name")
_register("volumes", "catalog_name", "schema_name")
_register("models", "catalog_name", "schema_name")


def _assignments(workspace: Workspace, kind: str, name: str) -> Json:
    existing = workspace.grants.get((kind, name), {})
    return {
        "privilege_assignments": [
            {"principal": principal, "privileges": sorted(privileges)} for principal, privileges in existing.items()
        ]
    }


def _securable(workspace: Workspace, kind: str, name: str) -> None:
    if kind == "catalog":
        return
    if name not in getattr(workspace, SECURABLES[kind]):
        raise not_found(f"{kind} '{name}'")


@route("GET", "/api/2.1/unity-catalog/permissions/{kind}/{name}")
def get_grants(workspace: Workspace, request: Request, kind: str, name: str) -> Json:
    _securable(workspace, kind, name)
    return _assignments(workspace, kind, name)


@route("PATCH", "/api/2.1/unity-catalog/permissions/{kind}/{name}")
def change_grants(workspace: Workspace, request: Request, kind: str, name: str) -> Json:
    _securable(workspace, kind, name)
    existing = workspace.grants.setdefault((kind, name), {})
    changes: list[dict[str, Any]] = request.body.get("changes", [])
    for change in changes:
        privileges = existing.setdefault(change["principal"], set())
        removed = set(change.get("remove", []))
        privileges -= privileges if "ALL_PRIVILEGES" in removed else removed
        privileges |= set(change.get("add", []))
        if not privileges:
            del existing[change["principal"]]
    return _assignments(workspace, kind, name)


@route("GET", "/api/2.1/unity-catalog/effective-permissions/{kind}/{name}")
def effective_grants(workspace: Workspace, request: Request, kind: str, name: str) -> Json:
    if kind == "catalog" and name not in workspace.catalogs:
        raise not_found(f"Catalog '{name}'")
    existing = workspace.grants.get((kind, name), {}).get(request.query["principal"], set())
    privileges = [{"privilege": privilege} for privilege in sorted(existing)]
    return {"privilege_assignments": [{"principal": request.query["principal"], "privileges": privileges}]}


@route("GET", "/api/2.1/unity-catalog/catalogs/{name}")
def get_catalog(workspace: Workspace, request: Request, name: str) -> Json:
    if name not in workspace.catalogs:
        raise not_found(f"Catalog '{name}'")
    return {"name": name, "owner": workspace.catalogs[name]}
