"""Runs of jobs in the stub: docs.databricks.com/api/workspace/jobs. A task does what the test scripted.

Time goes by in questions: each `runs/get` is a tick, so that a test says exactly what can be seen when.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stub_workspace import ApiError, Json, Request, Workspace, now_millis, route

SKIPPED, CANCELED = "SKIPPED", "CANCELED"
_CODES = {
    "SUCCESS": "SUCCESS",
    "FAILED": "RUN_EXECUTION_ERROR",
    "TIMEDOUT": "CANCELED",
    "CANCELED": "USER_CANCELED",
    "UPSTREAM_FAILED": "SKIPPED",
    "UPSTREAM_CANCELED": "SKIPPED",
    "EXCLUDED": "SKIPPED",
    "DISABLED": "DISABLED",
}
_BAD = {"FAILED", "TIMEDOUT", "CANCELED"}
TICK_MILLIS = 10_000


@dataclass
class Attempt:
    """How one attempt of a task goes: after its setup it runs for so many ticks, then ends.

    After a failure the next one is there after a pause, unless the attempt is the final one.
    """

    ticks: int = 1
    ends: str = "SUCCESS"
    result: str | None = None
    error: str | None = None
    trace: str | None = None
    message: str = ""
    is_truncated: bool = False
    is_final: bool = False
    pause_ticks: int = 0
    setup_ticks: int = 0


@dataclass
class Script:
    """What a job's runs do: the attempts of each task by key, how many ticks they wait, whether they run at all.

    Tasks that a run doesn't ask for are not mentioned, or end in a way.
    """

    tasks: Mapping[str, list[Attempt]] = field(default_factory=dict)
    queued_ticks: int = 0
    is_skipped: bool = False
    others_end: str = ""


@dataclass
class _TaskRun:
    """One attempt that is there: what the API calls a task's run."""

    run_id: int
    key: str
    number: int
    script: Attempt
    settings: Json
    state: str = "BLOCKED"
    ends: str = ""
    ticks: int = 0
    setup_ticks: int = 0
    start_time: int = 0
    end_time: int = 0


@dataclass
class _Run:
    run_id: int
    job_id: int
    body: Json
    script: Script
    started: int
    now: int
    tasks: list[_TaskRun] = field(default_factory=list)
    ends: str = ""
    message: str = ""
    ticks: int = 0

    @property
    def is_queued(self) -> bool:
        return self.ticks < self.script.queued_ticks

    def asks_for(self, key: str) -> bool:
        return self.body.get("only") is None or key in self.body["only"]

    def newest(self, key: str) -> _TaskRun:
        return [task for task in self.tasks if task.key == key][-1]


def _run(workspace: Workspace, run_id: Any) -> _Run:
    if int(run_id) not in workspace.runs:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Run {run_id} does not exist.")
    found: _Run = workspace.runs[int(run_id)]
    return found


@route("POST", "/api/2.2/jobs/run-now")
def run_now(workspace: Workspace, request: Request) -> Json:
    body = request.body
    token = body.get("idempotency_token")
    for run in workspace.runs.values():
        if token and run.body.get("idempotency_token") == token:
            return {"run_id": run.run_id, "number_in_job": run.run_id}
    job = workspace.jobs.get(int(body["job_id"]))
    if job is None:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Job {body['job_id']} does not exist.")
    settings = job["settings"]
    _check_names(body.get("job_parameters") or {}, settings.get("parameters") or [], "name", "job parameters")
    _check_names(body.get("only") or [], settings["tasks"], "task_key", "tasks")
    script: Script = workspace.scripts.get(settings["name"], Script())
    run = _Run(workspace.new_id(), job["job_id"], body, script, now_millis(), now_millis())
    if script.is_skipped:
        run.ends, run.message = SKIPPED, "A previous run of the same job is active."
    for task in [] if run.ends else settings["tasks"]:
        if run.asks_for(task["task_key"]) or script.others_end:
            _add(workspace, run, task, 0)
        if not run.asks_for(task["task_key"]) and script.others_end:
            run.tasks[-1].state, run.tasks[-1].ends = "TERMINATED", script.others_end
    workspace.runs[run.run_id] = run
    return {"run_id": run.run_id, "number_in_job": run.run_id}


def _check_names(given: Any, known: list[Json], key: str, what: str) -> None:
    unknown = set(given) - {item[key] for item in known}
    if unknown:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"These {what} do not exist: {', '.join(sorted(unknown))}")


def _add(workspace: Workspace, run: _Run, settings: Json, number: int) -> None:
    scripts = run.script.tasks.get(settings["task_key"]) or [Attempt()]
    script = scripts[min(number, len(scripts) - 1)]
    run.tasks.append(_TaskRun(workspace.new_id(), settings["task_key"], number, script, settings))


@route("GET", "/api/2.2/jobs/runs/get")
def get_run(workspace: Workspace, request: Request) -> Json:
    run = _run(workspace, request.query["run_id"])
    if not run.ends:
        _tick(workspace, run)
    return _shown(run)


