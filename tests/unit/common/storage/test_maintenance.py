"""Tables put in order, and what is left beside them removed: only what nobody uses."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from common.contracts.table import Column, Table
from common.settings import STAGED_RETENTION_HOURS
from common.storage.lake import Lake
from common.storage.leftovers import remove_staged, remove_streams, unused_streams
from common.storage.maintenance import maintain
from common.storage.streams import append_query, run_queries
from common.storage.vacuum import vacuum_at_once

pytestmark = pytest.mark.spark

FROM = Table(
    name="silver.maintained",
    comment="Numbers.",
    grain="one number",
    key=("number",),
    columns=(Column("number", "bigint", "Number."), Column("name", "string", "Name.", personal=True)),
    cluster_by=("number",),
)
TO = replace(FROM, name="silver.maintained_copy")


def age(folder: Path, days: float) -> None:
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (time.time() - days * 86400,) * 2)


def files_on_disk(lake: Lake, table: Table) -> int:
    location = lake.spark.sql(f"DESCRIBE DETAIL {lake.full_name(table)}").collect()[0]["location"]
    return len(list(Path(location.removeprefix("file:")).glob("*.parquet")))


def add(lake: Lake, first: int) -> None:
    lake.append(lake.spark.range(first, first + 10, 1, 1).selectExpr("id AS number", "concat('n', id) AS name"), FROM)


@pytest.fixture(scope="module")
def copied(lake: Lake) -> Lake:
    """A clustered table of two files, and a stream that has copied it."""
    lake.ensure(FROM, TO)
    add(lake, 0)
    add(lake, 10)
    run_queries([append_query(lake.stream(FROM), lake.full_name(TO), lake.settings.checkpoint("silver", "copy"))])
    return lake


def test_small_files_become_one_and_the_stream_goes_on(copied: Lake) -> None:
    sizes = maintain(copied).set_index("table")

    assert (sizes.loc[FROM.name, "files_before"], sizes.loc[FROM.name, "files_after"]) == (2, 1)
    assert sizes.loc[FROM.name, "note"] == ""
    assert files_on_disk(copied, FROM) == 3
    add(copied, 20)
    assert maintain(copied).set_index("table").loc[FROM.name, "note"] == "kept: silver/copy has yet to read it"
    run_queries([append_query(copied.stream(FROM), copied.full_name(TO), copied.settings.checkpoint("silver", "copy"))])
    assert copied.table(TO).count() == 30


def test_earlier_versions_go_at_once_when_asked_and_the_retention_is_as_before(copied: Lake) -> None:
    vacuum_at_once(copied, FROM)

    [detail] = copied.spark.sql(f"DESCRIBE DETAIL {copied.full_name(FROM)}").collect()
    assert files_on_disk(copied, FROM) == detail["numFiles"]
    properties = copied.spark.sql(f"SHOW TBLPROPERTIES {copied.full_name(FROM)}").collect()
    assert "delta.deletedFileRetentionDuration" not in {row["key"] for row in properties}
    version = copied.version(FROM)
    vacuum_at_once(copied, FROM)
    assert copied.version(FROM) == version


def test_staged_rows_are_removed_when_no_task_can_use_them(copied: Lake) -> None:
    staged = Path(copied.settings.checkpoint("staged"))
    for name, hours in (("old", STAGED_RETENTION_HOURS + 1), ("new", STAGED_RETENTION_HOURS - 1)):
        (staged / name).mkdir(parents=True)
        (staged / name / "part.parquet").write_bytes(b"")
        age(staged / name, hours / 24)

    assert remove_staged(copied.settings) == 1
    assert [folder.name for folder in staged.iterdir()] == ["new"]


def test_only_old_streams_whose_table_or_feed_is_gone_are_unused(copied: Lake) -> None:
    root = Path(copied.settings.checkpoint())
    offset = {"reservoirId": "no-such-table", "reservoirVersion": 4, "isStartingVersion": False}
    for name in ("silver/gone", "silver/gone_lately", "bronze/shop/declared", "bronze/shop/removed"):
        for part in ("offsets", "commits"):
            (root / name / part).mkdir(parents=True)
        (root / name / "metadata").write_text('{"id": "1"}')
        (root / name / "offsets" / "0").write_text(f"v1\n{{}}\n{json.dumps(offset)}")
        (root / name / "commits" / "0").write_text("v1\n{}")
        age(root / name, 3 if name.endswith("lately") else 300)
    age(root / "silver" / "copy", 300)

    unused = unused_streams(copied, ["bronze/shop/declared"])
    remove_streams(copied, unused)

    assert [stream.name for stream in unused] == ["bronze/shop/removed", "silver/gone"]
    assert {str(path.parent.relative_to(root)) for path in root.rglob("metadata")} == {
        "bronze/shop/declared",
        "silver/copy",
        "silver/gone_lately",
    }
