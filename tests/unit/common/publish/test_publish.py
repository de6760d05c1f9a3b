from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from publish_builders import SHELF, load, noted, publish_killed
from shelf import Shelf

from common.contracts.ops import DELIVERIES
from common.errors import OutputError
from common.publish.delivery import FOUND, READ, Delivery
from common.publish.output import Output
from common.publish.publish import check_outputs, failure, is_due, left_out, publish, publishing, result
from common.settings import Settings
from common.sources.feed import Tell
from common.storage.lake import Lake


def shelf(folder: Path, name: str, *, every: str = "") -> Output:
    """An output of ops.deliveries' own rows, whose folder is `folder`/shelf."""
    text = SHELF.replace("name: risk", f"name: {name}").replace("/shelf", str(folder / "shelf"))
    text = text.replace("gold.merchant_risk", DELIVERIES.name).replace("every: 15 minutes\n", every)
    return load(folder, text, name)


@pytest.fixture
def delivered(lake: Lake) -> Iterator[Lake]:
    """A lake without deliveries so far."""
    lake.ensure(DELIVERIES)
    yield lake
    lake.spark.sql(f"DELETE FROM {lake.full_name(DELIVERIES)}")


@pytest.mark.spark
def test_what_fails_leaves_the_others_and_what_was_sent_is_noted(delivered: Lake, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "shelf").mkdir(parents=True)
    outputs = (shelf(tmp_path / "a", "nowhere"), shelf(tmp_path / "b", "somewhere"))
    told: list[str] = []

    came_of = publish(delivered, outputs, told.append)

    assert told == ["ops.deliveries: 0 rows"]
    error = failure(came_of)
    assert isinstance(error, OutputError)
    assert "  nowhere: nowhere: there is no folder shelf: make it" in str(error)
    noted = delivered.table(DELIVERIES).select("output", "writer", "item", "mode", "failure", "run_id").collect()
    assert [tuple(row)[:5] for row in noted] == [
        ("nowhere", "shelf", "nowhere", "failed", "there is no folder shelf: make it")
    ]

    (tmp_path / "a" / "shelf").mkdir()
    came_of = publish(delivered, outputs)

    assert failure(came_of) is None
    assert result(came_of).rows_out == 2  # each saw the row of the failure
    assert delivered.table(DELIVERIES).where("failure IS NULL").count() == 2
    # Both have noted one row, and the table has three.
    assert [finding.details for finding in check_outputs(delivered, outputs)] == ["1 of 3 rows", "1 of 3 rows"]


