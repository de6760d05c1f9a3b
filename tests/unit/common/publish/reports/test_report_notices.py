"""Who waits for a report is told of it once for each content, whatever fails in between."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from report_builders import Ledger, a_ledger, a_report, a_run, an_output, contents, options

from common.publish import webhook as posting
from common.publish.delivery import Delivery
from common.publish.reports.deliver import CHANGED, NOTICE, deliver_reports
from common.publish.reports.notice import Notify
from common.settings import settings_from
from servers.webhook import Answer, WebhookServer

FIRST = date(2025, 3, 1)
DAILY = {"daily": a_report(reopen="0 days", since=date(2025, 3, 2))}


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookServer]:
    monkeypatch.setattr(posting.time, "sleep", lambda _: None)
    monkeypatch.setattr(posting, "FIRST_PAUSE_SECONDS", 0.0)
    with WebhookServer() as server:
        yield server


def run(folder: Path, ledger: Ledger, webhook: WebhookServer, **changed: Any) -> list[Delivery]:
    notify = Notify(webhook=webhook.url, **changed)
    return deliver_reports(a_run(folder, ledger, send=notify.sender(settings_from(), lambda _: None)), DAILY)


def test_a_notice_has_the_facts_of_the_manifest(tmp_path: Path, webhook: WebhookServer) -> None:
    run(tmp_path, a_ledger(FIRST, 3), webhook)
    (posted,) = webhook.posted
    body = posted.body
    assert {name: body[name] for name in ("event", "output", "report", "file", "rows", "edition", "period_start")} == {
        "event": "report_written",
        "output": "reports",
        "report": "daily",
        "file": "alerts_2025-03-02.csv",
        "rows": 1,
        "edition": 1,
        "period_start": "2025-03-02",
    }
    place = tmp_path / "alerts_2025-03-02.csv"
    assert body["destination"] == str(place)
    assert body["text"] == f"daily: alerts_2025-03-02.csv is there with 1 rows: {place}"


def test_slack_gets_a_sentence(tmp_path: Path, webhook: WebhookServer) -> None:
    run(tmp_path, a_ledger(FIRST, 3), webhook, format="slack")
    assert list(webhook.posted[0].body) == ["text"]


def test_it_is_told_once_for_each_content(tmp_path: Path, webhook: WebhookServer) -> None:
    ledger = a_ledger(FIRST, 3)
    run(tmp_path, ledger, webhook)
    run(tmp_path, ledger, webhook)
    (tmp_path / "alerts_2025-03-02.csv").write_text("by hand")
    run(tmp_path, ledger, webhook)
    assert len(webhook.posted) == 1
    ledger.book(date(2025, 3, 2), 50)
    assert [delivery.mode for delivery in run(tmp_path, ledger, webhook)] == [CHANGED]
    assert [posted.body["edition"] for posted in webhook.posted] == [1, 2]
    assert len(webhook.effects) == 2


def test_a_content_that_comes_back_is_told_again(tmp_path: Path, webhook: WebhookServer) -> None:
    ledger = a_ledger(FIRST, 3)
    first = ledger.days
    for days in (first, {**first, date(2025, 3, 2): [5]}, first):
        ledger.days, ledger.version = days, ledger.version + 1
        run(tmp_path, ledger, webhook)
    assert webhook.posted[0].body["sha256"] == webhook.posted[2].body["sha256"]
    assert len(webhook.effects) == 3


def test_a_notice_that_is_refused_is_told_and_sent_by_the_next_run(tmp_path: Path, webhook: WebhookServer) -> None:
    ledger = a_ledger(FIRST, 4)
    webhook.answers = [Answer(404, "no_such_hook")]
    deliveries = run(tmp_path, ledger, webhook)
    failed = [delivery for delivery in deliveries if delivery.failure]
    assert [delivery.mode for delivery in failed] == [NOTICE, NOTICE]
    assert "is there, but its notice was not taken" in failed[0].failure
    assert "no_such_hook" in failed[0].failure
    assert "s3cret" not in failed[0].failure
    assert len(webhook.posted) == 1  # the second was not tried
    assert {name for name in contents(tmp_path) if name.endswith("csv")} == {
        "alerts_2025-03-02.csv",
        "alerts_2025-03-03.csv",
    }
    run(tmp_path, ledger, webhook)
    assert [posted.body["file"] for posted in webhook.posted[1:]] == ["alerts_2025-03-02.csv", "alerts_2025-03-03.csv"]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_notice_that_is_refused_for_good_holds_up_no_other(
    tmp_path: Path, webhook: WebhookServer, status: int
) -> None:
    webhook.answers = [Answer(status, "not this one")]
    failed = [delivery for delivery in run(tmp_path, a_ledger(FIRST, 5), webhook) if delivery.failure]
    assert [delivery.failure.partition(" ")[0] for delivery in failed] == ["alerts_2025-03-02.csv"]
    assert [posted.body["file"][-6:-4] for posted in webhook.posted] == ["02", "03", "04"]


def test_where_nobody_takes_notices_the_first_alone_is_tried(tmp_path: Path, webhook: WebhookServer) -> None:
    webhook.answers = [Answer(503)] * 20
    failed = [delivery for delivery in run(tmp_path, a_ledger(FIRST, 5), webhook) if delivery.failure]
    assert len(failed) == 3
    assert len(webhook.posted) == posting.ATTEMPTS


def test_a_webhook_that_is_away_for_a_moment_is_waited_for(tmp_path: Path, webhook: WebhookServer) -> None:
    webhook.answers = [Answer(503), Answer(None)]
    deliveries = run(tmp_path, a_ledger(FIRST, 3), webhook)
    assert not any(delivery.failure for delivery in deliveries)
    assert len(webhook.posted) == 3
    assert len(webhook.effects) == 1


def test_files_of_before_the_declaration_are_not_told(tmp_path: Path, webhook: WebhookServer) -> None:
    ledger = a_ledger(FIRST, 3)
    deliver_reports(a_run(tmp_path, ledger), DAILY)
    run(tmp_path, ledger, webhook)
    assert webhook.posted == []


def test_a_secret_that_is_not_there_is_told_and_the_file_written(tmp_path: Path) -> None:
    notify = an_output({"daily": options()}, notify={"webhook": {"secret": "no_hook"}}).notify
    assert notify
    run = a_run(tmp_path, a_ledger(FIRST, 3), send=notify.sender(settings_from(), lambda _: None))
    failed = [delivery.failure for delivery in deliver_reports(run, DAILY) if delivery.failure]
    assert "there is no secret 'no_hook'" in failed[0]
    assert (tmp_path / "alerts_2025-03-02.csv").is_file()
