"""Runs a job's graph: notebooks side by side, retries, timeouts, run_if, and a clean end whatever happens."""

import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

from local.engine.sessions import end_abandoned_sessions, end_session, own_session
from local.jobs.dynamic_values import RunValues, TaskValues
from local.jobs.job import Job, Task
from local.jobs.parameters import job_values, prepare, task_values
from local.jobs.published_result import published_result
from local.run import run_record as states
from local.run.forked_kernels import KernelParent, kernel_parent
from local.run.job_lock import job_lock
from local.run.notebook_process import NotebookError, NotebookProcess, kernel_environment
from local.run.reporting import Reporter
from local.run.run_if import decide
from local.run.run_record import RunRecord, TaskRecord, attempt_path, new_run_id
from local.workspace import Workspace

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class RunOptions:
    """What a person chose for one run.

    `remote` is a Spark Connect server that notebooks attach to; without one, the first that uses Spark starts the
    workspace's own, for this process.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    selected: frozenset[str] | None = None
    parallel: int = 2
    remote: str | None = None


def run_job(workspace: Workspace, job: Job, options: RunOptions, reporter: Reporter) -> RunRecord:
    """Runs a job to its end; the record says how it went.

    A KeyboardInterrupt ends the running notebooks and their sessions, and is raised again once the record is written.

    Raises:
        DeclarationError: the job or one of its notebooks breaks a rule (before anything runs).
        JobRunningError: the job runs already in this workspace.

    """
    declared = prepare(job, options.parameters)
    started = datetime.now(UTC)
    run_id = new_run_id(started)
    values = RunValues(job.key, job.name, run_id, started)
    values = replace(values, parameters=job_values(job, options.parameters, values))
    with job_lock(workspace.create(), job, run_id):
        end_abandoned_sessions(workspace, options.remote)
        folder = workspace.runs / run_id
        folder.mkdir(parents=True)
        tasks = {task.key: TaskRecord(task.key) for task in job.tasks}
        record = RunRecord(
            run_id, job.key, dict(values.parameters), tasks, folder, started, given=dict(options.parameters)
        )
        notebooks = [task.notebook for task in job.tasks if options.selected is None or task.key in options.selected]
        with kernel_parent(notebooks, kernel_environment({"LAKEHOUSE_HOME": str(workspace.home)})) as parent:
            return _Run(workspace, job, options, values, record, reporter, declared, parent).execute()


@dataclass
class _Run:
    workspace: Workspace
    job: Job
    options: RunOptions
    values: RunValues
    record: RunRecord
    reporter: Reporter
    declared: Mapping[str, frozenset[str]]
    parent: KernelParent | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    processes: set[NotebookProcess] = field(default_factory=set)

    def execute(self) -> RunRecord:
        with self.record.changed():
            for task in self.record.tasks.values():
                if self.options.selected is not None and task.key not in self.options.selected:
                    task.state = states.NOT_SELECTED
        self.reporter.run_started(self.record)
        final = states.CANCELED
        try:
            final = self._schedule()
        finally:
            with self.record.changed():
                self.record.state, self.record.ended = final, datetime.now(UTC)
            self.reporter.run_ended(self.record)
        return self.record

    def _schedule(self) -> str:
        running: dict[Future[None], Task] = {}
        timed_out = False
        with ThreadPoolExecutor(max_workers=self.options.parallel, thread_name_prefix="task") as pool:
            try:
                while True:
                    if not self.stopping.is_set():
                        for task in self._ready(self.options.parallel - len(running)):
                            running[pool.submit(self._run_task, task)] = task
                    if not running:
                        break
                    done, _ = wait(running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                    for future in done:
                        running.pop(future)
                        future.result()  # a fault of this runner, not of a notebook
                    if self._is_late() and not timed_out:
                        timed_out = True
                        self._stop()
            except BaseException:
                self._stop()
                raise
            finally:
                # On every way out: no task is left that seems to run.
                wait(running)
                self._mark_unfinished(states.TIMEDOUT if timed_out else states.CANCELED)
        if timed_out:
            return states.TIMEDOUT
        failed = any(task.state in states.FAILURES for task in self.record.tasks.values())
        return states.FAILED if failed else states.SUCCESS

    def _is_late(self) -> bool:
        return 0 < self.job.timeout_seconds < self.record.seconds

    def _stop(self) -> None:
        self.stopping.set()
        for process in tuple(self.processes):
            process.stop()

    def _mark_unfinished(self, state: str) -> None:
        with self.record.changed():
            for task in self.record.tasks.values():
                if task.state in (states.PENDING, states.RUNNING):
                    task.state = state

    def _ready(self, places: int) -> list[Task]:
        """Tasks to start now, those with the longest way to go behind them first; others are ruled out here."""
        found = []
        for task in self.job.tasks:
            record = self.record.tasks[task.key]
            upstream = [self.record.tasks[key].state for key in task.depends_on]
            if record.state != states.PENDING or any(s in (states.PENDING, states.RUNNING) for s in upstream):
                continue
            decision = decide(task.run_if, upstream)
            if decision == states.RUNNING:
                found.append(task)
            else:
                with self.record.changed():
                    record.state = decision
                self.reporter.task_changed(record)
        found.sort(key=lambda task: -self.job.height(task.key))
        chosen = found[: max(places, 0)]
        for task in chosen:
            with self.record.changed():
                record = self.record.tasks[task.key]
                record.state, record.started = states.RUNNING, datetime.now(UTC)
            self.reporter.task_changed(record)
        return chosen

    def _run_task(self, task: Task) -> None:
        record = self.record.tasks[task.key]
        begun = time.monotonic()
        while True:
            with self.record.changed():
                record.attempts += 1
            state, error = self._attempt(task, record)
            is_mistake = error is not None and error.is_mistake
            if state == states.SUCCESS or is_mistake or not self._may_retry(task, record, state):
                break
            with self.record.changed():
                record.error = _shown(error)
            self.reporter.task_changed(record)
            if self.stopping.wait(task.min_retry_interval_seconds):
                break
        with self.record.changed():
            record.state = state
            record.seconds = round(time.monotonic() - begun, 2)
            record.error = _shown(error)
        self.reporter.task_changed(record)

    def _may_retry(self, task: Task, record: TaskRecord, state: str) -> bool:
        if self.stopping.is_set() or (state == states.TIMEDOUT and not task.retry_on_timeout):
            return False
        return task.max_retries < 0 or record.attempts <= task.max_retries

    def _attempt(self, task: Task, record: TaskRecord) -> tuple[str, NotebookError | None]:
        output = attempt_path(self.record.folder, task.key, record.attempts)
        session_id = str(uuid4())
        process = NotebookProcess(
            task.notebook,
            output,
            self._parameters(task, record),
            self._environment(task, session_id),
            on_cell=lambda done, of: self.reporter.task_changed(record, (done + 1, of)),
            parent=self.parent,
        )
        own_session(self.workspace, session_id)
        timed_out = threading.Event()

        def on_timeout() -> None:
            timed_out.set()
            process.stop()

        timer = threading.Timer(task.timeout_seconds, on_timeout) if task.timeout_seconds else None
        self.processes.add(process)
        try:
            if self.stopping.is_set():
                return states.CANCELED, NotebookError("was stopped")
            if timer:
                timer.start()
            error = process.run()
        finally:
            if timer:
                timer.cancel()
            self.processes.discard(process)
            end_session(self.workspace, session_id, self.options.remote)
            with self.record.changed():
                record.notebook = str(output)
                record.take_result(published_result(output))
        if timed_out.is_set():
            return states.TIMEDOUT, NotebookError(f"took longer than timeout_seconds: {task.timeout_seconds}")
        if self.stopping.is_set() and error is not None:
            return states.CANCELED, error
        return (states.FAILED, error) if error else (states.SUCCESS, None)

    def _parameters(self, task: Task, record: TaskRecord) -> dict[str, str]:
        this = TaskValues(task.key, self._task_run_id(task.key), str(task.notebook), record.attempts)
        ended = (t for t in self.record.tasks.values() if t.state not in (states.PENDING, states.RUNNING))
        finished = {
            t.key: TaskValues(
                t.key, self._task_run_id(t.key), str(self.job.task(t.key).notebook), t.attempts, t.state.lower()
            )
            for t in ended
        }
        declared = self.declared[task.key]
        return task_values(self.job, task, declared=declared, run=self.values, this=this, finished=finished)

    def _task_run_id(self, key: str) -> str:
        return f"{self.record.run_id}-{key}"

    def _environment(self, task: Task, session_id: str) -> dict[str, str]:
        environment = {
            "LAKEHOUSE_HOME": str(self.workspace.home),
            "LAKEHOUSE_SESSION_ID": session_id,
            "LAKEHOUSE_RUN_ID": self.record.run_id,
            "LAKEHOUSE_TASK_KEY": task.key,
            "LAKEHOUSE_CLIENT_PID": str(os.getpid()),
        }
        return environment | ({"SPARK_REMOTE": self.options.remote} if self.options.remote else {})


def _shown(error: NotebookError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"message": error.summary, "name": error.name, "cell": error.short_cell, "trace": error.trace}
