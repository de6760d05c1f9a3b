"""What the notebook does: a dry run changes nothing, alerts that are on are sent, a person settles the rest."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alerts_world import KEY, World, output_of

from common.errors import OutputError, ParameterError
from common.parameters import PARAMETERS
from common.publish.alerts.sender import HELD_BY_LIMIT, Sender
from common.publish.alerts.sending import Alerts
from common.settings import repository
from servers.mail import MailServer
from servers.postgres import Postgres
from servers.webhook import Answer, WebhookServer


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[MailServer, WebhookServer]]:
    with MailServer() as mail, WebhookServer() as hook:
        yield mail, hook


@pytest.fixture
def world(
    postgres: Postgres, servers: tuple[MailServer, WebhookServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Two alerts: a is told to customer and team; b is of a customer without an address."""
    monkeypatch.setenv(f"LAKEHOUSE_SECRET_{KEY}", "key")
    mail, hook = servers
    mail.mails.clear()
    hook.posted.clear()
    channels = {
        "email": {"by": "email", "connection": "mail", "sender": "alerts@bank.test"},
        "team": {"by": "webhook", "url": hook.url},
    }
    made = World(postgres, output_of(postgres, {"mail": mail.connection}, channels), tmp_path)
    made.add("a", customer="Ca", first_name="Änne")
    made.add("b", customer="Cb", email="")
    made.fill()
    yield made
    made.connection.close()


def alerts(world: World, mode: str) -> Alerts:
    return Alerts([world.output], world.settings, mode)


def snapshot(world: World) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = world.connection.execute("SELECT * FROM alerts.outbox ORDER BY 1, 2").fetchall()
    return rows


def test_a_dry_run_shows_what_would_be_sent_without_names_and_changes_nothing(
    world: World, servers: tuple[MailServer, WebhookServer]
) -> None:
    before, told = snapshot(world), alerts(world, "dry_run")
    shown = told.waiting().set_index(["alert", "channel"])
    later = shown.loc[("b", "email"), "sent"]
    assert later.startswith("from ")
    assert dict(shown["sent"]) == {
        ("a", "email"): "now", ("a", "team"): "now", ("b", "email"): later, ("b", "team"): "now",
    }  # fmt: skip
    assert shown.loc[("a", "email"), "to"] == "xx@xxxx.xxxx"
    assert "Hello Xxxxx" not in shown.loc[("a", "email"), "text"]
    assert "Hello xxxx," in shown.loc[("a", "email"), "text"]
    assert "https://..." in shown.loc[("a", "email"), "text"]
    assert "answers.test" not in str(shown)
    assert shown.loc[("b", "email"), "why"] == "no e-mail address"
    result = told.send()
    assert result.note.startswith("dry run: nothing was sent; the executed notebook lists what waits")
    assert result.facts == {"would be sent": {"alerts: email": "1 now, 1 held", "alerts: team": "2 now"}}
    assert snapshot(world) == before
    assert (servers[0].mails, servers[1].posted) == ([], [])


@pytest.mark.parametrize("phone", ["0049 170 1234567", "+49 170 1234567"])
def test_a_dry_run_says_now_of_a_phone_that_would_be_told(
    world: World, postgres: Postgres, tmp_path: Path, phone: str
) -> None:
    connections = {"aws": {"kind": "aws", "region": "eu-west-1"}}
    output = output_of(postgres, connections, {"email": {"by": "sns", "connection": "aws"}})
    world.connection.execute("UPDATE alerts.contacts SET phone = %s", [phone])
    shown = Alerts([output], world.settings, "dry_run").waiting()
    assert list(shown["sent"]) == ["now", "now"]
    assert list(shown["to"]) == ["+999999999999"] * 2
    assert "170" not in str(shown.to_dict())


def test_the_notebook_shows_texts_whole(world: World) -> None:
    cells = json.loads((repository() / "notebooks/ops/send_alerts.ipynb").read_text())["cells"]
    (cell,) = ("".join(cell["source"]) for cell in cells if "told.waiting()" in "".join(cell["source"]))
    told, shown = alerts(world, "dry_run"), []
    exec(cell, {"told": told, "display": lambda frame: shown.append(frame._repr_html_())})
    text = told.waiting()["text"][0]
    assert len(text) > 100
    assert " ".join(text.split()[-5:]) in " ".join(shown[0].replace("\\n", " ").split())


