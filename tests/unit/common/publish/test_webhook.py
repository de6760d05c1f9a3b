"""A message to a webhook: what is sent, and how refusals for now and for good are told apart."""

from collections.abc import Iterator

import pytest

from common.publish.webhook import (
    ATTEMPTS,
    WebhookAway,
    WebhookRefused,
    message_of,
    post,
    post_patiently,
    wrong_webhook,
)
from local.engine.startup import free_port
from servers.webhook import Answer, WebhookServer


@pytest.fixture
def webhook() -> Iterator[WebhookServer]:
    with WebhookServer() as server:
        yield server


def no_pause(_: float) -> None:
    pass


def test_a_message_is_json_with_its_key(webhook: WebhookServer) -> None:
    post(webhook.url, {"text": "Zürich: 3 < 4"}, "k1")
    (posted,) = webhook.posted
    assert posted.body == {"text": "Zürich: 3 < 4"}
    assert posted.key == "k1"
    assert posted.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_no_refusal(webhook: WebhookServer, status: int) -> None:
    webhook.answers = [Answer(status, "not now")]
    with pytest.raises(WebhookAway, match=f"answered {status}: not now"):
        post(webhook.url, {}, "k")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413])
def test_what_would_be_refused_again_is_a_refusal(webhook: WebhookServer, status: int) -> None:
    webhook.answers = [Answer(status, "no_such_hook")]
    with pytest.raises(WebhookRefused, match=f"answered {status}: no_such_hook") as raised:
        post_patiently(webhook.url, {}, "k", print, no_pause)
    assert "s3cret" not in str(raised.value)
    assert len(webhook.posted) == 1


@pytest.mark.parametrize("status", [404, 503])
@pytest.mark.parametrize(
    "words",
    [
        "Cannot POST /services/T0/B0/xoxsecret1?token=abcdefgh1",
        '{"path": "\\/services\\/T0\\/B0\\/xoxsecret1"}',
        "<pre>no &#x2F;B0&#x2F;XOXSECRET1</pre>",
        "token%20abcdefgh1",
        f"{'.' * 195} xoxsecret1",  # where the quotation would end in the middle of it
    ],
)
def test_an_answer_that_quotes_the_address_is_not_told(webhook: WebhookServer, words: str, status: int) -> None:
    webhook.answers = [Answer(status, words)]
    address = f"{webhook.url.removesuffix('/hook/s3cret')}/services/T0/B0/xoxsecret1?token=abcdefgh1"
    with pytest.raises((WebhookAway, WebhookRefused)) as raised:
        post(address, {}, "k")
    assert str(raised.value).endswith(f" answered {status}")


def test_a_redirect_is_not_followed(webhook: WebhookServer) -> None:
    webhook.answers = [Answer(302, headers=(("Location", webhook.url),))]
    with pytest.raises(WebhookRefused, match="redirect"):
        post(webhook.url, {}, "k")
    assert len(webhook.posted) == 1


def test_it_is_tried_again_with_the_same_key(webhook: WebhookServer) -> None:
    webhook.answers = [Answer(503), Answer(None), Answer(429, headers=(("Retry-After", "7"),))]
    told: list[str] = []
    pauses: list[float] = []
    post_patiently(webhook.url, {"n": 1}, "k", told.append, pauses.append)
    assert [(posted.key, posted.body) for posted in webhook.posted] == [("k", {"n": 1})] * 4
    assert pauses == [1, 2, 7]
    assert "s3cret" not in "".join(told)


def test_it_gives_up(webhook: WebhookServer) -> None:
    webhook.answers = [Answer(503)] * ATTEMPTS
    with pytest.raises(WebhookAway, match=f"{ATTEMPTS} times"):
        post_patiently(webhook.url, {}, "k", lambda _: None, no_pause)
    assert len(webhook.posted) == ATTEMPTS


def test_a_long_pause_is_left_to_the_next_run(webhook: WebhookServer) -> None:
    webhook.answers = [Answer(429, headers=(("Retry-After", "Fri, 01 Jan 2100 00:00:00 GMT"),))]
    with pytest.raises(WebhookAway, match="asks for a pause"):
        post_patiently(webhook.url, {}, "k", lambda _: None, no_pause)
    assert len(webhook.posted) == 1


def test_a_server_that_is_not_there_may_come_back() -> None:
    port = free_port()
    with pytest.raises(WebhookAway, match=f"http://127.0.0.1:{port} doesn't answer"):
        post(f"http://127.0.0.1:{port}/hook/s3cret", {}, "k")


def test_a_server_that_does_not_answer_in_time_may_come_back(webhook: WebhookServer) -> None:
    import threading

    is_over = threading.Event()
    webhook.before_answer = lambda: is_over.wait(10)
    try:
        with pytest.raises(WebhookAway, match=r"doesn't answer: .*timed out"):
            post(webhook.url, {}, "k", timeout_seconds=0.1)
    finally:
        is_over.set()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org/s3cret",
        "ftp://h/s3cret",
        "https:///s3cret",
        "https://u:s3cret@h/",
        "https://h/s3cret x",
        "https://h/s3creté",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(WebhookRefused, match="address") as raised:
        post(url, {}, "k")
    assert "s3cret" not in str(raised.value)


def test_addresses_are_taken() -> None:
    assert not wrong_webhook("https://hooks.example.org:8443/services/T0/B0/x?y=1")


def test_slack_shows_its_signs_as_they_are() -> None:
    assert message_of("slack", "a < b & <!channel>", {"rows": 1}) == {"text": "a &lt; b &amp; &lt;!channel&gt;"}


def test_json_has_the_facts() -> None:
    assert message_of("json", "new", {"rows": 1}) == {"text": "new", "rows": 1}
