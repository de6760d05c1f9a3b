"""Alerts from Delta tables to PostgreSQL with their outbox in one transaction, and customers' answers back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alerts_world import DATABASE, KEY, make_database, output_of
from apps.events_api.api import Api
from apps.events_api.folder_store import FolderStore

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import CUSTOMER, MERCHANT, TRANSACTIONS
from common.contracts.table import Table
from common.contracts.verdicts import ALERT_VERDICTS
from common.errors import OutputError
from common.publish.alerts import delivery
from common.publish.delivery import Delivery
from common.publish.writers.alerts import AlertsOutput
from common.storage.lake import Lake
from servers.gateway import post
from servers.postgres import Postgres

pytestmark = pytest.mark.spark

NOW = datetime.now(UTC).replace(microsecond=0)
CHANNELS = {"team": {"by": "webhook", "url": "http://127.0.0.1:9/hook"}}


def add(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    values = [tuple(row.get(name) for name in table.column_names) for row in rows]
    lake.ensure(table)
    lake.append(lake.spark.createDataFrame(values, schema_of(table)), table)


def score(alert: str, customer: str = "C1", age: timedelta = timedelta(hours=1), **other: object) -> dict[str, object]:
    at = NOW - age
    row: dict[str, object] = {"transaction_id": alert, "event_time": at, "event_date": at.date()}
    row |= {"customer_id": customer, "account_id": "A00012345", "merchant_id": "M1", "scored_at": NOW}
    row |= {"score": 0.9, "threshold": 0.5, "decision": "fraud", "is_backfill": False, "model_version": "3"}
    return row | {"reasons": ['odd hour, "far" away', None]} | other


@pytest.fixture(scope="module")
def delivered(lake: Lake, postgres: Postgres, landing: Path) -> Iterator[tuple[Lake, AlertsOutput, Postgres]]:
    """Three customers, four scores, delivered once."""
    people = [
        {"customer_id": f"C{n}", "first_name": f"Ann{n}", "full_name": f"Ann{n} Doe", "email": f"ann{n}@mail.test",
         "country": "DE", "valid_from": NOW, "content_hash": "x", "is_current": True, "is_deleted": False}
        for n in (1, 2, 3)
    ]  # fmt: skip
    add(lake, CUSTOMER.history, *people)
    add(lake, MERCHANT.history, {"merchant_id": "M1", "name": "Shop", "valid_from": NOW, "content_hash": "x",
                                 "is_current": True, "is_deleted": False})  # fmt: skip
    scores = [
        score("T1"),
        score("T2", "C2"),
        score("old", "C3", timedelta(days=3), scored_at=NOW - timedelta(days=3)),
        score("fine", decision="genuine"),
        score("before", is_backfill=True),
    ]
    add(lake, TRANSACTION_SCORES, *scores)
    paid = [
        {name: row[name] for name in ("transaction_id", "event_time", "event_date", "customer_id")} for row in scores
    ]
    add(lake, TRANSACTIONS, *paid)
    make_database(postgres)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"LAKEHOUSE_SECRET_{KEY}", "key")
        yield lake, output_of(postgres, {}, CHANNELS), postgres


def deliver(world: tuple[Lake, AlertsOutput, Postgres]) -> dict[str, Delivery]:
    done = {one.item: one for one in world[1].deliver(world[0], lambda _: None)}
    assert not [one.failure for one in done.values() if one.failure]
    return done


def asked(world: tuple[Lake, AlertsOutput, Postgres], statement: str) -> list[tuple[Any, ...]]:
    return world[2].execute(statement, database=DATABASE)


def outbox(world: tuple[Lake, AlertsOutput, Postgres]) -> dict[str, str]:
    return dict(asked(world, "SELECT alert_id, state FROM alerts.outbox"))


def findings(world: tuple[Lake, AlertsOutput, Postgres]) -> dict[str, bool]:
    return {f"{one.subject} {one.check_name}": one.passed for one in world[1].findings(world[0])}


def test_alerts_come_with_their_messages_or_not_at_all(
    delivered: tuple[Lake, AlertsOutput, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {(f.passed, f.details) for f in delivered[1].findings(delivered[0])} == {(True, "nothing was delivered yet")}

    def fails(*_: Any) -> int:
        raise psycopg.errors.DiskFull("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "fill", fails)
        (failed,) = [one for one in delivered[1].deliver(*delivered[:1], lambda _: None) if one.failure]
    assert failed.item == "alerts"
    assert "its disk is full" in failed.failure
    assert asked(delivered, "SELECT to_regclass('alerts.alerts')") == [(None,)]
    assert outbox(delivered) == {}

    taken = delivery.deliver

    def without_contacts(connection: Any, place: Any, source: Any, tables: Any, also: Any) -> list[Delivery]:
        if tables == [delivery.CONTACTS]:
            raise OutputError("no contacts")
        return taken(connection, place, source, tables, also)

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "deliver", without_contacts)
        failures = {one.item: one.failure for one in delivered[1].deliver(delivered[0], lambda _: None) if one.failure}
    assert failures == {
        "contacts": "no contacts",
        "alerts": "they wait for contacts: nobody is told by an old address",
    }
    assert outbox(delivered) == {}

    done = deliver(delivered)
    assert (done["alerts"].rows_there, done["contacts"].rows_there, done["merchants"].rows_there) == (3, 3, 1)
    assert outbox(delivered) == {"T1": "pending", "T2": "pending", "old": "suppressed"}
    assert done["messages by team"].note == "0 sent since the delivery before; in the outbox: 2 pending, 1 suppressed"
    assert asked(delivered, "SELECT reasons FROM alerts.alerts WHERE transaction_id = 'T1'") == [
        (['odd hour, "far" away', None],)
    ]
    assert set(findings(delivered).values()) == {True}


def test_what_its_tables_have_is_told_as_it_was_delivered(delivered: tuple[Lake, AlertsOutput, Postgres]) -> None:
    done, (lake, output, _) = deliver(delivered), delivered
    brought = {one.item: one for one in output.delivered_since(lake.settings, NOW - timedelta(hours=1))}

    assert brought.keys() == {"contacts", "merchants", "alerts"}
    for name, one in brought.items():
        assert (one.source_table, one.table_id) == (done[name].source_table, done[name].table_id)
        assert (one.version, one.rows_there, one.destination) == (
            done[name].version,
            done[name].rows_there,
            done[name].destination,
        )
    assert output.delivered_since(lake.settings, NOW + timedelta(hours=1)) == []


def test_delivered_again_nothing_is_news_and_the_state_is_the_same(
    delivered: tuple[Lake, AlertsOutput, Postgres],
) -> None:
    state = delivered[1].state(delivered[0].settings)
    assert not [one.item for one in deliver(delivered).values() if one.is_news]
    assert delivered[1].state(delivered[0].settings) == state
    assert state is not None
    add(delivered[0], TRANSACTION_SCORES, score("T3", "C2"))
    assert deliver(delivered)["alerts"].rows_written == 1
    assert outbox(delivered)["T3"] == "pending"
    assert delivered[1].state(delivered[0].settings) != state


def test_what_was_sent_is_noted_once(delivered: tuple[Lake, AlertsOutput, Postgres]) -> None:
    state = delivered[1].state(delivered[0].settings)
    asked(delivered, "UPDATE alerts.outbox SET state = 'sent', receipt = 'r' WHERE alert_id IN ('T1', 'T2')")
    assert delivered[1].state(delivered[0].settings) != state  # else no delivery would note it
    done = [deliver(delivered)["messages by team"] for _ in range(2)]
    assert [(one.rows_written, one.is_news) for one in done] == [(2, True), (0, False)]
    assert done[0].version == delivered[0].version(TRANSACTION_SCORES)


def test_an_erased_person_and_a_withdrawn_alert_leave(delivered: tuple[Lake, AlertsOutput, Postgres]) -> None:
    lake = delivered[0]
    for table in (CUSTOMER.history, TRANSACTION_SCORES):
        lake.spark.sql(f"DELETE FROM {lake.full_name(table)} WHERE customer_id = 'C2'")
    done = deliver(delivered)
    assert (done["alerts"].rows_deleted, done["contacts"].rows_deleted) == (2, 1)
    assert outbox(delivered) == {"T1": "sent", "T2": "sent", "T3": "suppressed", "old": "suppressed"}
    assert asked(delivered, "SELECT alert_id FROM alerts.outbox WHERE receipt IS NOT NULL") == [("T1",)]
    everything = asked(
        delivered,
        "SELECT string_agg(t::text, ' ') FROM (SELECT a::text t FROM alerts.alerts a UNION ALL "
        "SELECT c::text FROM alerts.contacts c UNION ALL SELECT o::text FROM alerts.outbox o) x",
    )[0][0]
    assert "ann1@" in everything
    assert "C2" not in everything
    assert "ann2@" not in everything
    assert set(findings(delivered).values()) == {True}


def test_what_is_changed_there_by_hand_is_found_and_mended(delivered: tuple[Lake, AlertsOutput, Postgres]) -> None:
    state = delivered[1].state(delivered[0].settings)
    asked(delivered, "DELETE FROM alerts.outbox WHERE alert_id = 'old'")
    assert delivered[1].state(delivered[0].settings) != state  # else no delivery would mend it
    assert [name for name, holds in findings(delivered).items() if not holds] == ["alerts: messages output_complete"]
    deliver(delivered)
    assert outbox(delivered)["old"] == "suppressed"
    asked(delivered, "UPDATE alerts.outbox SET state = 'unsure', note = 'hung up' WHERE alert_id = 'T1'")
    (found,) = [one for one in delivered[1].findings(delivered[0]) if not one.passed]
    assert found.severity == "warning"
    assert found.details.startswith("1 unsure: T1/team (hung up)")


def test_a_database_that_is_away_is_a_finding(delivered: tuple[Lake, AlertsOutput, Postgres]) -> None:
    away = delivered[2].connection(DATABASE) | {"user": "nobody"}
    output = output_of(delivered[2], {"database": away}, CHANNELS)
    (found,) = output.findings(delivered[0])
    assert found.warns
    assert "refuses the user nobody" in found.details
    assert output.state(delivered[0].settings) is None


def test_answers_by_links_and_files_are_verdicts_once(
    delivered: tuple[Lake, AlertsOutput, Postgres], landing: Path
) -> None:
    lake, output, _ = delivered
    assert output.answers
    assert delivery.take_answers(lake, output.answers).rows_there == 0
    api = Api(FolderStore(landing), answers_key="key")
    for name, answer, later in (
        ("T1", "genuine", 0),
        ("T1", "genuine", 120),
        ("T1", "fraud", 240),
        ("gone", "fraud", 0),
    ):
        link = output.answers.link(name, NOW, lake.settings)
        request = post(f"answer={answer}", path=link.removeprefix("https://answers.test"))
        request["requestContext"]["timeEpoch"] = int((NOW.timestamp() - 600 + later) * 1000)
        assert api.answer(request)["statusCode"] == 200
    at = f"{NOW:%Y-%m-%d %H:%M:%S}"
    ahead = f"{datetime.now(UTC) + timedelta(minutes=3):%Y-%m-%d %H:%M:%S}"
    said = f"T2,fraud,{ahead}\nT2,genuine,{NOW + timedelta(hours=1):%Y-%m-%d %H:%M}\n"
    said += f"old,fraud,{at}\nold,unsure,{at}\nT1,genuine,2000-01-01\n,fraud,{at}\n"
    folder = landing / "events" / "alert_answers"
    (folder / "call_centre.csv").write_text("transaction_id,answer,answered_at\n" + said)
    (folder / "broken.parquet").write_bytes(b"PAR1 and no more")

    done = deliver(delivered)["answers"]
    assert done.rows_written == 4
    assert done.note.startswith("3 are of transactions that aren't there, or of a time that can't be; 3 can't be read")
    rows = lake.table(ALERT_VERDICTS).orderBy("decided_at").collect()
    assert [(row["transaction_id"], row["verdict"], row["reviewer"]) for row in rows] == [
        ("T1", "genuine", "customer"), ("T1", "fraud", "customer"), ("old", "fraud", "customer"),
        ("T2", "fraud", "customer"),
    ]  # fmt: skip
    assert delivery.take_answers(lake, output.answers).rows_written == 0
    assert lake.table(ALERT_VERDICTS).count() == 4
    assert all(row["decided_at"] <= row["recorded_at"] for row in rows)