@pytest.mark.spark
def test_an_output_is_delivered_when_it_is_due(delivered: Lake, tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    hourly = shelf(tmp_path, "hourly", every="every: 1 hour\n")

    assert list(publish(delivered, [hourly])) == ["hourly"]
    assert list(publish(delivered, [hourly])) == []
    assert list(publish(delivered, [hourly], force=True)) == ["hourly"]


@pytest.mark.spark
def test_a_mistake_in_one_output_leaves_the_others_and_is_noted(
    delivered: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf").mkdir()
    wrong, right = shelf(tmp_path, "wrong"), shelf(tmp_path, "right")

    def deliver(self: Shelf, lake: Lake, tell: Tell) -> list[Delivery]:
        if self.name == "wrong":
            raise ValueError("nobody thought of this")
        return [Delivery("item", "counted", rows_written=1)]

    monkeypatch.setattr(Shelf, "deliver", deliver)
    told: list[str] = []
    came_of = publish(delivered, [wrong, right], told.append)

    assert "  wrong: wrong: ValueError: nobody thought of this" in str(failure(came_of))
    assert "in deliver" in told[0]
    noted = delivered.table(DELIVERIES).select("output", "failure").collect()
    assert {tuple(row) for row in noted} == {("wrong", "ValueError: nobody thought of this"), ("right", None)}
    # An erasure that is delivered to neither leaves the person in the one that has got something.
    assert left_out(delivered, []) == ["right"]
    assert left_out(delivered, [right]) == []


@pytest.mark.spark
def test_what_was_sent_is_noted_where_the_run_is_ended(
    delivered: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deliver(self: Shelf, lake: Lake, tell: Tell) -> list[Delivery]:
        if self.name == "second":
            raise KeyboardInterrupt
        return [Delivery("item", "counted", rows_written=1)]

    monkeypatch.setattr(Shelf, "deliver", deliver)
    with pytest.raises(KeyboardInterrupt):
        publish(delivered, [shelf(tmp_path, "first"), shelf(tmp_path, "second")])
    assert [row.output for row in delivered.table(DELIVERIES).select("output").collect()] == ["first"]


@pytest.mark.spark
def test_what_a_killed_run_brought_is_noted_once_by_the_next(delivered: Lake, tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    output = shelf(tmp_path, "killed")
    publish_killed(delivered, [output])
    file = tmp_path / "shelf" / DELIVERIES.name
    first = file.stat().st_mtime
    assert noted(delivered, output) == []

    told: list[str] = []
    publish(delivered, [output], told.append)  # which has no news of its own: no row came since

    assert told[0] == "killed: ops.deliveries: came by another run, which had not noted it"
    [(_, mode, at)] = noted(delivered, output)
    assert (mode, at.timestamp()) == (FOUND, pytest.approx(first, abs=0.001))

    publish_killed(delivered, [output])  # the note is a row, which this one brings
    second = file.stat().st_mtime
    publish(delivered, [output])
    found = [at.timestamp() for _, mode, at in noted(delivered, output) if mode == FOUND]
    assert found == pytest.approx([first, second], abs=0.001)
    publish(delivered, [output])
    assert len([mode for _, mode, _ in noted(delivered, output) if mode == FOUND]) == 2


@pytest.mark.spark
def test_a_target_that_cannot_be_asked_holds_the_run_not_up(
    delivered: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> list[Delivery]:
        raise OutputError("no server")

    (tmp_path / "shelf").mkdir()
    output = shelf(tmp_path, "away")
    publish_killed(delivered, [output])
    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "delivered_since", unreachable)
        assert failure(publish(delivered, [output], told.append)) is None
    assert told[0] == "away: what a run before has brought isn't known: no server"
    assert noted(delivered, output) == []

    publish(delivered, [output])
    assert [mode for _, mode, _ in noted(delivered, output)] == [FOUND]


def test_an_hour_after_its_delivery_an_hourly_output_is_due(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    hourly = shelf(tmp_path, "hourly", every="every: 1 hour\n")
    note = Path(settings.checkpoint("outputs", "hourly.delivered"))
    note.parent.mkdir(parents=True)

    assert is_due(hourly, settings)
    for minutes, due in ((58, False), (59.5, True)):
        note.write_text((datetime.now(UTC) - timedelta(minutes=minutes)).isoformat())
        assert is_due(hourly, settings) is due


def test_a_step_is_never_up_to_date_while_an_output_waits_or_cannot_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path)
    lake = cast("Lake", SimpleNamespace(settings=settings, ensure=lambda _: None))
    (tmp_path / "shelf").mkdir()
    hourly, always = shelf(tmp_path, "hourly", every="every: 1 hour\n"), shelf(tmp_path, "always")
    monkeypatch.setattr(Shelf, "deliver", lambda *_: [Delivery("item", "nothing new")])

    assert publishing([hourly, always]).leaves(settings) is None  # nothing is there
    (tmp_path / "shelf" / DELIVERIES.name).write_text("7")
    publish(lake, [hourly, always])
    assert publishing([hourly, always]).leaves(settings) == {"hourly": 7, "always": 7}  # both were delivered
    assert list(publish(lake, [hourly, always])) == ["always"]
    assert publishing([hourly, always]).leaves(settings) is None  # what is new waits for the hour
    assert publishing([always]).leaves(settings) == {"always": 7}
    publish(lake, [hourly, always], force=True)
    assert publishing([hourly, always]).leaves(settings) == {"hourly": 7, "always": 7}
    assert publishing([]).leaves(settings) == {}


def test_what_could_not_be_sent_can_be_sent_without_the_job_that_it_is_of() -> None:
    away = {name: [Delivery("users", "failed", failure="no server")] for name in ("warehouse", "bank")}
    assert "lakehouse run publish --param outputs=warehouse,bank`, and with force=true" in str(failure(away))


def test_what_was_read_is_not_said_to_be_sent() -> None:
    told = result(
        {
            "alerts": [
                Delivery("alerts", "new version", version=3),
                Delivery("contacts", "nothing new"),
                Delivery("answers", READ, rows_written=2, note="1 can't be read"),
            ]
        }
    )
    assert told.note == "1 of 2 items were sent"
    assert told.facts == {"sent": {"alerts: alerts": "new version"}, "read": {"alerts: answers": "1 can't be read"}}
