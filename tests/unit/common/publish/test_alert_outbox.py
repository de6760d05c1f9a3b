"""Which alerts are told, to whom, when and how often, on a real PostgreSQL; a webhook of the tests stands for all."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alerts_world import KEY, World, output_of

from common.publish.alerts.filling import OLD, WITHDRAWN
from common.publish.alerts.outbox import KILLED, SPREAD
from common.publish.alerts.sender import HELD_BY_LIMIT, HELD_BY_QUIET_HOURS, TOO_LATE
from servers.postgres import Postgres
from servers.webhook import WebhookServer


@pytest.fixture(scope="module")
def hook() -> Iterator[WebhookServer]:
    with WebhookServer() as server:
        yield server


@pytest.fixture
def world(postgres: Postgres, hook: WebhookServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv(f"LAKEHOUSE_SECRET_{KEY}", "key")
    hook.posted.clear()
    made = World(postgres, output_of(postgres, {}, customers(hook)), tmp_path)
    yield made
    made.connection.close()


def customers(hook: WebhookServer, per_day: int = 3) -> dict[str, object]:
    return {"push": {"by": "webhook", "url": hook.url, "to": "customer", "per_day": per_day}}


def told(hook: WebhookServer) -> list[str]:
    return [posted.body["alert"] for posted in hook.posted]


def test_what_was_there_before_is_no_news_and_what_comes_later_is(world: World, hook: WebhookServer) -> None:
    world.add("old", age="3 days", scored="1 minute")
    world.add("young", age="2 hours", scored="1 minute")
    assert world.fill() == 1
    world.add("late", age="9 days", customer="C2")
    assert world.fill() == 1
    world.sender().run()
    assert sorted(told(hook)) == ["late", "young"]
    assert (world.of("old"), world.of("old", "note")) == ("suppressed", OLD)


def test_a_world_that_is_dated_otherwise_has_its_own_news(world: World) -> None:
    for alert, age in (("a", "400 days"), ("b", "400 days 2 hours"), ("c", "403 days")):
        world.add(alert, age=age, scored="1 minute")
    assert world.fill() == 2


def test_filled_twice_or_with_another_channel_an_alert_is_told_once(world: World, hook: WebhookServer) -> None:
    world.add("a", age="3 days")
    world.add("b")
    world.fill()
    assert world.fill() == 0
    more = world.output.model_copy(update={"channels": world.output.channels | {"new": world.output.channels["push"]}})
    world.output = more
    assert world.fill() == 1  # b: a is older than the new channel
    world.sender().run()
    world.fill()
    world.sender().run()
    assert sorted(told(hook)) == ["b", "b"]
    assert len(hook.effects) == 2


def test_an_alert_that_is_gone_is_not_told_unless_it_comes_back(world: World, hook: WebhookServer) -> None:
    world.add("a")
    world.fill()
    world.connection.execute("DELETE FROM alerts.alerts")
    world.fill()
    world.sender().run()
    assert told(hook) == []
    assert (world.of("a"), world.of("a", "note")) == ("suppressed", WITHDRAWN)
    world.add("a")
    world.fill()
    world.sender().run()
    assert told(hook) == ["a"]


def test_an_alert_that_goes_between_delivery_and_sending_is_not_told(world: World, hook: WebhookServer) -> None:
    world.add("a")
    world.fill()
    world.connection.execute("DELETE FROM alerts.alerts")
    world.sender().run()
    assert told(hook) == []
    assert world.of("a", "note") == WITHDRAWN


def test_of_a_person_who_is_erased_nothing_is_left(world: World, hook: WebhookServer) -> None:
    world.add("a")
    world.fill()
    world.sender().run()
    assert world.of("a", "receipt")
    world.connection.execute("DELETE FROM alerts.alerts")
    world.connection.execute("DELETE FROM alerts.contacts")
    world.fill()
    row = world.connection.execute("SELECT * FROM alerts.outbox").fetchone()
    assert [value for value in row if isinstance(value, str) and len(value) != 32] == ["a", "push", "sent"]


def test_an_id_on_two_dates_is_told_once_and_counts_once(world: World, hook: WebhookServer, postgres: Postgres) -> None:
    world.output = output_of(postgres, {}, customers(hook, per_day=2))
    world.add("a", age="3 days", scored="2 days")  # old news
    world.add("a")
    assert world.fill() == 1
    world.sender().run()
    world.add("b")
    world.fill()
    world.sender().run()
    assert told(hook) == ["a", "b"]
    assert world.states() == {"sent": 2}


def test_a_customer_is_told_so_often_a_day_and_others_are_told(
    world: World, hook: WebhookServer, postgres: Postgres
) -> None:
    world.output = output_of(postgres, {}, customers(hook, per_day=2))
    for number in range(4):
        world.add(f"a{number}")
    world.add("b", customer="C2")
    world.fill()
    world.sender().run()
    assert sorted(told(hook)) == ["a0", "a1", "b"]
    assert world.of("a2", "note") == HELD_BY_LIMIT
    assert timedelta(hours=23) < world.of("a2", "next_try - now()") <= timedelta(hours=24)
    for column in ("created_at", "claimed_at", "next_try"):  # a day and a little goes by
        world.connection.execute(f"UPDATE alerts.outbox SET {column} = {column} - interval '24 hours 1 minute'")
    world.sender().run()
    assert sorted(told(hook)) == ["a0", "a1", "a2", "a3", "b"]


def test_customers_sleep_by_their_own_clock_and_the_team_never(
    world: World, hook: WebhookServer, postgres: Postgres
) -> None:
    channels = customers(hook) | {"team": {"by": "webhook", "url": hook.url}}
    now = datetime.now(UTC)
    quiet = {"from": f"{now - timedelta(minutes=30):%H:%M}", "to": f"{now + timedelta(minutes=30):%H:%M}"}
    world.output = output_of(postgres, {}, channels, quiet_hours=quiet)
    world.add("here", customer="C1", country="GH")  # on UTC all the year
    world.add("there", customer="C2", country="JP")
    world.fill()
    world.sender().run()
    assert sorted(told(hook)) == ["here", "there", "there"]
    assert world.of("here", "note") == HELD_BY_QUIET_HOURS
    assert world.of("here", "state") == "pending"
    assert timedelta(minutes=28) < world.of("here", "next_try - now()") < timedelta(minutes=31)


def test_a_message_that_waited_too_long_is_not_sent_and_is_a_dead_letter_if_it_was_tried(
    world: World, hook: WebhookServer
) -> None:
    world.add("untried")
    world.add("tried", customer="C2")
    world.fill()
    world.connection.execute("UPDATE alerts.outbox SET created_at = now() - interval '49 hours'")
    world.connection.execute("UPDATE alerts.outbox SET attempts = 1 WHERE alert_id = 'tried'")
    world.sender().run()
    assert told(hook) == []
    assert (world.of("untried"), world.of("untried", "note")) == ("suppressed", TOO_LATE)
    assert (world.of("tried"), world.of("tried", "note")) == ("failed", TOO_LATE)


def test_a_receiver_that_is_away_for_less_than_a_message_is_news_makes_no_dead_letters(world: World) -> None:
    outbox = world.sender().outbox
    pauses = [outbox.pause_after(attempt) for attempt in range(1, outbox.attempts)]
    assert SPREAD[0] * sum(pauses, timedelta(0)) > world.output.tell_for  # the shortest that chance draws


def test_what_a_killed_sender_had_is_sent_again_or_for_a_person(world: World, hook: WebhookServer) -> None:
    for alert, is_handed_over, attempts in (("a", False, 1), ("b", True, 1), ("c", False, 80)):
        world.add(alert, customer=alert)
        world.fill()
        world.connection.execute(
            "UPDATE alerts.outbox SET state = 'sending', claimed_by = 'x', claimed_at = now() - interval '6 minutes', "
            "attempts = %s, is_handed_over = %s WHERE alert_id = %s",
            [attempts, is_handed_over, alert],
        )
    world.add("d", customer="d")
    world.fill()
    world.connection.execute(
        "UPDATE alerts.outbox SET state = 'sending', claimed_by = 'x', claimed_at = now() WHERE alert_id = 'd'"
    )
    world.sender().run()
    assert told(hook) == ["a"]
    assert [world.of(alert) for alert in "abcd"] == ["sent", "unsure", "failed", "sending"]
    assert world.of("b", "note") == KILLED


def test_a_sender_whose_lease_has_ended_hands_nothing_over_and_may_still_say_that_it_was_sent(world: World) -> None:
    world.add("a")
    world.fill()
    outbox = world.sender().outbox
    with outbox.claimed(["push"]) as claim:
        assert claim
        outbox.claim(claim)
    assert outbox.hand_over(claim)
    outbox.release(timedelta(0))
    assert world.of("a") == "unsure"
    assert not outbox.hand_over(claim)
    assert outbox.sent(claim, "receipt")
    assert world.of("a") == "sent"
    assert not outbox.failed(claim, "too late to say")