def _tick(workspace: Workspace, run: _Run) -> None:
    """One step in the life of a run: what runs goes on or ends, then what waits for it begins."""
    run.now += TICK_MILLIS
    run.ticks += 1
    if run.is_queued:
        return
    for task in list(run.tasks):
        if task.state == "RUNNING":
            _go_on(run, task)
    for task in list(run.tasks):
        if _is_due(run, task):
            _add(workspace, run, task.settings, task.number + 1)
    for task in run.tasks:
        if task.state in ("BLOCKED", "PENDING"):
            _begin(run, task)
    newest = [run.newest(task.key) for task in run.tasks]
    if all(_has_ended(task) for task in newest):
        run.ends = "FAILED" if _BAD.intersection(task.ends for task in newest) else "SUCCESS"
        run.message = "" if run.ends == "SUCCESS" else "A task of the run did not succeed."


def _go_on(run: _Run, task: _TaskRun) -> None:
    task.ticks += 1
    if task.ticks < task.script.ticks:
        return
    task.state, task.ends, task.end_time = "TERMINATED", task.script.ends, run.now


def _is_tried_again(task: _TaskRun) -> bool:
    retries = task.settings.get("max_retries", 0)
    return task.ends == "FAILED" and not task.script.is_final and task.number < retries


def _has_ended(task: _TaskRun) -> bool:
    return task.state == "TERMINATED" and not _is_tried_again(task)


def _is_due(run: _Run, task: _TaskRun) -> bool:
    """Whether the next attempt is to be there now."""
    paused = run.now - task.end_time >= task.script.pause_ticks * TICK_MILLIS
    return task is run.newest(task.key) and _is_tried_again(task) and paused


def _begin(run: _Run, task: _TaskRun) -> None:
    before = [
        run.newest(one["task_key"]) for one in task.settings.get("depends_on", []) if run.asks_for(one["task_key"])
    ]
    if not all(_has_ended(other) for other in before):
        return
    if any(other.ends not in ("SUCCESS", "EXCLUDED") for other in before):
        canceled = any(other.ends == CANCELED for other in before)
        task.state, task.ends = "TERMINATED", "UPSTREAM_CANCELED" if canceled else "UPSTREAM_FAILED"
    elif task.script.ends in ("EXCLUDED", "DISABLED"):
        task.state, task.ends = "TERMINATED", task.script.ends
    elif task.setup_ticks < task.script.setup_ticks:
        task.state, task.setup_ticks = "PENDING", task.setup_ticks + 1
    else:
        task.state, task.start_time = "RUNNING", run.now


def _shown(run: _Run) -> Json:
    url = f"https://dbc-1a2b3c4d-5e6f.cloud.databricks.com/?o=1234567890123456#job/{run.job_id}/run/{run.run_id}"
    state = "TERMINATED" if run.ends else "QUEUED" if run.is_queued else "RUNNING"
    shown = {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "run_page_url": url,
        "start_time": run.started,
        "end_time": run.now if run.ends else 0,
        **_states(state, run.ends, run.message),
        "tasks": [_shown_task(run, task, url) for task in reversed(run.tasks)],
    }
    if run.ends == SKIPPED:
        shown["state"] = {"life_cycle_state": "SKIPPED", "state_message": run.message}
        shown["status"]["termination_details"]["code"] = "MAX_CONCURRENT_RUNS_EXCEEDED"
    if state == "QUEUED":
        shown["status"]["queue_details"] = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": "another run is active"}
    return shown


def _shown_task(run: _Run, task: _TaskRun, url: str) -> Json:
    message = task.script.message if task.state == "TERMINATED" else ""
    return {
        "run_id": task.run_id,
        "task_key": task.key,
        "attempt_number": task.number,
        "start_time": task.start_time,
        "end_time": task.end_time,
        "run_page_url": f"{url}/task/{task.run_id}",
        **{key: task.settings[key] for key in ("max_retries", "timeout_seconds") if key in task.settings},
        **_states(task.state, task.ends, message),
    }


def _states(state: str, ends: str, message: str) -> Json:
    old = {"life_cycle_state": state, "state_message": message}
    new: Json = {"state": state}
    if ends:
        old["result_state"] = ends
        new["termination_details"] = {"code": _CODES.get(ends, "INTERNAL_ERROR"), "message": message}
    return {"state": old, "status": new}


@route("GET", "/api/2.2/jobs/runs/get-output")
def get_output(workspace: Workspace, request: Request) -> Json:
    wanted = int(request.query["run_id"])
    for run in workspace.runs.values():
        for task in run.tasks:
            if task.run_id == wanted:
                return _output(task)
    raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Run {wanted} does not exist.")


def _output(task: _TaskRun) -> Json:
    script = task.script
    output = {"result": script.result, "truncated": script.is_truncated} if script.result is not None else {}
    errors = {"error": script.error, "error_trace": script.trace}
    return {"notebook_output": output, **{key: text for key, text in errors.items() if text is not None}}


@route("POST", "/api/2.2/jobs/runs/cancel")
def cancel(workspace: Workspace, request: Request) -> None:
    run = _run(workspace, request.body["run_id"])
    run.ends, run.message = CANCELED, "Run cancelled."
    for task in run.tasks:
        if task.state != "TERMINATED":
            task.state, task.ends, task.end_time = "TERMINATED", CANCELED, run.now
