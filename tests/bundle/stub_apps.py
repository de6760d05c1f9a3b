"""Apps and SQL warehouses of the stub: docs.databricks.com/api/workspace/apps."""

from stub_workspace import Json, Request, Workspace, exists_already, not_found, route


def _app(workspace: Workspace, name: str) -> Json:
    if name not in workspace.apps:
        raise not_found(f"App '{name}'")
    return workspace.apps[name]


@route("POST", "/api/2.0/apps")
def create(workspace: Workspace, request: Request) -> Json:
    name = request.body["name"]
    if name in workspace.apps:
        raise exists_already(f"App '{name}'")
    made = {
        **request.body,
        "id": f"app-{workspace.new_id()}",
        "service_principal_client_id": f"app-principal-of-{name}",
        "service_principal_name": f"app {name}",
        "service_principal_id": workspace.new_id(),
        "url": f"https://{name}.example.com",
        "compute_status": {"state": "STOPPED" if request.query.get("no_compute") == "true" else "ACTIVE"},
    }
    workspace.apps[name] = made
    return made


@route("GET", "/api/2.0/apps/{name}")
def get(workspace: Workspace, request: Request, name: str) -> Json:
    return _app(workspace, name)


@route("DELETE", "/api/2.0/apps/{name}")
def delete(workspace: Workspace, request: Request, name: str) -> Json:
    app = _app(workspace, name)
    del workspace.apps[name]
    workspace.permissions.pop(("apps", name), None)
    return app


@route("GET", "/api/2.0/sql/warehouses")
def list_warehouses(workspace: Workspace, request: Request) -> Json:
    return {"warehouses": [{"id": key, "name": name} for name, key in workspace.warehouses.items()]}


@route("POST", "/api/2.0/apps/{name}/start")
def start(workspace: Workspace, request: Request, name: str) -> Json:
    app = _app(workspace, name)
    app["compute_status"] = {"state": "ACTIVE"}
    return app


@route("POST", "/api/2.0/apps/{name}/deployments")
def deploy(workspace: Workspace, request: Request, name: str) -> Json:
    made = {**request.body, "deployment_id": str(workspace.new_id()), "status": {"state": "SUCCEEDED", "message": ""}}
    app = _app(workspace, name)
    app["active_deployment"], app["default_source_code_path"] = made, request.body["source_code_path"]
    app["app_status"] = {"state": "RUNNING", "message": ""}
    return made


@route("GET", "/api/2.0/apps/{name}/deployments/{deployment_id}")
def get_deployment(workspace: Workspace, request: Request, name: str, deployment_id: str) -> Json:
    deployment: Json = _app(workspace, name)["active_deployment"]
    return deployment
