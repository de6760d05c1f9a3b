"""A workspace that doesn't answer for a while, or not any more."""

import pytest
from remote_world import PAGE, World
from stub_runs import Attempt
from stub_workspace import DROPPED


@pytest.mark.parametrize("status", [DROPPED, 429, 500, 502, 503, 504])
def test_a_run_is_followed_on_after_an_outage(world: World, status: int) -> None:
    world.deploy()
    world.script(first=[Attempt(ticks=3, result='{"rows_out": 3}')])
    world.later(lambda: world.trouble(20, status, "runs/get"))
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 0
    lost = [line for line in answer.lines if line.startswith(f"no answer from {world.host}, trying again")]
    assert len(lost) == 1
    assert answer.lines.count(f"{world.host} answers again") == 1
    assert "first: success in 30.0 s, 3 out" in answer.lines
    assert len(world.workspace.runs) == 1


def test_a_hiccup_is_not_worth_a_word(world: World) -> None:
    world.deploy()
    world.script(first=[Attempt(ticks=3)])
    world.later(lambda: world.trouble(1, DROPPED, "runs/get"))
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 0
    assert "answer" not in answer.out


def test_patience_ends_after_ten_minutes_and_the_run_goes_on(world: World) -> None:
    world.deploy()
    world.script(first=[Attempt(ticks=99)])
    world.later(lambda: world.trouble(10_000, DROPPED, "runs/get"))
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert answer.error == (
        f"error no answer from {world.host} for 10 minutes; "
        f"the run goes on: {PAGE} (to end it: databricks jobs cancel-run 1001)"
    )
    assert 600 <= sum(world.clock.slept_seconds) < 660
    own = [seconds for seconds in world.clock.slept_seconds if seconds in (1, 2, 4, 8, 16, 30)]
    assert own[:6] == [1, 2, 4, 8, 16, 30]


def test_credentials_that_expire_meanwhile(world: World) -> None:
    world.deploy()
    world.script(first=[Attempt(ticks=99)])
    world.later(lambda: world.trouble(10_000, 401, "runs/get"))
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert f"{world.host} doesn't answer for run 1001: trouble; the run goes on: {PAGE}" in answer.error
    assert world.clock.slept_seconds == [3]


@pytest.mark.parametrize("lost_answers", [1, 20])
def test_a_lost_answer_starts_no_second_run(world: World, lost_answers: int) -> None:
    world.deploy()
    world.trouble(lost_answers, DROPPED, "run-now", is_done=True)
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 0
    assert len(world.started()) == lost_answers + 1
    assert list(world.workspace.runs) == [1001]


def test_each_run_is_a_new_one(world: World) -> None:
    world.deploy()
    assert world.lakehouse("--target", "dev").code == 0
    assert world.lakehouse("--target", "dev").code == 0
    assert len(world.workspace.runs) == 2


def test_when_the_start_gets_no_answer_the_message_says_where_to_look(world: World) -> None:
    world.deploy()
    world.trouble(10_000, 503, "run-now")
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert f"whether '[dev alice] trial' was started is to be seen at {world.host}/#job/1000" in answer.error


def test_a_start_that_is_refused(world: World) -> None:
    world.deploy()
    world.trouble(1, 403, "run-now")
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert answer.error == f"error {world.host} doesn't start '[dev alice] trial': trouble"


@pytest.mark.parametrize("path", ["/scim/v2/Me", "/jobs/list"])
def test_a_workspace_that_never_answers_is_soon_given_up(world: World, path: str) -> None:
    world.deploy()
    world.trouble(10_000, DROPPED, path)
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert answer.error.startswith(f"error no answer from {world.host}: ")
    assert sum(world.clock.slept_seconds) < 20
    assert world.started() == []
