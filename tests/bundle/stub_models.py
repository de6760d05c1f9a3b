"""MLflow experiments and the access lists of workspace objects in the stub."""

from stub_workspace import Json, Request, Workspace, exists_already, not_found, route


@route("POST", "/api/2.0/mlflow/experiments/create")
def create(workspace: Workspace, request: Request) -> Json:
    body = request.body
    if any(one["name"] == body["name"] for one in workspace.experiments.values()):
        raise exists_already(f"experiment '{body['name']}'")
    experiment_id = str(workspace.new_id())
    workspace.experiments[experiment_id] = {**body, "experiment_id": experiment_id, "lifecycle_stage": "active"}
    return {"experiment_id": experiment_id}


@route("GET", "/api/2.0/mlflow/experiments/get")
def get(workspace: Workspace, request: Request) -> Json:
    experiment_id = request.query["experiment_id"]
    if experiment_id not in workspace.experiments:
        raise not_found(f"experiment {experiment_id}")
    return {"experiment": workspace.experiments[experiment_id]}


@route("POST", "/api/2.0/mlflow/experiments/update")
def update(workspace: Workspace, request: Request) -> None:
    workspace.experiments[request.body["experiment_id"]]["name"] = request.body["new_name"]


@route("POST", "/api/2.0/mlflow/experiments/set-experiment-tag")
def set_tag(workspace: Workspace, request: Request) -> None:
    body = request.body
    tags = workspace.experiments[body["experiment_id"]].setdefault("tags", [])
    tags[:] = [tag for tag in tags if tag["key"] != body["key"]] + [{"key": body["key"], "value": body["value"]}]


@route("POST", "/api/2.0/mlflow/experiments/delete")
def delete(workspace: Workspace, request: Request) -> None:
    if workspace.experiments.pop(request.body["experiment_id"], None) is None:
        raise not_found(f"experiment {request.body['experiment_id']}")
    workspace.permissions.pop(("experiments", request.body["experiment_id"]), None)


@route("GET", "/api/2.0/permissions/{kind}/{object_id}")
def get_permissions(workspace: Workspace, request: Request, kind: str, object_id: str) -> Json:
    existing = workspace.permissions.get((kind, object_id), [])
    return {"object_id": f"/{kind}/{object_id}", "access_control_list": [_shown(entry) for entry in existing]}


@route("PUT", "/api/2.0/permissions/{kind}/{object_id}")
def set_permissions(workspace: Workspace, request: Request, kind: str, object_id: str) -> Json:
    workspace.permissions[kind, object_id] = request.body["access_control_list"]
    return get_permissions(workspace, request, kind, object_id)


def _shown(entry: Json) -> Json:
    who = {key: value for key, value in entry.items() if key != "permission_level"}
    return {**who, "all_permissions": [{"permission_level": entry["permission_level"], "inherited": False}]}


@route("GET", "/api/2.0/preview/scim/v2/Me")
def me(workspace: Workspace, request: Request) -> Json:
    name = workspace.user
    return {"id": "1", "userName": name, "displayName": name, "active": True, "emails": [{"value": name}]}


@route("GET", "/.well-known/databricks-config")
def host(workspace: Workspace, request: Request) -> Json:
    endpoint = f"http://{request.host}/oidc"
    return {"oidc_endpoint": endpoint, "account_id": "11111111-0000-0000-0000-000000000000", "workspace_id": "1"}


@route("POST", "/telemetry-ext")
def telemetry(workspace: Workspace, request: Request) -> Json:
    return {"numProtoSuccess": len(request.body.get("protoLogs", []))}
