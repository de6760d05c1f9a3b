"""Channels against real servers: what is sent, what is refused for now or for good, and what nobody knows."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from alerts_world import KEY, World, output_of

from common.publish.alerts.channels import webhook
from common.publish.alerts.channels.email import EmailChannel
from common.publish.alerts.channels.sns import _international, _refusal
from common.publish.alerts.sender import Sender
from servers.aws import KEYS, REGION, AwsServer
from servers.certificates import self_signed
from servers.mail import MailServer
from servers.postgres import Postgres
from servers.webhook import Answer, WebhookServer

EMAIL = {"email": {"by": "email", "connection": "mail", "sender": "Fraud team <alerts@bank.test>"}}
MERCHANT = "A&B <Söhne>\nBcc: all@mail.test"


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture
def mail(server: MailServer) -> Iterator[MailServer]:
    yield server
    server.mails.clear()
    server.at_address = server.at_mail = lambda _: None


@pytest.fixture(scope="module")
def hooks() -> Iterator[WebhookServer]:
    with WebhookServer() as running:
        yield running


@pytest.fixture
def hook(hooks: WebhookServer) -> WebhookServer:
    hooks.posted.clear()
    hooks.answers.clear()
    return hooks


@pytest.fixture
def made(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes a world with an alert by one channel, due."""
    monkeypatch.setenv(f"LAKEHOUSE_SECRET_{KEY}", "key")
    worlds = []

    def make(connections: dict[str, Any], channels: dict[str, Any], *alerts: str, **contact: str) -> World:
        world = World(postgres, output_of(postgres, connections, channels, attempts=3), tmp_path)
        worlds.append(world)
        for alert in alerts or ("a",):
            world.add(alert, customer=f"C{alert}", **contact)
        world.fill()
        return world

    yield make
    for world in worlds:
        world.connection.close()


def run(world: World) -> dict[str, int]:
    world.due()
    sender = world.sender()
    counts: Counter[str] = Counter()
    for (_, what), count in sender.run().items():
        counts[what] += count
    world.downs = sender.down  # type: ignore[attr-defined]
    return counts


