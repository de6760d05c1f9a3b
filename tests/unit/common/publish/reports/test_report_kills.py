"""A run that is killed at any step: no half file, and the next run ends as one that nobody disturbed.

The process that delivers is a fork, killed by SIGKILL just before, within and just after everything that it writes or
sends.
"""

import json
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from report_builders import Ledger, a_ledger, a_report, a_run, contents, snapshot_options

from common.publish.reports.deliver import deliver_reports
from common.publish.reports.manifest import SUFFIX, Manifest
from common.publish.reports.notice import Notify, Send
from common.publish.reports.report import Report
from common.settings import settings_from
from common.storage import files
from servers.webhook import WebhookServer

REPORTS = {"daily": a_report(reopen="2 days"), "all": Report.model_validate(snapshot_options())}


class Moments:
    """Counts the steps of a process, and kills it at one of them."""

    def __init__(self, deadly: int) -> None:
        self.passed, self._deadly = 0, deadly

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)


def deliver(folder: Path, ledger: Ledger, webhook: WebhookServer, moment: Callable[[], None]) -> None:
    send = Notify(webhook=webhook.url).sender(settings_from(), lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        _watch(patch, moment)
        deliver_reports(a_run(folder, ledger, send=_watched(send, moment)), REPORTS)


def _watch(patch: pytest.MonkeyPatch, moment: Callable[[], None]) -> None:
    replace = Path.replace

    def sync(_: int) -> None:
        moment()  # written, not yet in its place

    def watched_replace(self: Path, target: Any) -> Path:
        moved = replace(self, target)
        moment()
        return moved

    patch.setattr(files, "sync", sync)
    patch.setattr(Path, "replace", watched_replace)


def _watched(send: Send, moment: Callable[[], None]) -> Send:
    def watched(manifest: Manifest, place: str) -> None:
        send(manifest, place)
        moment()  # taken, not yet noted

    return watched


def killed_at(moment: int, work: Callable[[Callable[[], None]], None]) -> bool:
    """Does the work in a fork that is killed at that moment; whether it came so far."""
    child = os.fork()
    if child == 0:
        try:
            work(Moments(moment))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def comparable(folder: Path) -> dict[str, Any]:
    """Files by name; of a manifest all but when it was written."""
    return {
        name: {**json.loads(content), "written_at": ""} if name.endswith(".json") else content
        for name, content in contents(folder).items()
    }


@pytest.fixture
def webhook() -> Iterator[WebhookServer]:
    with WebhookServer() as server:
        yield server


def moments_of(work: Callable[[Callable[[], None]], None]) -> int:
    counter = Moments(0)
    work(counter)
    return counter.passed


@pytest.mark.parametrize("is_first", [True, False], ids=["first run", "late rows"])
def test_a_killed_run_is_made_good_by_the_next(tmp_path: Path, webhook: WebhookServer, is_first: bool) -> None:
    def until_now(folder: Path) -> Ledger:
        ledger = a_ledger(date(2025, 3, 1), 4)
        if not is_first:
            deliver(folder, ledger, webhook, lambda: None)
            ledger.book(date(2025, 3, 3), 33)
            ledger.book(date(2025, 3, 5), 4)
        webhook.posted.clear()
        return ledger

    calm = tmp_path / "calm"
    ledger = until_now(calm)
    steps = moments_of(lambda moment: deliver(calm, ledger, webhook, moment))
    expected, told = comparable(calm), sorted(posted.body["file"] for posted in webhook.posted)
    assert steps > 15
    assert told
    for moment in range(1, steps + 1):
        folder = tmp_path / str(moment)
        ledger = until_now(folder)
        before = contents(folder)
        assert killed_at(moment, lambda at: deliver(folder, ledger, webhook, at))  # noqa: B023
        seen = {name: content for name, content in contents(folder).items() if not name.startswith(".")}
        whole = [before, contents(calm)]
        assert all(
            any(content == of.get(name) for of in whole) for name, content in seen.items() if name.endswith(".csv")
        )
        assert all(name.removesuffix(SUFFIX) in seen for name in seen if name.endswith(SUFFIX))
        for left in folder.glob(".*.part"):
            os.utime(left, (0, 0))  # a younger one may be another run's
        deliver(folder, ledger, webhook, lambda: None)
        assert comparable(folder) == expected
        assert sorted(posted.body["file"] for posted in webhook.effects.values()) == told
    assert not killed_at(steps + 1, lambda at: deliver(tmp_path / "whole", until_now(tmp_path / "whole"), webhook, at))
