"""What a person sees while a run goes on and at its end."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from local.remote.record import RemoteRun
from local.run import run_record as states
from local.run.progress import LiveReporter, PlainReporter, reporter_for
from local.run.run_record import RunRecord, TaskRecord
from local.run.summary import show_summary

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_run(folder: Path, *tasks: TaskRecord, state: str = states.SUCCESS) -> RunRecord:
    by_key = {task.key: task for task in tasks}
    ended = STARTED + timedelta(seconds=75)
    return RunRecord("20260102T030405-abcd", "trial", {}, by_key, folder, STARTED, state, ended)


def shown(run: RunRecord, debug: bool = False) -> str:
    text = io.StringIO()
    show_summary(Console(file=text, width=140), run, debug)
    return "\n".join(" ".join(line.split()) for line in text.getvalue().splitlines())


def test_tasks_rows_and_facts_of_all_notebooks(tmp_path: Path) -> None:
    silver = TaskRecord("silver", states.SUCCESS, 1, STARTED, 12.34, 1234567, 1234000, "clean")
    silver.facts = {"refused": {"bad id": 3, "no time": 1}, "alerts": 2}
    other = TaskRecord(
        "other", states.SUCCESS, 2, STARTED, 1.0, facts={"refused": {"bad id": 4}, "model": {"auc": 0.87}}
    )
    text = shown(a_run(tmp_path, silver, other))
    assert "silver success 1,234,567 1,234,000 12.3 clean" in text
    assert "other success (2 attempts) 1.0" in text
    assert "refused\nbad id 7\nno time 1\n" in text
    assert "model\nauc 0.87\n" in text
    assert "alerts 2" in text
    assert "trial: success in 75 s" in text
    assert "make ui" in text
    assert "lakehouse sql" in text


def test_sentences_begin_at_the_left_and_numbers_end_at_the_right(tmp_path: Path) -> None:
    task = TaskRecord("one", states.SUCCESS, facts={"warnings": {"bronze.a": "read otherwise", "bronze.b": "a b"}})
    task.facts["rows"] = {"gold.a": 12, "gold.b": 3}
    text = io.StringIO()
    show_summary(Console(file=text, width=140), a_run(tmp_path, task))
    assert "bronze.a  read otherwise" in text.getvalue()
    assert "bronze.b  a b" in text.getvalue()
    assert "gold.b   3" in text.getvalue()


def test_a_failure_shows_cell_message_and_notebook_and_the_way_on(tmp_path: Path) -> None:
    error = {"message": "no champion", "name": "ModelError", "cell": "score(lake)", "trace": "Traceback: deep"}
    bad = TaskRecord("bad", states.FAILED, 1, STARTED, 1.0, error=error, notebook=str(tmp_path / "bad.ipynb"))
    run = a_run(tmp_path, bad, TaskRecord("after", states.UPSTREAM_FAILED), state=states.FAILED)
    text = shown(run)
    assert f"bad failed\nscore(lake)\nno champion\nexecuted notebook: {tmp_path}/bad.ipynb" in text
    assert "after skipped" in text
    assert "lakehouse run trial --from bad" in text
    assert "Traceback" not in text
    assert "Traceback: deep" in shown(run, debug=True)


def test_the_way_on_has_what_was_given_as_a_shell_takes_it(tmp_path: Path) -> None:
    bad = TaskRecord("bad", states.FAILED, 1)
    run = a_run(tmp_path, bad, TaskRecord("after", states.UPSTREAM_FAILED), state=states.FAILED)
    run.parameters = {"outputs": "warehouse", "landing": "/my data", "seed": "7"}
    run.given = {"outputs": "warehouse", "landing": "/my data"}
    command = "lakehouse run trial --param outputs=warehouse --param 'landing=/my data'"
    assert ("go on from there", f"{command} --from bad") in run.next_steps()
    bad.state = run.tasks["after"].state = states.TIMEDOUT
    assert ("run it again", command) in run.next_steps()
    there = RemoteRun("7", "trial", "dev", "https://example.com", {"bad": bad}, given={"seed": "8"})
    assert ("go on from there", "lakehouse run trial --target dev --param seed=8 --from bad") in there.next_steps()


def test_what_next_is_never_wrapped_and_a_run_may_say_why_it_failed(tmp_path: Path) -> None:
    page = "https://example.com/" + "long/" * 20
    bad = TaskRecord("bad", states.FAILED, error={"message": "no", "name": "", "cell": "", "trace": ""}, page=page)
    run = a_run(tmp_path / ("long" * 20), bad, state=states.FAILED)
    run.reason = "no reason " * 10
    text = io.StringIO()
    show_summary(Console(file=text, width=40), run)
    lines = text.getvalue().splitlines()
    assert f"  run page of the task: {page}" in [line.rstrip() for line in lines]
    assert f"executed notebooks  {run.folder}" in lines
    assert "go on from there    lakehouse run trial --from bad" in lines
    assert f"trial: failed in 75 s: {run.reason}" in lines


def test_outside_a_terminal_a_line_for_each_change(tmp_path: Path) -> None:
    text = io.StringIO()
    reporter = reporter_for(Console(file=text, width=60))
    assert isinstance(reporter, PlainReporter)
    task = TaskRecord("one", states.RUNNING)
    reporter.run_started(a_run(tmp_path, task))
    reporter.task_changed(task)
    reporter.task_changed(task, (1, 5))
    task.state, task.seconds, task.rows_in = states.SUCCESS, 2.5, 1000
    reporter.task_changed(task)
    lines = [line[9:] for line in text.getvalue().splitlines()]
    assert lines == [
        "run 20260102T030405-abcd of job trial: 1 task",
        "one: started",
        "one: success in 2.5 s, 1,000 rows in",
    ]


def test_in_a_terminal_a_table_that_shows_the_cell(tmp_path: Path) -> None:
    text = io.StringIO()
    reporter = reporter_for(Console(file=text, width=100, force_terminal=True))
    assert isinstance(reporter, LiveReporter)
    task = TaskRecord("one", states.RUNNING, 1, datetime.now(UTC))
    run = a_run(tmp_path, task)
    reporter.run_started(run)
    reporter.task_changed(task, (2, 5))
    reporter.run_ended(run)
    assert "cell 2 of 5" in text.getvalue()