def test_a_mail_has_text_and_html_and_no_value_makes_a_line_of_its_own(made: Any, mail: MailServer) -> None:
    world = made({"mail": mail.connection}, EMAIL, country="JP")
    world.connection.execute("UPDATE alerts.merchants SET name = %s", [MERCHANT])
    assert run(world) == {"sent": 1}
    (got,) = mail.mails
    assert isinstance(got, EmailMessage)
    assert (got["To"], got["From"]) == ("ca@mail.test", "Fraud team <alerts@bank.test>")
    assert (got["Bcc"], got["Auto-Submitted"]) == (None, "auto-generated")
    assert world.of("a", "receipt") == got["Message-ID"]
    text, html = (got.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    for said in ("Hello Ann,", "EUR 12.50", "card ending in 2345", "(Asia/Tokyo)", "https://answers.test/answers/"):
        assert said in text
    assert "at A&B <Söhne> Bcc: all@mail.test with" in text
    assert "A&amp;B &lt;Söhne&gt; Bcc" in html
    assert "A00012345" not in text + html


@pytest.mark.parametrize(
    ("at", "answer", "outcome"),
    [
        ("address", "450 full", "later"),
        ("address", "550 unknown", "failed"),
        ("mail", "451 busy", "later"),
        ("mail", "554 spam", "failed"),
        ("mail", "", "unsure"),
    ],
)
def test_refusals_of_a_mail_are_told_apart(made: Any, mail: MailServer, at: str, answer: str, outcome: str) -> None:
    world = made({"mail": mail.connection}, EMAIL)
    setattr(mail, f"at_{at}", lambda _: answer)
    assert run(world) == {outcome: 1}
    assert world.of("a") == ("pending" if outcome == "later" else outcome)
    assert "ca@mail.test" not in world.of("a", "note")
    mail.at_address = mail.at_mail = lambda _: None
    assert run(world) == ({"sent": 1} if outcome == "later" else {})
    assert len(mail.mails) == (outcome != "failed")


def test_a_mail_whose_claim_was_lost_is_not_handed_over(made: Any, mail: MailServer) -> None:
    world = made({"mail": mail.connection}, EMAIL)

    def lose(_: str) -> None:
        world.connection.execute("UPDATE alerts.outbox SET claimed_by = 'another'")

    with world.output.connected(world.settings) as own:
        mail.at_address = lose
        assert dict(world.output.sender(own, world.settings).run()) == {("email", "left to another sender"): 1}
    assert mail.mails == []
    assert world.of("a") == "sending"


def test_what_is_refused_too_often_is_a_dead_letter_with_the_last_reason(made: Any, mail: MailServer) -> None:
    world = made({"mail": mail.connection}, EMAIL)
    mail.at_address = lambda _: "450 full"
    assert [run(world) for _ in range(4)] == [{"later": 1}, {"later": 1}, {"failed": 1}, {}]
    assert world.of("a", "note") == "the mail server refuses the address for now: 450; tried 3 times"


def test_a_server_that_is_away_costs_no_attempt_and_is_asked_once_a_run(made: Any, mail: MailServer) -> None:
    with MailServer() as away:
        connection = away.connection
    world = made({"mail": connection}, EMAIL, "a", "b")
    assert run(world) == {"put back": 1}
    assert "doesn't answer" in world.downs["email"]
    assert (world.states(), world.of("a", "attempts")) == ({"pending": 2}, 0)


def test_a_login_goes_by_tls_to_a_server_that_is_trusted(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    certificate, key = self_signed()
    (tmp_path / "server.pem").write_text(certificate + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")

    def login(*given: Any) -> AuthResult:
        return AuthResult(success=given[-1].password == b"right", handled=False)

    with MailServer(options={"tls_context": context, "authenticator": login, "auth_required": True}) as server:
        connection = server.connection | {
            "security": "starttls",
            "user": "lake",
            "password": {"secret": "MAIL"},  # pragma: allowlist secret
        }
        outcomes = []
        for password, ca in (("wrong", certificate), ("right", ""), ("right", certificate)):
            monkeypatch.setenv("LAKEHOUSE_SECRET_MAIL", password)
            world = made({"mail": connection | ({"ca": ca} if ca else {})}, EMAIL)
            outcomes.append(run(world))
        assert outcomes == [{"put back": 1}, {"put back": 1}, {"sent": 1}]
        assert len(server.mails) == 1


def test_who_has_no_address_is_told_when_one_comes_and_not_when_none_does(made: Any, mail: MailServer) -> None:
    world = made({"mail": mail.connection}, EMAIL, "a", "b", email="")
    assert run(world) == {"held": 2}
    assert (world.of("a"), world.of("a", "note")) == ("pending", "no e-mail address")
    world.connection.execute("UPDATE alerts.contacts SET email = 'late@mail.test' WHERE customer_id = 'Ca'")
    world.connection.execute("UPDATE alerts.outbox SET created_at = now() - interval '8 days' WHERE alert_id = 'b'")
    assert run(world) == {"sent": 1, "suppressed": 1}
    assert [got["To"] for got in mail.mails] == ["late@mail.test"]
    assert world.of("b", "note") == "no e-mail address"


@pytest.mark.parametrize(
    "email", ["a@[b.c", "\\@%,..<", "anna,x@y.test", "a b@y.test", "Ann <a@y.test>", '"a"@y.test', "a@b@y.test", "a@"]
)
def test_an_address_that_means_nobody_or_somebody_else_is_not_written_to(
    made: Any, mail: MailServer, email: str
) -> None:
    world = made({"mail": mail.connection}, EMAIL, "a", email=email)
    world.add("b", customer="Cb")
    world.fill()
    assert run(world) == {"held": 1, "sent": 1}
    assert [got["To"] for got in mail.mails] == ["cb@mail.test"]
    assert world.of("a", "note") == "no e-mail address that can be written to"


@pytest.mark.parametrize("email", ["o'hara+x@y.test", "ann.lee@sub.y.test", "a_b-c%d@y.test"])
def test_unusual_addresses_are_written_to(made: Any, mail: MailServer, email: str) -> None:
    assert run(made({"mail": mail.connection}, EMAIL, email=email)) == {"sent": 1}
    assert [got["To"] for got in mail.mails] == [email]


@pytest.mark.parametrize(("before", "outcome"), [(True, "failed"), (False, "unsure")])
def test_a_library_that_stumbles_over_a_message_ends_no_run(
    made: Any, mail: MailServer, monkeypatch: pytest.MonkeyPatch, before: bool, outcome: str
) -> None:
    world, told = made({"mail": mail.connection}, EMAIL, "a", "b"), EmailChannel.send

    def stumbles(channel: EmailChannel, message: Any, *given: Any) -> str:
        if message.alert != "a":
            return told(channel, message, *given)
        if not before:
            given[-1]()
        raise IndexError("ca@mail.test")

    monkeypatch.setattr(EmailChannel, "send", stumbles)
    assert run(world) == {outcome: 1, "sent": 1}
    assert (world.of("a"), world.of("a", "note")) == (outcome, "it can't be sent: IndexError")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(503), {"later": 1}),
        (Answer(408), {"later": 1}),
        (Answer(422), {"failed": 1}),
        (Answer(404), {"put back": 1}),
        (Answer(None), {"put back": 1}),
    ],
)
def test_refusals_of_a_webhook_are_told_apart(
    made: Any, hook: WebhookServer, answer: Answer, expected: dict[str, int]
) -> None:
    world = made({}, {"team": {"by": "webhook", "url": hook.url}})
    hook.answers = [answer]
    assert run(world) == expected
    assert run(world) == ({} if "failed" in expected else {"sent": 1})
    assert len(hook.effects) == 1


