"""Streams that are reset or were broken off, from the files of their checkpoints."""

from pathlib import Path

import pytest
from checkpoints import a_stream, an_offset

from common.errors import CheckpointError
from common.gold import marts, transaction_features
from common.settings import Settings
from common.storage import checkpoints
from common.storage.checkpoints import EARLY_DECISIONS, adopt_earlier_names, is_broken_off, reset, streams


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("bronze/bank/cards", "silver/accounts/cards", "silver/transactions/payments"):
        a_stream(tmp_path, name, {0: an_offset(1)}, committed=1)
    return Settings(tmp_path)


def test_with_a_bronze_stream_only_the_flows_of_its_feed_start_again(settings: Settings) -> None:
    resets = reset(settings, "bronze/bank/cards")

    assert [stream.name for stream in resets] == ["bronze/bank/cards", "silver/accounts/cards"]
    assert [stream.name for stream in streams(settings)] == ["silver/transactions/payments"]


def test_a_flow_of_an_earlier_release_says_no_feed_and_starts_again_too(settings: Settings) -> None:
    (settings.home / "checkpoints" / "silver" / "merchants").mkdir()
    (settings.home / "checkpoints" / "silver" / "merchants" / "metadata").touch()

    resets = reset(settings, "bronze/bank/cards")

    assert [stream.name for stream in resets] == ["bronze/bank/cards", "silver/accounts/cards", "silver/merchants"]


def test_a_target_stands_for_all_flows_into_it(settings: Settings) -> None:
    assert [stream.name for stream in reset(settings, "silver/accounts")] == ["silver/accounts/cards"]


def test_nothing_is_reset_while_an_erasure_is_open(settings: Settings) -> None:
    plan = settings.home / "checkpoints" / "erasures" / "erasure-1" / "plan.json"
    plan.parent.mkdir(parents=True)
    plan.write_text('{"erasure_id": "erasure-1", "source": "bank", "customer_id": "C1", "flows": [], "files": []}')

    with pytest.raises(CheckpointError, match=r"an erasure was broken off half-way.*`lakehouse run maintenance`"):
        reset(settings, "silver/accounts")

    assert len(streams(settings)) == 3


@pytest.mark.parametrize(("begun", "committed", "expected"), [(0, 0, False), (1, 1, False), (1, 0, True), (2, 1, True)])
def test_a_batch_that_was_begun_and_not_committed_is_broken_off(
    tmp_path: Path, begun: int, committed: int, expected: bool
) -> None:
    a_stream(tmp_path, "silver/one", {number: an_offset(1) for number in range(begun)}, committed)

    assert is_broken_off(str(tmp_path / "checkpoints" / "silver" / "one")) is expected


def test_streams_of_an_earlier_release_go_on_under_their_names_of_today(tmp_path: Path) -> None:
    a_stream(tmp_path, "gold/features", {0: reading(3), 1: reading(3)}, committed=2)
    a_stream(tmp_path, "ml/transaction_scores", {0: an_offset(1)}, committed=1)
    a_stream(tmp_path, "gold/transaction_scores", {0: an_offset(2)}, committed=1)
    settings = Settings(tmp_path)

    for _ in range(2):
        adopt_earlier_names(settings)
        found = {stream.name: stream.batches for stream in streams(settings)}
        assert found == {"gold/transaction_features": 2, "gold/transaction_scores": 1}


def test_decisions_of_an_earlier_release_are_still_known_to_be_there(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    for batch in range(2):  # the second time, the earlier release was used again in between
        a_stream(tmp_path, "decisions/query", {batch: an_offset(1)}, committed=batch + 1)
        adopt_earlier_names(settings)
        assert streams(settings) == []
        assert Path(settings.checkpoint(EARLY_DECISIONS, "query", "offsets", "0")).exists()


def reading(tables: int) -> str:
    """What a stream of so many tables notes of a micro-batch."""
    one = an_offset(1)
    return "\n".join([one, *([one.splitlines()[-1]] * (tables - 1))])


def test_a_stream_that_reads_more_tables_than_it_did_reads_everything_again(tmp_path: Path) -> None:
    a_stream(tmp_path, "gold/transaction_features", {0: reading(2)}, committed=1)
    a_stream(tmp_path, "gold/marts", {0: reading(3), 1: reading(4)}, committed=1)
    a_stream(tmp_path, "gold/star_schema", {0: reading(2)}, committed=1)

    adopt_earlier_names(Settings(tmp_path))

    assert [stream.name for stream in streams(Settings(tmp_path))] == ["gold/marts", "gold/star_schema"]


def test_so_many_tables_are_read_as_the_streams_declare() -> None:
    steps = (transaction_features.STEP, marts.STEP)

    assert {step.streams[0]: len(step.reads) for step in steps} == checkpoints._TABLES_READ


def test_a_stream_that_has_begun_nothing_is_left_alone(tmp_path: Path) -> None:
    a_stream(tmp_path, "gold/marts", {}, committed=0)

    adopt_earlier_names(Settings(tmp_path))

    assert [stream.name for stream in streams(Settings(tmp_path))] == ["gold/marts"]


def test_a_stream_that_fills_another_ones_table_now_reads_everything_again(tmp_path: Path) -> None:
    for name in ("gold/marts", "gold/daily_fraud_summary", "gold/star_schema"):
        a_stream(tmp_path, name, {0: an_offset(1)}, committed=1)

    adopt_earlier_names(Settings(tmp_path))

    assert [stream.name for stream in streams(Settings(tmp_path))] == ["gold/star_schema"]
