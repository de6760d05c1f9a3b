"""A step is up to date while everything that it depends on is as it was when it last succeeded, and no longer."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from common.result import Result
from common.storage import last_success
from common.storage.lake import Lake
from common.storage.last_success import Began, Step, begin, forget, still_valid, succeed
from common.storage.streams import append_query, run_queries
from lake_tables import pairs, pairs_table

READ, WRITTEN, SHARED = pairs_table("step_reads"), pairs_table("step_writes"), pairs_table("step_shares")
STREAM = "gold/step"
DONE = Result(3, 2, "well", {"alerts": {"open": 1}})


def a_step(lake: Lake, **others: object) -> Step:
    given: dict[str, object] = {
        "reads": (READ.name,),
        "writes": (WRITTEN.name,),
        "shares": (SHARED.name,),
        "streams": (STREAM,),
        "folders": (lake.settings.landing,),
        "declaration": "map: a",
    }
    return Step("test.step", **given | others)  # type: ignore[arg-type]


def work(lake: Lake) -> None:
    """What the step does: takes what is new from one table to the other."""
    rows = lake.stream(READ)
    run_queries([append_query(rows, lake.full_name(WRITTEN), lake.settings.checkpoint(STREAM))])


def began(lake: Lake, **others: object) -> Began:
    return begin(lake, a_step(lake, **others), {"days": 3})


@pytest.fixture(scope="module")
def worked(lake: Lake) -> Lake:
    """A lake in which the step has worked."""
    lake.ensure(READ, WRITTEN, SHARED)
    lake.append(pairs(lake.spark, range(3), "any"), READ)
    work(lake)
    return lake


@pytest.fixture
def succeeded(worked: Lake, tmp_path: Path) -> Iterator[Lake]:
    """The same lake, whose step has just succeeded; what a test does to its files is undone."""
    worked.ensure(READ, WRITTEN, SHARED)
    shutil.copytree(worked.settings.checkpoint(STREAM), tmp_path / "checkpoint")
    (Path(worked.settings.landing) / "one.csv").write_text("a")
    succeed(worked, began(worked), DONE)
    yield worked
    shutil.rmtree(worked.settings.checkpoint(STREAM))
    shutil.copytree(tmp_path / "checkpoint", worked.settings.checkpoint(STREAM))


@pytest.mark.spark
def test_a_step_is_up_to_date_with_its_last_result_while_nothing_changes(succeeded: Lake) -> None:
    success = still_valid(succeeded, began(succeeded))
    assert success is not None
    assert success.result == DONE


def change(statement: str) -> Callable[[Lake], None]:
    names = {"read": READ, "written": WRITTEN, "shared": SHARED}

    def apply(lake: Lake) -> None:
        lake.spark.sql(statement.format(**{key: lake.full_name(table) for key, table in names.items()})).collect()

    return apply


def land_a_file(lake: Lake) -> None:
    (Path(lake.settings.landing) / "two.csv").write_text("b")


def land_a_file_behind_a_link(lake: Lake) -> None:
    elsewhere = lake.settings.home / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    (elsewhere / f"{len(list(elsewhere.iterdir()))}.csv").write_text("c")
    with suppress(FileExistsError):
        (Path(lake.settings.landing) / "linked").symlink_to(elsewhere)


def change_a_file(lake: Lake) -> None:
    (Path(lake.settings.landing) / "one.csv").write_text("longer")


def lose_the_checkpoint(lake: Lake) -> None:
    shutil.rmtree(lake.settings.checkpoint(STREAM))
    Path(lake.settings.checkpoint(STREAM)).mkdir()


def break_off_a_batch(lake: Lake) -> None:
    offsets = Path(lake.settings.checkpoint(STREAM), "offsets")
    shutil.copy(max(offsets.glob("[0-9]*")), offsets / "99")


def make_the_written_table_again(lake: Lake) -> None:
    version = lake.version(WRITTEN)
    lake.spark.sql(f"DROP TABLE {lake.full_name(WRITTEN)}")
    lake.ensure(WRITTEN)
    while lake.version(WRITTEN) < version:
        lake.append(pairs(lake.spark, range(1), "again"), WRITTEN)
    assert lake.version(WRITTEN) == version, "the number alone doesn't tell"


def be_killed_at_work(lake: Lake) -> None:
    forget(lake, a_step(lake))


CHANGES: dict[str, Callable[[Lake], None]] = {
    "new rows": change("INSERT INTO {read} VALUES (9, 'x', 'x')"),
    "an erasure upstream": change("DELETE FROM {read} WHERE id = 1"),
    "an erasure in what it wrote": change("DELETE FROM {written} WHERE id = 1"),
    "a restored table": change("RESTORE TABLE {written} TO VERSION AS OF 0"),
    "a table that it reads was dropped": change("DROP TABLE {read}"),
    "a table that it writes was dropped": change("DROP TABLE {written}"),
    "a table that it shares was dropped": change("DROP TABLE {shared}"),
    "a table of the same version": make_the_written_table_again,
    "a new file": land_a_file,
    "a file behind a link": land_a_file_behind_a_link,
    "a changed file": change_a_file,
    "a lost checkpoint": lose_the_checkpoint,
    "a batch broken off": break_off_a_batch,
    "a kill": be_killed_at_work,
}


@pytest.mark.spark
@pytest.mark.parametrize("what", CHANGES)
def test_a_step_has_work_to_do_after(what: str, succeeded: Lake) -> None:
    CHANGES[what](succeeded)
    assert still_valid(succeeded, began(succeeded)) is None


@pytest.mark.spark
def test_a_step_has_work_to_do_with_another_map_parameter_or_code(
    succeeded: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert still_valid(succeeded, began(succeeded, declaration="map: b")) is None
    assert still_valid(succeeded, begin(succeeded, a_step(succeeded), {"days": 4})) is None
    assert still_valid(succeeded, began(succeeded, looks_at=lambda _: ["another model"])) is None
    monkeypatch.setattr(last_success, "code_digest", lambda: "a contract was changed")
    assert still_valid(succeeded, began(succeeded)) is None


@pytest.mark.spark
def test_rows_that_others_write_to_a_shared_table_are_no_work(succeeded: Lake) -> None:
    succeeded.append(pairs(succeeded.spark, range(1), "other"), SHARED)
    assert still_valid(succeeded, began(succeeded)) is not None


@pytest.mark.spark
def test_what_arrives_while_the_step_works_is_work_for_the_next_run(succeeded: Lake) -> None:
    step = began(succeeded)
    succeeded.append(pairs(succeeded.spark, range(5, 6), "late"), READ)
    succeed(succeeded, step, DONE)
    assert still_valid(succeeded, began(succeeded)) is None


@pytest.mark.spark
def test_a_table_that_the_step_created_empty_is_no_work(succeeded: Lake) -> None:
    other = pairs_table("step_creates")
    step = begin(succeeded, a_step(succeeded, reads=(other.name,)), {})
    succeeded.ensure(other)
    succeed(succeeded, step, DONE)
    assert still_valid(succeeded, begin(succeeded, a_step(succeeded, reads=(other.name,)), {})) is not None


@pytest.mark.spark
def test_what_is_unknown_is_never_up_to_date(succeeded: Lake) -> None:
    for unknown in ({"folders": ("s3://bucket/landing",)}, {"looks_at": lambda _: None}, {"leaves": lambda _: None}):
        succeed(succeeded, began(succeeded, **unknown), DONE)
        assert still_valid(succeeded, began(succeeded, **unknown)) is None


@pytest.mark.spark
def test_a_damaged_note_is_no_success(succeeded: Lake) -> None:
    (note,) = Path(succeeded.settings.checkpoint(last_success.FOLDER)).glob("*.json")
    for damaged in (note.read_text()[:40], "null", "{}"):
        note.write_text(damaged)
        assert still_valid(succeeded, began(succeeded)) is None


@pytest.mark.spark
def test_links_to_nowhere_and_in_circles_are_files_as_others(succeeded: Lake) -> None:
    landing = Path(succeeded.settings.landing)
    (landing / "nowhere").symlink_to(landing / "not there")
    (landing / "circle").symlink_to(landing)
    succeed(succeeded, began(succeeded), DONE)
    assert still_valid(succeeded, began(succeeded)) is not None
    for link in ("nowhere", "circle"):
        (landing / link).unlink()


@pytest.mark.spark
def test_with_an_empty_file_that_is_dated_ahead_there_is_work_left(succeeded: Lake) -> None:
    ahead = Path(succeeded.settings.landing) / "ahead.csv"
    ahead.touch()
    os.utime(ahead, (time.time() + 3600,) * 2)
    succeed(succeeded, began(succeeded), DONE)
    assert still_valid(succeeded, began(succeeded)) is None
    ahead.unlink()


@pytest.mark.spark
def test_logs_tell_the_same_as_a_query(lake: Lake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pairs_table("step_state")
    lake.ensure(table)
    detail = spark.sql(f"DESCRIBE DETAIL {lake.full_name(table)}").first()
    assert detail is not None
    folder = Path(detail["location"].removeprefix("file:"))
    monkeypatch.delenv("SPARK_REMOTE")
    by_log = Lake(spark, replace(lake.settings, home=folder.parents[2]))
    seen = set()
    for rows in (range(1), range(1, 2)):
        lake.append(pairs(spark, rows, "any"), table)
        state = by_log.state(table)
        assert state is not None
        assert state.version == lake.spark.sql(f"DESCRIBE HISTORY {lake.full_name(table)} LIMIT 1").first()["version"]  # type: ignore[index]
        (commit,) = (folder / "_delta_log").glob(f"*0{state.version}.json")
        assert json.loads(commit.read_text().splitlines()[0])["commitInfo"]["txnId"] == state.commit
        seen.add(state.commit)
    assert len(seen) == 2
    lake.spark.sql(f"DROP TABLE {lake.full_name(table)}")
    assert by_log.state(table) is None


def test_a_step_without_a_session_opens_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from common.settings import Settings

    def open_session() -> SparkSession:
        raise AssertionError("a step that has nothing to do needs no Spark")

    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    (tmp_path / "warehouse").mkdir()
    lake = Lake(open_session, Settings(tmp_path, landing_folder=str(tmp_path)))
    step = Step("test.idle", reads=(READ.name,), folders=(str(tmp_path / "landing"),), streams=(STREAM,))
    succeed(lake, begin(lake, step, {}), DONE)
    assert still_valid(lake, begin(lake, step, {})) is not None


def test_hidden_files_are_no_work(tmp_path: Path) -> None:
    """A puller's lock and notes change with each pull; a file that is landed loses its dot."""
    from common.settings import Settings

    folder = tmp_path / "landing"
    (folder / ".pulls").mkdir(parents=True)
    (folder / ".lock").touch()
    (tmp_path / "warehouse").mkdir()
    lake = Lake(lambda: pytest.fail("no session is needed"), Settings(tmp_path, landing_folder=str(tmp_path)))
    step = Step("test.pulled", folders=(str(folder),))
    succeed(lake, begin(lake, step, {}), DONE)
    (folder / ".lock").write_text("again")
    (folder / ".pulls" / "1.json").write_text("{}")
    (folder / ".1.jsonl.part").write_text("x")
    assert still_valid(lake, begin(lake, step, {})) is not None
    (folder / ".1.jsonl.part").rename(folder / "1.jsonl")
    assert still_valid(lake, begin(lake, step, {})) is None
