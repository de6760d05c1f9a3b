"""Senders that are killed: `python alert_senders.py`, with what they send by on standard input as JSON.

Two at a time are forked. Each kills itself at a moment drawn from a seed: before or after it asks a server or the
outbox something. When so many were killed as are asked for, two more work to the end. Says how many those were.
"""

import http.client
import json
import os
import random
import signal
import smtplib
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

from common.publish.alerts.outbox import Outbox
from common.publish.writers.alerts import AlertsOutput
from common.settings import Settings
from common.sources.clients import client

MOMENTS = (
    (Outbox, "claim"),
    (Outbox, "_mine"),
    (smtplib.SMTP, "mail"),
    (smtplib.SMTP, "send"),
    (smtplib.SMTP, "getreply"),
    (http.client.HTTPConnection, "send"),
    (http.client.HTTPConnection, "getresponse"),
)
LEASE = timedelta(seconds=1)


def work(output: AlertsOutput, settings: Settings, dies_at: int) -> None:
    """Sends until nothing waits; kills itself at the moment of that number, where it is above 0."""
    left = dies_at

    def moment() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def around(*given: Any, **named: Any) -> Any:
            moment()
            result = function(*given, **named)
            moment()
            return result

        return around

    for owner, name in MOMENTS:
        setattr(owner, name, dying(getattr(owner, name)))
    pause = timedelta(milliseconds=20)
    with output.connected(settings) as connection:
        outbox = Outbox(connection, output.attempts, pause, pause)
        waiting = "SELECT count(*) FROM alerts.outbox WHERE state IN ('pending', 'sending')"
        while connection.execute(waiting).fetchone() != (0,):
            replace(output.sender(connection, settings), outbox=outbox, lease=LEASE).run()
            time.sleep(0.01)


def main() -> None:
    """Kills senders, then lets two end."""
    given = json.load(sys.stdin)
    output, settings = AlertsOutput.model_validate(given["output"]), Settings(Path(given["home"]))
    chance = random.Random(given["seed"])
    client("boto3", "aws").client("sns", region_name="eu-west-1")  # its description is read once, for all forks
    killed = 0
    while True:
        is_last = killed >= given["kills"]
        children = []
        for _ in range(2):
            dies_at = 0 if is_last else chance.randint(1, 24)
            if (child := os.fork()) == 0:
                work(output, settings, dies_at)
                os._exit(0)
            children.append(child)
        ends = [os.waitpid(child, 0)[1] for child in children]
        if not {*ends} <= {0, signal.SIGKILL}:
            raise SystemExit("a sender failed by itself")
        killed += sum(end == signal.SIGKILL for end in ends)
        if is_last or 0 in ends:  # all is sent
            break
    print(json.dumps({"killed": killed, "ends": ends}))


if __name__ == "__main__":
    main()
