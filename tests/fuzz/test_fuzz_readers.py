"""Any bytes through every reader: each becomes a record or a reason, none is lost, and nothing falls over."""

import json
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest
from apps.events_api.api import Api
from apps.events_api.folder_store import FolderStore
from apps.events_api.objects import texts_of
from fuzz_readers import EVENTS, HEADERS, TEXTS, TIMES, VALUES
from hypothesis import example, given
from hypothesis import strategies as st

from common.sources.chunks import FileRefused
from common.sources.files.file_format import FileFormat
from common.sources.files.landed import LAYOUT, Record, landed_lines
from common.sources.files.parsing import parse_file
from common.sources.kafka.values import Values
from common.sources.pulling.kinesis import record_of
from common.sources.pulling.kinesis_stream import Arrived
from common.sources.records import fields_of, record_decoder
from servers.gateway import AT_MS, post


def as_arrow(payload: str | None, error: str | None) -> None:
    """A record is a payload or a reason, and texts that Spark takes."""
    assert (payload is None) != (error is None)
    pa.array([payload, error], pa.string())


@given(
    st.one_of(st.none(), VALUES, EVENTS),
    st.one_of(st.none(), VALUES),
    TIMES,
    HEADERS,
    st.builds(
        Values,
        st.sampled_from([(), ("key",), ("key", "timestamp", "headers")]),
        st.sampled_from(["refuse", "deletion"]),
        st.sampled_from([None, "debezium"]),
    ),
)
def test_any_record_of_a_topic_is_a_payload_or_a_reason(
    value: bytes | None, key: bytes | None, at: int | None, headers: list[tuple[str, bytes | None]], values: Values
) -> None:
    found = values.read(key, value, at, tuple(headers))

    if found is None:
        assert value is None
        assert values.envelope, "only tombstones after change events say nothing"
        return
    payload, error = found
    if payload is not None and error is not None:  # what came is kept beside the reason
        pa.array([payload], pa.string())
        payload = None
    elif error is not None:
        assert value is None, "nothing came but a key"
    as_arrow(payload, error)


@given(VALUES)
def test_any_record_of_a_stream_comes_out_of_its_landed_line(data: bytes) -> None:
    record = record_of("cards", "shardId-0", Arrived("17", AT_MS, data))  # type: ignore[arg-type]
    as_arrow(record.payload, record.error)

    assert landed([record]) == [record]
    assert record.payload is None or record.payload.encode() == data


@given(st.lists(st.tuples(st.text(max_size=20), st.one_of(st.none(), st.text(max_size=20))), min_size=1, max_size=5))
def test_whatever_a_puller_lands_is_read_record_by_record(texts: list[tuple[str, str | None]]) -> None:
    """Texts of any kind, halves of surrogate pairs too, as a database may hold them in JSON."""
    records = [
        Record(f"r#{number}", payload, None if payload is not None else reason)
        for number, (reason, payload) in enumerate(texts)
    ]

    found = landed(records)

    assert [record.ref for record in found] == [record.ref for record in records]
    for before, after in zip(records, found, strict=True):
        if is_text(before.payload) and is_text(before.error):
            assert after == before
        else:
            assert after.error


def is_text(text: str | None) -> bool:
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        return False
    return True


def landed(records: list[Record]) -> list[Record]:
    chunks = parse_file(b"".join(landed_lines(records)), LAYOUT)
    return [Record(*row) for chunk in chunks for row in zip(*(column.to_pylist() for column in chunk), strict=True)]


@pytest.mark.parametrize("format_", ["csv", "json_lines", "json_array", "json", "parquet"])
@given(content=st.one_of(VALUES, st.lists(VALUES, max_size=4).map(b"\n".join)))
def test_any_file_is_records_or_refused_with_a_reason(format_: Any, content: bytes) -> None:
    with suppress(FileRefused):
        for _, payloads, errors in parse_file(content, FileFormat(format_)):
            for payload, error in zip(payloads.to_pylist(), errors.to_pylist(), strict=True):
                assert payload is not None or error


@given(VALUES)
def test_any_payload_is_fields_or_no_record(payload: bytes) -> None:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return
    try:
        fields_of(text, record_decoder())
    except (ValueError, RecursionError):
        return


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Api:
    return Api(FolderStore(tmp_path_factory.mktemp("landing")))


BODIES = st.one_of(
    VALUES,
    st.lists(TEXTS, max_size=4).map(lambda ids: json.dumps([{"event_id": one} for one in ids]).encode()),
)


@given(BODIES, st.sampled_from(["identity", "gzip", "deflate"]), st.sampled_from(["1.0", "2.0"]))
@example(b'[{"event_id": "a"}]', "identity", "2.0")
def test_any_body_is_kept_whole_or_refused_with_a_reason(api: Api, body: bytes, packing: str, version: str) -> None:
    answer = api.answer(post(body, version=version, content_encoding=packing))

    said = json.loads(answer["body"])
    if answer["statusCode"] in (200, 202):
        assert len(texts_of(api.store.get(said["object"]))) == said["accepted"] + said.get("repeated", 0) > 0
    else:
        assert answer["statusCode"] in (400, 413, 422)
        assert said["error"]