def test_a_dry_run_counts_what_would_be_sent_before_towards_a_days_limit(world: World) -> None:
    for alert in ("c", "d", "e", "f"):
        world.add(alert, customer="Cc")
    world.connection.execute("UPDATE alerts.outbox SET state = 'sent', claimed_at = now()")
    world.fill()
    world.connection.execute(
        "UPDATE alerts.outbox SET state = 'sent', claimed_at = now() - interval '3 hours' "
        "WHERE (alert_id, channel) = ('c', 'email')"
    )
    per_day = world.output.channels["email"].per_day
    told = alerts(world, "dry_run")
    shown = told.waiting().query("channel == 'email'")
    assert list(shown["sent"] == "now") == [True] * (per_day - 1) + [False] * (4 - per_day)
    assert set(shown["why"]) == {"", HELD_BY_LIMIT}
    assert told.send().facts["would be sent"]["alerts: email"] == f"{per_day - 1} now, {4 - per_day} held"
    assert alerts(world, "on").send().facts["messages"]["alerts: email"] == f"{4 - per_day} held, {per_day - 1} sent"


def test_alerts_that_are_off_ask_no_server(world: World, postgres: Postgres, tmp_path: Path) -> None:
    nowhere = world.output.model_copy(update={"connections": {}})
    told = Alerts([nowhere], world.settings, "off")
    assert (len(told.waiting()), len(told.to_look_at()), told.resolve("")) == (0, 0, 0)
    assert told.send().note == "alerts are off: nothing was sent"
    assert Alerts([], world.settings, "on").send().note == "no output that tells alerts is named in outputs"


def test_an_outbox_that_is_not_there_or_breaks_off_is_said_in_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: object) -> None:
        raise psycopg.OperationalError("server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr(Sender, "run", lost)
        with pytest.raises(OutputError, match=r"the outbox in the database alerts at .*: the connection was lost"):
            alerts(world, "on").send()
    world.connection.execute("DROP TABLE alerts.outbox")
    with pytest.raises(OutputError, match="isn't there yet: run publish with outputs=alerts first"):
        alerts(world, "dry_run").waiting()


def test_alerts_that_are_on_are_sent_once_and_the_run_says_how_many(world: World) -> None:
    told = alerts(world, "on")
    result = told.send()
    assert (result.rows_out, result.note) == (3, "3 messages were sent")
    assert result.facts["messages"] == {"alerts: email": "1 held, 1 sent", "alerts: team": "2 sent"}
    assert alerts(world, "on").send().rows_out == 0
    assert told.failure() is None


def test_a_channel_that_is_down_ends_the_run_and_others_go_on(
    world: World, servers: tuple[MailServer, WebhookServer]
) -> None:
    servers[1].answers[:] = [Answer(404)]
    told = alerts(world, "on")
    assert told.send().facts["messages"] == {"alerts: email": "1 held, 1 sent", "alerts: team": "1 put back"}
    assert "alerts: team: the webhook at http" in str(told.failure())
    assert world.states() == {"sent": 1, "pending": 3}


def test_a_channel_that_asks_for_a_pause_works_and_the_run_does_not_fail(
    world: World, servers: tuple[MailServer, WebhookServer]
) -> None:
    servers[1].answers[:] = [Answer(429, headers=(("Retry-After", "30"),))]
    told = alerts(world, "on")
    assert told.send().facts["messages"]["alerts: team"] == "1 later"
    assert told.failure() is None
    assert len(servers[1].posted) == 1  # the other waits


def test_a_person_settles_what_nobody_knew(world: World, servers: tuple[MailServer, WebhookServer]) -> None:
    world.connection.execute("UPDATE alerts.outbox SET state = 'unsure', note = 'hung up', attempts = 1")
    listed = alerts(world, "dry_run").to_look_at()
    assert sorted(listed["message"]) == ["a/email", "a/team", "b/email", "b/team"]
    said, keys = "a/email=sent, a/team=resend", dict(listed.set_index("message")["key"])
    assert [alerts(world, "off").resolve(said) for _ in range(2)] == [2, 0]
    assert world.states() == {"sent": 1, "pending": 1, "unsure": 2}
    alerts(world, "on").send()
    assert [(posted.body["alert"], posted.key) for posted in servers[1].posted] == [("a", keys["a/team"])]
    assert servers[0].mails == []


@pytest.mark.parametrize(
    ("said", "expected"), [("a/email=sent", "a/email is pending"), ("x/email=resend", "x/email is not there")]
)
def test_what_needs_no_person_is_not_settled(world: World, said: str, expected: str) -> None:
    world.connection.execute("UPDATE alerts.outbox SET state = 'failed' WHERE channel = 'team'")
    with pytest.raises(ParameterError, match=expected):
        alerts(world, "off").resolve(f"a/team=resend, {said}")
    assert world.of("a", "state") == "pending"
    assert world.states() == {"failed": 2, "pending": 2}


@pytest.mark.parametrize("said", ["a", "a/email", "a/email=gone", "/email=sent", "a/=sent"])
def test_what_is_said_otherwise_is_refused(said: str) -> None:
    with pytest.raises(ParameterError, match="ALERT/CHANNEL=sent"):
        PARAMETERS["resolve"].typed(said)
