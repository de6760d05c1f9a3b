"""Senders killed 35 times between a mail server, a webhook and SNS that refuse now and then: nobody is told twice."""

import json
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import alert_senders
import pytest
from alerts_world import DATABASE, KEY, World, output_of

from servers.aws import KEYS, REGION, AwsServer
from servers.mail import MailServer
from servers.postgres import Postgres

ALERTS, KILLS = 32, 35
NEVER = ("a3", "a17", "a31")
"""Alerts that every receiver refuses for good; each fifth is refused once for now."""


def refusing() -> Callable[[str], str]:
    """What a receiver says of an alert: never, later, or yes."""
    seen: Counter[str] = Counter()

    def says(alert: str) -> str:
        seen[alert] += 1
        if alert in NEVER:
            return "never"
        return "later" if int(alert[1:]) % 5 == 0 and seen[alert] == 1 else "yes"

    return says


@contextmanager
def serving(answer: Callable[[Any, bytes], tuple[int, bytes]]) -> Iterator[str]:
    """The address of a server that answers what is posted, given its headers and body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, content = answer(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (OSError, ValueError, TypeError):  # the sender was killed
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def in_front_of(aws: AwsServer) -> Callable[[Any, bytes], tuple[int, bytes]]:
    """Refuses as SNS does, and hands all else on to moto."""
    says = refusing()
    code = {"never": "InvalidParameter", "later": "Throttling"}

    def answer(headers: Any, body: bytes) -> tuple[int, bytes]:
        alert = parse_qs(body.decode())["Message"][0].split()[1].rstrip(":")
        if refusal := code.get(says(alert)):
            error = f"<Error><Type>Sender</Type><Code>{refusal}</Code><Message>no</Message></Error>"
            return 400, f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>".encode()
        with urllib.request.urlopen(urllib.request.Request(aws.endpoint, body, dict(headers))) as given:
            return given.status, given.read()

    return answer


def dropping_repeats(effects: list[str]) -> Callable[[Any, bytes], tuple[int, bytes]]:
    """A webhook's receiver: what it takes has one effect, however often it comes."""
    says, seen = refusing(), set[str]()
    status = {"never": 422, "later": 503, "yes": 200}

    def answer(headers: Any, body: bytes) -> tuple[int, bytes]:
        alert, key = json.loads(body)["alert"], headers["Idempotency-Key"]
        said = status[says(alert)]
        if said == 200 and key not in seen:
            seen.add(key)
            effects.append(alert)
        return said, b""

    return answer


def received(sqs: Any, queue: str) -> list[str]:
    """The alerts that a queue got, each as often as it came."""
    found: list[str] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"])["Message"].split()[1].rstrip(":"))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_killed_senders_tell_nobody_twice_and_lose_nothing(
    postgres: Postgres, aws: AwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEYS, f"LAKEHOUSE_SECRET_{KEY}": "key"}.items():
        monkeypatch.setenv(name, value)
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="kills")["TopicArn"]
    queue = sqs.create_queue(QueueName="kills")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    by_mail, effects = refusing(), list[str]()
    mail_says = {"never": "550 unknown", "later": "451 busy", "yes": None}
    with MailServer(lambda to: mail_says[by_mail(to.partition("@")[0])]) as mail, \
            serving(dropping_repeats(effects)) as hook, serving(in_front_of(aws)) as endpoint:  # fmt: skip
        given = {
            "name": "alerts", "description": "Alerts of the tests.", "writer": "alerts", "connection": "database",
            "connections": {
                "database": postgres.connection(DATABASE),
                "mail": mail.connection,
                "aws": {"kind": "aws", "region": REGION, "endpoint": endpoint},
            },
            "channels": {
                "email": {"by": "email", "connection": "mail", "sender": "alerts@bank.test"},
                "hook": {"by": "webhook", "url": hook},
                "topic": {"by": "sns", "connection": "aws", "topic": topic},
            },
            "answers": {"url": "https://answers.test/answers", "key": {"secret": KEY}},
            "attempts": 50,
        }  # fmt: skip
        world = World(postgres, output_of(postgres, given["connections"], given["channels"], attempts=50), tmp_path)
        for number in range(ALERTS):
            world.add(f"a{number}", customer=f"a{number}")
        assert world.fill() == 3 * ALERTS
        done = subprocess.run(
            [sys.executable, alert_senders.__file__],
            input=json.dumps({"output": given, "home": str(tmp_path), "seed": 16, "kills": KILLS}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        killed = json.loads(done.stdout)["killed"]
        mails = [to.partition("@")[0] for to in mail.to()]
        got = {"email": mails, "topic": received(sqs, queue), "hook": effects}
    assert killed >= KILLS
    rows = world.connection.execute("SELECT channel, state, alert_id FROM alerts.outbox").fetchall()
    world.connection.close()
    for channel, alerts in got.items():
        of = {state: {alert for name, was, alert in rows if (name, was) == (channel, state)} for _, state, _ in rows}
        assert max(Counter(alerts).values()) == 1, channel
        failed, sent, unsure = of.pop("failed"), of.pop("sent"), of.pop("unsure", set())
        assert not any(of.values())
        assert len(failed) + len(sent) + len(unsure) == ALERTS
        assert failed <= {*NEVER} <= failed | unsure
        assert sent <= {*alerts} <= (sent | unsure) - {*NEVER}
        assert channel != "hook" or not unsure
