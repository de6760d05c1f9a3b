"""Jobs and their runs in the stub: docs.databricks.com/api/workspace/jobs. A run does what the test scripted."""

from stub_workspace import ApiError, Json, Request, Workspace, now_millis, route


def _job(workspace: Workspace, job_id: int) -> Json:
    if job_id not in workspace.jobs:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Job {job_id} does not exist.")
    return workspace.jobs[job_id]


def _check_continuous(settings: Json) -> None:
    """docs.databricks.com/jobs/continuous: what a continuous job can't have."""
    for task in settings.get("tasks", []) if settings.get("continuous") else []:
        if task.get("depends_on"):
            raise ApiError(400, "INVALID_PARAMETER_VALUE", "Task dependencies are not supported in a continuous job.")
        if task.get("max_retries"):
            raise ApiError(400, "INVALID_PARAMETER_VALUE", "Retry policies are not supported in a continuous job.")


@route("POST", "/api/2.2/jobs/create")
def create(workspace: Workspace, request: Request) -> Json:
    _check_continuous(request.body)
    job_id = workspace.new_id()
    workspace.jobs[job_id] = {
        "job_id": job_id,
        "creator_user_name": workspace.user,
        "run_as_user_name": workspace.user,
        "created_time": now_millis(),
        "settings": request.body,
    }
    return {"job_id": job_id}


@route("POST", "/api/2.2/jobs/reset")
def reset(workspace: Workspace, request: Request) -> None:
    _check_continuous(request.body["new_settings"])
    _job(workspace, int(request.body["job_id"]))["settings"] = request.body["new_settings"]


@route("GET", "/api/2.2/jobs/get")
def get(workspace: Workspace, request: Request) -> Json:
    return _job(workspace, int(request.query["job_id"]))


@route("GET", "/api/2.2/jobs/list")
def list_jobs(workspace: Workspace, request: Request) -> Json:
    name = request.query.get("name", "").lower()
    jobs = [job for job in workspace.jobs.values() if not name or job["settings"]["name"].lower() == name]
    return {"jobs": jobs, "has_more": False}


@route("POST", "/api/2.2/jobs/delete")
def delete(workspace: Workspace, request: Request) -> None:
    job_id = int(request.body["job_id"])
    _job(workspace, job_id)
    del workspace.jobs[job_id]
    workspace.permissions.pop(("jobs", str(job_id)), None)