def test_a_webhook_gets_the_pause_that_it_asks_for(made: Any, hook: WebhookServer) -> None:
    world = made({}, {"team": {"by": "webhook", "url": hook.url}}, "a", "b")
    hook.answers = [Answer(429, headers=(("Retry-After", "1200"),))]
    assert run(world) == {"later": 1}
    assert len(hook.posted) == 1  # b waits for the next run
    assert timedelta(minutes=19) < world.of("a", "next_try - now()") <= timedelta(minutes=20)


def test_a_receiver_that_takes_too_long_costs_an_attempt_and_waits_once_a_run(
    made: Any, hook: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, go_on = made({}, {"team": {"by": "webhook", "url": hook.url}}, "a", "b"), threading.Event()
    monkeypatch.setattr(webhook, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(hook, "before_answer", go_on.wait)
    assert run(world) == {"later": 1}
    assert world.downs == {}
    assert (world.of("a"), world.of("a", "attempts"), world.of("b", "attempts")) == ("pending", 1, 0)
    go_on.set()
    assert run(world) == {"sent": 2}


def test_the_team_learns_nothing_personal_and_slack_takes_no_links_from_a_name(made: Any, hook: WebhookServer) -> None:
    channels = {name: {"by": "webhook", "url": hook.url, "format": name} for name in ("json", "slack")}
    world = made({}, channels)
    world.connection.execute("UPDATE alerts.merchants SET name = '<!channel>'")
    assert run(world) == {"sent": 2}
    bodies = sorted((posted.body for posted in hook.posted), key=len)
    assert [*bodies[0]] == ["text"]
    assert "at &lt;!channel&gt; on" in bodies[0]["text"]
    assert {"alert": "a", "customer_id": "Ca", "amount_eur": "12.50", "score": 0.9}.items() <= bodies[1].items()
    for personal in ("Ann", "mail.test", "170", "answers.test"):
        assert personal not in str(bodies)


def test_texts_go_to_phones_and_topics_by_sns(made: Any, aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    connection = {"kind": "aws", "region": REGION, "endpoint": aws.endpoint}
    channels = {"sms": {"by": "sns", "connection": "aws"}, "team": {"by": "sns", "connection": "aws", "topic": topic}}
    world = made({"aws": connection}, channels)
    assert run(world) == {"sent": 2}
    (got,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert "Alert a: EUR 12.50 at Corner Shop" in got["Body"]
    world = made({"aws": connection}, {"sms": channels["sms"]}, "a", "b", phone="+1")
    assert run(world) == {"held": 2}
    assert world.of("a", "note") == "no phone number in international form"
    world = made({"aws": connection}, {"team": channels["team"] | {"topic": topic + "-gone"}})
    assert run(world) == {"put back": 1}
    world = made({"aws": connection | {"endpoint": "http://127.0.0.1:9"}}, {"sms": channels["sms"]})
    assert run(world) == {"put back": 1}


def test_words_of_sns_and_numbers_are_judged() -> None:
    kinds = {
        code: type(_refusal(code)).__name__
        for code in (
            "Throttling",
            "InternalError",
            "InternalFailure",
            "InvalidParameter",
            "OptedOut",
            "AuthorizationError",
        )
    }
    assert kinds == {
        "Throttling": "Later",
        "InternalError": "Unsure",
        "InternalFailure": "Unsure",
        "InvalidParameter": "Never",
        "OptedOut": "Never",
        "AuthorizationError": "Down",
    }
    assert [_international(one) for one in ("0049 (170) 123-4567", "0170 1234567", "+49170", "")] == [
        "+491701234567",
        None,
        None,
        None,
    ]


def test_a_secret_that_is_missing_ends_the_run_and_loses_nothing(made: Any, hook: WebhookServer) -> None:
    from common.errors import SecretError

    world = made({}, {"team": {"by": "webhook", "url": {"secret": "NOWHERE"}}})
    sender: Sender = world.sender()
    with pytest.raises(SecretError, match="NOWHERE"):
        sender.run()
    assert (world.of("a"), world.of("a", "attempts")) == ("pending", 0)
