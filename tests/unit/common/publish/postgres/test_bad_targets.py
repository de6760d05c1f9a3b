"""Targets that refuse: each is named with what to do, and what is there stays as it was."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from made_versions import FRAUD, GENUINE, PLACE, MadeVersions, Row, served
from warehouse_world import warehouse

from common.checks.findings import OUTPUT_WAS_REACHED
from common.errors import OutputError
from common.publish.postgres import access
from common.publish.postgres.delivering import deliver
from common.publish.postgres.failures import in_words
from common.settings import Settings
from common.sources.feed import silent
from common.sources.pulling.postgres import connect

if TYPE_CHECKING:
    from servers.postgres import Postgres

TABLES = (served(FRAUD), served(GENUINE))
OLD: list[Row] = [("p1", "ann", "1.00", "fraud"), ("p2", "bob", "2.00", "genuine")]
NEW: list[Row] = [("p1", "ann", "9.00", "fraud"), ("p3", "bob", "2.00", "genuine")]
RAISING = """
CREATE FUNCTION fraud.raising() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER raising BEFORE INSERT ON fraud.genuine FOR EACH ROW EXECUTE FUNCTION fraud.raising();
"""


def there(connection: Any) -> list[tuple[str, str]]:
    both = " UNION ".join(f"SELECT payment_id, amount::text FROM fraud.{table.name}" for table in TABLES)
    return sorted(connection.execute(both).fetchall())


def deliver_in_words(connection: Any, source: MadeVersions) -> None:
    with in_words("the warehouse"):
        deliver(connection, PLACE, source, TABLES)


@pytest.mark.parametrize(
    ("by_hand", "back", "words"),
    [
        (RAISING.format(state="53100"), "DROP FUNCTION fraud.raising() CASCADE", "its disk is full: make room there"),
        (
            RAISING.format(state="P0001"),
            "DROP FUNCTION fraud.raising() CASCADE",
            "a trigger that was made there",
        ),
        (
            "ALTER TABLE fraud.genuine ALTER amount TYPE text",
            "ALTER TABLE fraud.genuine ALTER amount TYPE numeric(18,2) USING amount::numeric",
            "amount is text there and numeric(18,2) by the contract",
        ),
        (
            "ALTER TABLE fraud.genuine ADD CONSTRAINT negative CHECK (amount < 0) NOT VALID",
            "ALTER TABLE fraud.genuine DROP CONSTRAINT negative",
            "a constraint that was added there by hand refuses a row",
        ),
        (
            "ALTER TABLE fraud.genuine DROP CONSTRAINT genuine_key, ADD CONSTRAINT genuine_key PRIMARY KEY (amount)",
            "ALTER TABLE fraud.genuine DROP CONSTRAINT genuine_key",
            "has the key (amount) and by the contract it is (payment_id)",
        ),
        (
            "ALTER TABLE fraud.genuine OWNER TO postgres",
            "ALTER TABLE fraud.genuine OWNER TO fraud_owner",
            "its user lacks a right there",
        ),
    ],
)
def test_a_target_that_refuses_is_named_and_keeps_what_it_has(
    connection: Any, by_hand: str, back: str, words: str
) -> None:
    source = MadeVersions()
    source.commit(OLD)
    deliver_in_words(connection, source)
    source.commit(NEW)
    connection.execute(by_hand)
    with pytest.raises(OutputError) as raised:
        deliver_in_words(connection, source)
    connection.execute(back)

    assert words in str(raised.value)
    assert there(connection) == [("p1", "1.00"), ("p2", "2.00")]
    deliver_in_words(connection, source)
    assert there(connection) == [("p1", "9.00"), ("p3", "2.00")]


def test_a_lock_of_others_is_waited_for_and_then_named(
    connection: Any, postgres: "Postgres", monkeypatch: pytest.MonkeyPatch
) -> None:
    source = MadeVersions()
    source.commit(OLD)
    deliver_in_words(connection, source)
    source.commit(NEW)
    monkeypatch.setattr(access, "LOCK_SECONDS", 0.1)
    with postgres.connect("warehouse") as other, other.transaction():
        other.execute("LOCK TABLE fraud.fraud")
        with pytest.raises(OutputError, match="holds a lock on the table"):
            deliver_in_words(connection, source)
    deliver_in_words(connection, source)


def test_of_two_deliveries_at_once_the_second_waits_and_finds_nothing_new(
    connection: Any, postgres: "Postgres"
) -> None:
    source, modes = MadeVersions(), []
    source.commit(OLD)
    first_is_in, may_end = threading.Event(), threading.Event()

    def hold(*_: Any) -> None:
        first_is_in.set()
        may_end.wait(30)

    def run(also: Callable[..., None] | None) -> None:
        with postgres.connect("warehouse") as own:
            modes.extend(d.mode for d in deliver(own, PLACE, source, TABLES, also))

    first = threading.Thread(target=run, args=(hold,))
    first.start()
    assert first_is_in.wait(30)
    second = threading.Thread(target=run, args=(None,))
    second.start()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    deadline = time.monotonic() + 30
    while postgres.execute(waiting, database="warehouse") != [(1,)]:
        assert time.monotonic() < deadline, "the second delivery doesn't wait for the first"
        time.sleep(0.02)
    assert second.is_alive()
    may_end.set()
    first.join(30)
    second.join(30)

    assert modes == ["all loaded"] * 2 + ["nothing new"] * 2


def test_a_server_that_goes_away_in_the_middle_loses_nothing(connection: Any, postgres: "Postgres") -> None:
    source = MadeVersions()
    source.commit(OLD)
    deliver_in_words(connection, source)
    source.commit(NEW)

    def cut(cursor: Any, *_: Any) -> None:
        postgres.execute(f"SELECT pg_terminate_backend({cursor.connection.info.backend_pid})")

    with (
        pytest.raises(OutputError, match="run this again when it is there"),
        in_words("the warehouse"),
        postgres.connect("warehouse") as own,
    ):
        deliver(own, PLACE, source, TABLES, cut)

    assert there(connection) == [("p1", "1.00"), ("p2", "2.00")]
    deliver_in_words(connection, source)
    assert there(connection) == [("p1", "9.00"), ("p3", "2.00")]


def test_a_server_that_is_not_there_or_refuses_the_login_is_an_error_and_a_warning_of_the_check(
    postgres: "Postgres", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect.time, "sleep", lambda _: None)

    class Nothing:
        settings = Settings(home=tmp_path)

    def elsewhere(content: dict[str, Any]) -> None:
        content["connections"]["warehouse"]["port"] = 1

    for output, words in (
        (warehouse(postgres, edit=elsewhere), "doesn't answer"),
        (warehouse(postgres, user="nobody"), "there is no such database or user"),
    ):
        with pytest.raises(OutputError, match=words):
            output.deliver(Nothing(), silent)  # type: ignore[arg-type]
        (finding,) = output.findings(Nothing())  # type: ignore[arg-type]
        assert (finding.check_name, finding.warns) == (OUTPUT_WAS_REACHED, True)
        assert words in finding.details
        assert output.state(Nothing.settings) is None
