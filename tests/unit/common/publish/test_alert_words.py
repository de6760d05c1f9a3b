"""Templates, time zones, quiet hours and links, without a server."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.errors import DeclarationError
from common.publish.alerts.answers import _answer
from common.publish.alerts.links import WrongLink, alert_of, token_of
from common.publish.alerts.message import Message
from common.publish.alerts.quiet_hours import QuietHours
from common.publish.alerts.templates import NAMES, Templates
from common.publish.alerts.zones import _zones, zone_of
from common.silver.codes import country_codes

NOW = datetime(2025, 9, 28, 12, 30, tzinfo=UTC)
MESSAGE = Message("T1", "email", NOW, NOW)
QUIET = st.builds(lambda begin, end: {"from": begin, "to": end}, *[st.times().map(lambda clock: f"{clock:%H:%M}")] * 2)


def test_what_is_not_known_is_said_so() -> None:
    words = MESSAGE.words("")
    assert (words["first_name"], words["amount"], words["card"]) == ("customer", "a sum", "of yours")
    assert words["time"] == "28 September 2025, 12:30 (UTC)"


def test_every_country_has_a_zone_that_there_is() -> None:
    without = {"BV", "HM"}  # nobody lives there
    assert {*_zones()} | without >= {*country_codes()}
    assert {*_zones().values()} <= available_timezones()
    assert [zone_of(code).key for code in ("DE", "US", "BR", None, "XX")] == [
        "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "UTC", "UTC",
    ]  # fmt: skip


def test_templates_of_ones_own_stand_in_for_those_that_they_name(tmp_path: Path) -> None:
    (tmp_path / "team.txt").write_text("Look at $alert for $$5")
    own = Templates(tmp_path)
    own.check()
    assert own.text("team.txt", MESSAGE.words("")) == "Look at T1 for $5"
    assert own.text("customer.txt", MESSAGE.words("")) == Templates().text("customer.txt", MESSAGE.words(""))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("team.txt", "Pay $50", "team.txt: a \\$ stands before a slot's name"),
        ("team.txt", "Hello $name", "team.txt: there is no \\$name; there are first_name, amount"),
        ("teams.txt", "Hello", "teams.txt is no template; there are customer.html"),
    ],
)
def test_a_wrong_template_is_refused_before_anything_is_sent(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DeclarationError, match=expected):
        Templates(tmp_path).check()
    with pytest.raises(DeclarationError, match="there is no folder"):
        Templates(tmp_path / "gone").check()


def test_the_built_in_templates_are_in_order() -> None:
    assert {"customer.txt", "customer.html", "customer_subject.txt", "customer_short.txt", "team.txt"} == {*NAMES}
    for name in NAMES:
        assert "$" not in Templates().html(name, MESSAGE.words("link"))


@given(
    quiet=QUIET,
    at=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]),
)
@example(quiet={"from": "21:00", "to": "02:30"}, at=datetime(2025, 10, 26, 1, 10, tzinfo=UTC), zone="Europe/Berlin")
@example(quiet={"from": "21:00", "to": "02:30"}, at=datetime(2025, 3, 30, 0, 59, tzinfo=UTC), zone="Europe/Berlin")
def test_quiet_hours_end_when_the_customers_clock_says_so(quiet: dict[str, str], at: datetime, zone: str) -> None:
    if quiet["from"] == quiet["to"]:
        return
    hours, place = QuietHours.model_validate(quiet), ZoneInfo(zone)
    begin, end = (time.fromisoformat(quiet[name]) for name in ("from", "to"))

    def is_quiet(moment: datetime) -> bool:
        clock = moment.astimezone(place).time()
        return begin <= clock < end if begin < end else not end <= clock < begin

    ends = hours.end_after(at, place)
    assert (ends is not None) == is_quiet(at)
    if ends is not None:
        assert at < ends <= at + timedelta(hours=26)
        offsets = {
            moment.astimezone(place).utcoffset() for moment in (at - timedelta(hours=3), ends + timedelta(hours=3))
        }
        if len(offsets) == 1:  # the clocks aren't set meanwhile
            assert is_quiet(ends - timedelta(seconds=1))
            assert not is_quiet(ends)


@pytest.mark.parametrize(
    "given_", [{"from": "21:00", "to": "21:00"}, {"from": "21", "to": "08:00"}, {"from": 1260, "to": "08:00"}]
)
def test_quiet_hours_that_are_none_are_refused(given_: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"begin and end at the same time|is no time of day"):
        QuietHours.model_validate(given_)


@settings(max_examples=30)
@given(
    alert=st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
    key=st.text(st.characters(codec="utf-8"), min_size=1),
)
def test_a_link_names_its_alert_until_it_ends(alert: str, key: str) -> None:
    token = token_of(alert, NOW, key)
    assert token.isascii()
    assert "/" not in token
    assert alert_of(token, key, NOW - timedelta(seconds=1)) == alert
    with pytest.raises(WrongLink, match="ended"):
        alert_of(token, key, NOW)


@pytest.mark.parametrize("change", ["", "!", "x", "cut", "key", "alert"])
def test_a_link_that_was_not_made_so_is_refused(change: str) -> None:
    token, key = token_of("T1", NOW, "key"), "key"
    if change == "key":
        key = "other"
    elif change == "alert":
        token = token[:-2] + token_of("T2", NOW, "key")[-2:]
    else:
        token = {"": "", "!": "!" + token[1:], "x": token + "x", "cut": token[:-3]}[change]
    with pytest.raises(WrongLink, match="whole"):
        alert_of(token, key, NOW - timedelta(days=1))


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday"])
def test_a_time_that_no_calendar_has_in_utc_is_said_and_ends_nothing(at: str) -> None:
    said = _answer({"transaction_id": "T1", "answer": "fraud", "answered_at": at})
    assert said == "answered_at must be a time as ISO 8601 writes it"
