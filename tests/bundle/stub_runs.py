"""Runs of jobs in the stub: each task does what the test told it to, a step at every look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stub_workspace import ApiError, Json, Request, Workspace, now_millis, route


@dataclass(frozen=True)
class Play:
    """What a task does: runs for so many looks, then ends like this; what it did in earlier attempts comes before."""

    result: str = "SUCCESS"
    looks: int = 1
    ends_with: str = ""
    error: str = ""
    trace: str = ""
    before: tuple["Play", ...] = ()


@dataclass
class Script:
    """What the runs of a workspace do, by task; the others succeed."""

    plays: Mapping[str, Play] = field(default_factory=dict)
    started: list[Json] = field(default_factory=list)
    runs: dict[int, "StubRun"] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)


@dataclass
class StubRun:
    run_id: int
    settings: Json
    plays: Mapping[str, Play]
    only: list[str] | None
    is_cancelled: bool = False
    states: dict[str, str] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)

    def play(self, key: str) -> Play:
        whole = self.plays.get(key, Play())
        return (*whole.before, whole)[self.attempts.get(key, 0)]

    def step(self) -> None:
        for task in self.settings["tasks"]:
            key = task["task_key"]
            if key in self.states:
                continue
            if self.only is not None and key not in self.only:
                self.states[key] = "DISABLED"
                continue
            upstream = [self.states.get(one["task_key"]) for one in task.get("depends_on", [])]
            if None in upstream:
                continue
            if self.is_cancelled:
                self.states[key] = "CANCELED"
            elif any(state not in ("SUCCESS", "DISABLED") for state in upstream):
                self.states[key] = "UPSTREAM_FAILED"
            else:
                self._run(key)

    def _run(self, key: str) -> None:
        self.looks[key] = self.looks.get(key, 0) + 1
        play = self.play(key)
        if self.looks[key] <= play.looks:
            return
        if self.attempts.get(key, 0) < len(self.plays.get(key, Play()).before):
            self.attempts[key] = self.attempts.get(key, 0) + 1
            self.looks[key] = 0
        else:
            self.states[key] = play.result

    def task_id(self, key: str) -> int:
        keys = [task["task_key"] for task in self.settings["tasks"]]
        return self.run_id * 1000 + keys.index(key)

    def shown(self) -> Json:
        tasks = [self._task(task["task_key"]) for task in self.settings["tasks"]]
        ended = all(task["task_key"] in self.states for task in self.settings["tasks"])
        bad = [state for state in self.states.values() if state not in ("SUCCESS", "DISABLED")]
        result = (
            ("CANCELED" if self.is_cancelled else "TIMEDOUT" if "TIMEDOUT" in bad else "FAILED") if bad else "SUCCESS"
        )
        message = f"{len(bad)} tasks did not succeed" if bad else ""
        state = {"life_cycle_state": "TERMINATED", "result_state": result, "state_message": message}
        return {
            "run_id": self.run_id,
            "state": state if ended else {"life_cycle_state": "RUNNING"},
            "tasks": tasks,
        }

    def _task(self, key: str) -> Json:
        shown: Json = {
            "task_key": key,
            "run_id": self.task_id(key),
            "run_page_url": f"page of {key}",
            "attempt_number": self.attempts.get(key, 0),
        }
        if key in self.states:
            started = {} if self.states[key] in ("UPSTREAM_FAILED", "DISABLED") else {"start_time": now_millis() - 2500}
            state = {"life_cycle_state": "TERMINATED", "result_state": self.states[key]}
            return {**shown, **started, "end_time": now_millis(), "state": state}
        if self.looks.get(key):
            return {**shown, "start_time": now_millis(), "state": {"life_cycle_state": "RUNNING"}}
        return {**shown, "state": {"life_cycle_state": "BLOCKED"}}


def script(workspace: Workspace) -> Script:
    """The workspace's script."""
    held: Script = workspace.extras.setdefault("script", Script())
    return held


@route("POST", "/api/2.2/jobs/run-now")
def run_now(workspace: Workspace, request: Request) -> Json:
    told, body = script(workspace), request.body
    token = body.get("idempotency_token", "")
    if token and token in told.tokens:
        return {"run_id": told.tokens[token]}
    job = workspace.jobs[int(body["job_id"])]
    declared = {parameter["name"] for parameter in job["settings"]["parameters"]}
    if unknown := set(body.get("job_parameters", {})) - declared:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Unknown job parameters {sorted(unknown)}")
    run_id = workspace.new_id()
    told.tokens[token] = run_id
    told.started.append(body)
    told.runs[run_id] = StubRun(run_id, job["settings"], told.plays, body.get("only"))
    return {"run_id": run_id}


def _run(workspace: Workspace, request: Request) -> StubRun:
    run_id = int(request.query["run_id"])
    if run_id not in script(workspace).runs:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Run {run_id} does not exist.")
    return script(workspace).runs[run_id]


@route("GET", "/api/2.2/jobs/runs/get")
def get_run(workspace: Workspace, request: Request) -> Json:
    run = _run(workspace, request)
    run.step()
    return run.shown()


@route("GET", "/api/2.2/jobs/runs/get-output")
def get_output(workspace: Workspace, request: Request) -> Json:
    task_id = int(request.query["run_id"])
    run = script(workspace).runs[task_id // 1000]
    [key] = [task["task_key"] for task in run.settings["tasks"] if run.task_id(task["task_key"]) == task_id]
    play = run.play(key)
    output: dict[str, Any] = {"metadata": {"run_id": task_id}}
    if play.result == "SUCCESS":
        return {**output, "notebook_output": {"result": play.ends_with, "truncated": False}}
    return {**output, "error": play.error, "error_trace": play.trace}


@route("POST", "/api/2.2/jobs/runs/cancel")
def cancel(workspace: Workspace, request: Request) -> None:
    script(workspace).runs[int(request.body["run_id"])].is_cancelled = True
