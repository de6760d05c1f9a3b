"""Avro in the registry's wire format, without a broker: values, what can't be read, and a registry that fails."""

import base64
import json
import math
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DeclarationError, FeedError
from common.settings import Settings
from common.sources.connections import SchemaRegistryConnection, Secret
from common.sources.declaration import load_source
from common.sources.kafka import schema_registry
from common.sources.kafka.avro import Decoder, NotAvro
from common.sources.kafka.patience import was_silent
from common.sources.kafka.schema_registry import SchemaRegistry as Asked
from common.sources.kafka.values import Values
from common.sources.records import record_decoder
from servers.schema_registry import SchemaRegistry, written

Case = tuple[Any, Any, Any]
"""A schema, a value that the library writes by it, and what JSON is to say of it, numbers as texts."""


@pytest.fixture(scope="module")
def registry() -> Iterator[SchemaRegistry]:
    server = SchemaRegistry()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_registry, "PAUSE_SECONDS", 0)


def digits(value: Decimal, scale: int) -> str:
    """Of a decimal all digits of its scale, none of them rounded."""
    unscaled = int(value.scaleb(scale))
    text = str(abs(unscaled)).rjust(scale + 1, "0")
    return ("-" if unscaled < 0 else "") + (f"{text[:-scale]}.{text[-scale:]}" if scale else text)


def typed(kind: str, logical: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": logical, **more}


times = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))
decimals = st.tuples(st.integers(-(10**20) + 1, 10**20 - 1), st.integers(0, 12))
LEAVES: list[st.SearchStrategy[Case]] = [
    st.text().map(lambda text: ("string", text, text)),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: ("long", number, str(number))),
    st.booleans().map(lambda truth: ("boolean", truth, truth)),
    st.none().map(lambda none: ("null", none, none)),
    st.binary().map(lambda some: ("bytes", some, base64.b64encode(some).decode())),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: ("double", number, repr(number))),
    decimals.map(
        lambda made: (
            typed("bytes", "decimal", precision=20, scale=made[1]),
            Decimal(f"{made[0]}E-{made[1]}"),
            digits(Decimal(f"{made[0]}E-{made[1]}"), made[1]),
        )
    ),
    times.map(
        lambda at: (
            typed("long", "timestamp-micros"),
            at.replace(tzinfo=UTC),
            at.isoformat(timespec="microseconds") + "Z",
        )
    ),
    times.map(
        lambda at: (
            typed("long", "timestamp-millis"),
            at.replace(tzinfo=UTC),
            at.isoformat(timespec="milliseconds") + "Z",
        )
    ),
    st.dates().map(lambda day: (typed("int", "date"), day, day.isoformat())),
    st.times().map(lambda at: (typed("long", "time-micros"), at, at.isoformat(timespec="microseconds"))),
    st.uuids().map(lambda one: (typed("string", "uuid"), one, str(one))),
]


def a_union(case: Case) -> st.SearchStrategy[Case]:
    schema, value, expected = case
    return st.sampled_from([case, (["null", schema], None, None), (["null", schema], value, expected)])


leaves = st.one_of(LEAVES).flatmap(lambda case: st.just(case) if case[0] == "null" else a_union(case))
names = st.integers().map(lambda number: f"n{abs(number)}")


def a_record(cases: list[Case]) -> Case:
    fields = [{"name": f"f{number}", "type": schema} for number, (schema, _, _) in enumerate(cases)]
    schema = {"type": "record", "name": f"r{uuid.uuid4().hex}", "fields": fields}
    values = {f"f{number}": case[1] for number, case in enumerate(cases)}
    return schema, values, {f"f{number}": case[2] for number, case in enumerate(cases)}


def takes_bytes(case: Case) -> bool:
    schema = case[0]
    if isinstance(schema, dict) and schema["type"] == "record":
        return any(takes_bytes((field["type"], None, None)) for field in schema["fields"])
    return bool(schema != "null")


def an_array(case: Case) -> Case:
    return {"type": "array", "items": case[0]}, [case[1], case[1]], [case[2], case[2]]


cases = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4).map(a_record), inner.filter(takes_bytes).map(an_array)),
    max_leaves=8,
)


@given(cases)
def test_every_value_comes_with_all_its_digits(registry: SchemaRegistry, case: Case) -> None:
    schema, value, expected = case
    content = written(registry.register(schema), schema, value)
    text = Decoder(Asked(registry.url)).text(content)
    assert record_decoder().decode(text) == expected


def read(registry: SchemaRegistry, schema: Any, content: bytes) -> Any:
    number = registry.register(schema)
    return json.loads(Decoder(Asked(registry.url)).text(b"\0" + number.to_bytes(4, "big") + content))


def zigzag(number: int) -> bytes:
    """A long as Avro writes it."""
    rest, parts = (number << 1) ^ (number >> 63), []
    while rest > 127:
        parts.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*parts, rest])


@pytest.mark.parametrize(
    ("schema", "content", "expected"),
    [
        (typed("bytes", "decimal", precision=4, scale=2), b"\x06\x01\xe2\x40", "1234.56"),  # more than its precision
        (typed("fixed", "decimal", name="d", size=2, precision=4, scale=3), b"\xff\xfe", "-0.002"),
        (typed("fixed", "uuid", name="u", size=16), bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        (typed("long", "timestamp-micros"), zigzag(-1), "1969-12-31T23:59:59.999999Z"),
        (typed("long", "timestamp-nanos"), zigzag(1), "1970-01-01T00:00:00.000000001Z"),
        (typed("long", "local-timestamp-millis"), zigzag(1_500), "1970-01-01T00:00:01.500"),
        (typed("long", "timestamp-micros"), zigzag(2**63 - 1), 2**63 - 1),  # PostgreSQL's infinity
        (typed("int", "date"), zigzag(2**31 - 1), 2**31 - 1),
        (typed("int", "time-millis"), zigzag(86_399_999), "23:59:59.999"),
        (typed("int", "time-millis"), zigzag(-1), -1),
        (typed("long", "unheard-of"), zigzag(7), 7),
        ("double", b"\0\0\0\0\0\0\xf0\x7f", "Infinity"),
        ({"type": "enum", "name": "e", "symbols": ["A", "B"]}, b"\x02", "B"),
        ({"type": "map", "values": "bytes"}, b"\x02\x02k\x02\xff\0", {"k": "/w=="}),
    ],
)
def test_what_the_library_would_round_refuse_or_not_know(
    registry: SchemaRegistry, schema: Any, content: bytes, expected: Any
) -> None:
    assert read(registry, schema, content) == expected


def test_a_field_that_is_named_as_a_types_property_is_left_alone(registry: SchemaRegistry) -> None:
    inner = {"type": "string", "default": "x"}
    fields = [{"name": "logicalType", "type": inner}, {"name": "default", "type": typed("int", "date")}]
    schema = {"type": "record", "name": "odd", "fields": fields}
    assert read(registry, schema, b"\x02a\x02") == {"logicalType": "a", "default": "1970-01-02"}


def test_a_schema_may_refer_to_others(registry: SchemaRegistry) -> None:
    money = {"type": "record", "name": "bank.Money", "fields": [{"name": "cents", "type": "long"}]}
    fee = {"type": "record", "name": "bank.Fee", "fields": [{"name": "money", "type": "bank.Money"}]}
    payment = {
        "type": "record",
        "name": "bank.Payment",
        "fields": [{"name": "amount", "type": "bank.Money"}, {"name": "fee", "type": ["null", "bank.Fee"]}],
    }
    registry.register(money, "bank.Money")
    registry.register(fee, "bank.Fee", ["bank.Money"])
    number = registry.register(payment, "payments-value", ["bank.Money", "bank.Fee"])
    text = Decoder(Asked(registry.url)).text(b"\0" + number.to_bytes(4, "big") + b"\x04\x02\x06")
    assert json.loads(text) == {"amount": {"cents": 2}, "fee": {"money": {"cents": 3}}}


RECORD = {"type": "record", "name": "r", "fields": [{"name": "a", "type": "string"}]}


def test_what_can_t_be_read_says_why(registry: SchemaRegistry) -> None:
    number = registry.register(RECORD)
    proto = registry.register({}, schemaType="PROTOBUF")
    broken = registry.register({"type": "record"})
    endless = [
        registry.register({"type": "record", "name": "n", "fields": [{"name": "next", "type": ["null", inner]}]})
        for inner in ("n", {"type": "array", "items": "n"}, {"type": "map", "values": "n"})
    ]
    values = Values(value_format="avro", registry=Asked(registry.url))

    def refused(content: bytes) -> str:
        payload, error = values.read(b"k", content, 0, ()) or ("", "")
        assert payload == json.dumps({"base64": base64.b64encode(content).decode()})
        return error or ""

    head = b"\0" + number.to_bytes(4, "big")
    assert "wire format" in refused(b'{"a": 1}')
    assert "wire format" in refused(head[:4])
    assert refused(b"\0\0\0\xff\xff\x02a") == "the registry has no schema 65535"
    for body, why in (
        (b"", "EOFError"),
        (b"\x02", ""),
        (b"\x02\xff", "Unicode"),
        (b"\x02a\0", "1 bytes are left over"),
    ):
        assert refused(head + body).startswith(f"not what schema {number} describes (")
        assert why in refused(head + body)
    assert "one of PROTOBUF" in refused(b"\0" + proto.to_bytes(4, "big"))
    assert "its schema can't be read" in refused(b"\0" + broken.to_bytes(4, "big"))
    for each in endless:
        assert "contains itself" in refused(b"\0" + each.to_bytes(4, "big") + b"\x02" * 100_000)
    assert values.read(b"k", head + b"\x02a", 0, ()) == ('{"a": "a"}', None)


EMPTY = {"type": "record", "name": "Empty", "fields": []}
HOLLOW = {"type": "record", "name": "Hollow", "fields": [{"name": "a", "type": "null"}, {"name": "b", "type": EMPTY}]}


@pytest.mark.parametrize(
    "items", ["null", EMPTY, HOLLOW, {"type": "fixed", "name": "None", "size": 0}, {"type": "array", "items": "null"}]
)
def test_an_array_of_what_takes_no_bytes_is_refused(registry: SchemaRegistry, items: Any) -> None:
    """Ten bytes would say that there are as many as fill all memory."""
    number = registry.register(
        {"type": "record", "name": "r", "fields": [{"name": "a", "type": {"type": "array", "items": items}}]}
    )
    with pytest.raises(NotAvro, match="an array of values that take no bytes"):
        Decoder(Asked(registry.url)).text(b"\0" + number.to_bytes(4, "big") + zigzag(3) + b"\0")


@pytest.mark.parametrize(
    "items", [["null", "string"], {"type": "record", "name": "One", "fields": [{"name": "a", "type": "int"}]}]
)
def test_an_array_of_what_takes_bytes_is_read(registry: SchemaRegistry, items: Any) -> None:
    assert read(registry, {"type": "array", "items": items}, b"\0") == []


def test_a_schema_is_asked_for_once_in_a_process(registry: SchemaRegistry) -> None:
    content = written(registry.register(RECORD), RECORD, {"a": "b"})
    before = len(registry.asked)
    for _ in range(3):
        assert Decoder(Asked(registry.url)).text(content) == '{"a": "b"}'
    assert len(registry.asked) == before + 1


def test_a_registry_that_is_not_there_refuses_no_record() -> None:
    server = SchemaRegistry()
    number = server.register(RECORD)
    values = Values(value_format="avro", registry=Asked(server.url))
    content = written(number, RECORD, {"a": "b"})
    server.fails_with = 503
    with pytest.raises(
        FeedError, match=rf"^the schema registry {server.url} doesn't answer \(it answers 503\): start it"
    ):
        values.read(None, content, 0, ())
    assert len(server.asked) == 3
    with pytest.raises(FeedError, match="doesn't answer"):
        values.read(None, content, 0, ())
    assert len(server.asked) == 4, "of all feeds one tries again and again"
    server.fails_with = None
    assert values.read(None, content, 0, ()) == ('{"a": "b"}', None)
    assert not was_silent(server.url)
    server.stop()
    with pytest.raises(FeedError, match=r"doesn't answer \(.*[Rr]efused.*\): start it"):
        Values(value_format="avro", registry=Asked(f"{server.url}/")).read(None, content, 0, ())


def test_a_login() -> None:
    server = SchemaRegistry(("lake", "päss:word"))
    number = server.register(RECORD)
    right = Asked(server.url, "lake", "päss:word")
    right.check()
    assert Decoder(right).text(written(number, RECORD, {"a": "b"})) == '{"a": "b"}'
    for wrong in (Asked(server.url), Asked(server.url, "lake", "wrong")):
        with pytest.raises(FeedError, match=r"refuses the login of (nobody|lake): correct `user`") as caught:
            wrong.check()
        assert "wrong" not in f"{caught.value}{wrong}"
    server.stop()


def test_a_declaration_that_is_not_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_SECRET_REGISTRY", "registry:8081")
    with pytest.raises(ValueError, match="'registry:8081' is no address: write https://HOST:PORT"):
        SchemaRegistryConnection(url="registry:8081")
    declared = SchemaRegistryConnection(url=Secret(secret="registry"))
    with pytest.raises(FeedError, match="'registry:8081' is no address"):
        schema_registry.schema_registry(declared, Settings(home=tmp_path))
    with pytest.raises(ValueError, match="a login has both `user`, and `password"):
        SchemaRegistryConnection(url="https://registry", user="lake")


def test_an_address_with_a_password_is_refused_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://lake:hunter2@registry:8081"
    monkeypatch.setenv("LAKEHOUSE_SECRET_REGISTRY", url)
    with pytest.raises(FeedError, match="leave that out, and write `user` and `password") as caught:
        schema_registry.schema_registry(
            SchemaRegistryConnection(url=Secret(secret="registry")), Settings(home=tmp_path)
        )
    assert "hunter2" not in str(caught.value)
    file = tmp_path / "acme.yml"
    broker = f"{{kind: kafka, servers: b, schema_registry: {{url: '{url}'}}}}"
    file.write_text(f"name: acme\ndescription: A.\nconnections: {{broker: {broker}}}\nfeeds: {{}}\n")
    with pytest.raises(DeclarationError, match="leave that out, and write `user`") as declared:
        load_source(tmp_path, "acme")
    assert "hunter2" not in str(declared.value)


@pytest.mark.parametrize("cut", [IncompleteRead(b"{"), TimeoutError("timed out")])
def test_a_404_that_breaks_off_is_no_answer(
    registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch, cut: Exception
) -> None:
    def broken(_: HTTPError) -> Any:
        raise cut

    monkeypatch.setattr(schema_registry.HTTPError, "read", broken, raising=False)
    with pytest.raises(FeedError, match="doesn't answer"):
        Asked(registry.url).schema(65_000)


def test_tls() -> None:
    server = SchemaRegistry(tls=True)
    Asked(server.url, ca=server.ca).check()
    with pytest.raises(FeedError, match="don't agree on TLS: give the PEM text"):
        Asked(server.url).check()
    server.stop()


def test_what_is_no_registry(registry: SchemaRegistry) -> None:
    with pytest.raises(FeedError, match="is no schema registry: correct `url`"):
        Asked(f"{registry.url}/apis").check()
    with pytest.raises(FeedError, match="is no schema registry"):
        Decoder(Asked(f"{registry.url}/apis")).text(b"\0\0\0\0\1")


ORIGIN = {
    "type": "record",
    "name": "Source",
    "fields": [
        {"name": "schema", "type": "string"},
        {"name": "table", "type": "string"},
        {"name": "lsn", "type": ["null", "long"]},
        {"name": "ts_ms", "type": "long"},
    ],
}
ROW = {
    "type": "record",
    "name": "Value",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "amount", "type": typed("bytes", "decimal", precision=12, scale=2)},
    ],
}
ENVELOPE = {
    "type": "record",
    "name": "Envelope",
    "fields": [
        {"name": "before", "type": ["null", ROW]},
        {"name": "after", "type": ["null", "Value"]},
        {"name": "source", "type": ORIGIN},
        {"name": "op", "type": "string"},
    ],
}
KEY = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]}


def test_debeziums_envelope_in_avro_is_as_in_json(registry: SchemaRegistry) -> None:
    envelope, key = registry.register(ENVELOPE), registry.register(KEY)
    avro = Values(envelope="debezium", value_format="avro", key_format="avro", registry=Asked(registry.url))
    source = {"schema": "public", "table": "t", "lsn": 255, "ts_ms": 5}
    row = {"id": 7, "amount": Decimal("12.50")}
    for op, before, after in (("c", None, row), ("d", row, None)):
        event = {"before": before, "after": after, "source": source, "op": op}
        found = avro.read(written(key, KEY, {"id": 7}), written(envelope, ENVELOPE, event), 0, ())
        plain = Values(envelope="debezium").read(b'{"id": 7}', json.dumps(event, default=str).encode(), 0, ())
        assert found is not None
        assert found == plain
        assert json.loads(found[0] or "")["_op"] == op
    found = avro.read(b"\xff", written(envelope, ENVELOPE, event), 0, ())
    assert found is not None
    assert json.loads(found[0] or "")["before"] == {"id": 7, "amount": "12.50"}
    assert (found[1] or "").startswith("Debezium: its key is not in the schema registry's wire format")


def test_a_key_in_avro_stands_beside_its_value(registry: SchemaRegistry) -> None:
    values = Values(("key",), "deletion", key_format="avro", registry=Asked(registry.url))
    key = written(registry.register(KEY), KEY, {"id": 7})
    name = written(registry.register("string"), "string", "C1")
    assert values.read(key, b'{"a": 1}', 0, ()) == ('{"_key": {"id": 7}, "a": 1}', None)
    assert values.read(name, None, 0, ()) == ('{"_key": "C1", "_deleted": true}', None)
    assert values.read(None, b"{}", 0, ()) == ('{"_key": null}', None)
    text, error = values.read(b"k", b'{"a": 1}', 0, ()) or ("", "")
    assert (text, (error or "")[:14]) == ('{"a": 1}', "its key is not")


def test_what_is_no_number_has_a_name(registry: SchemaRegistry) -> None:
    content = written(registry.register("double"), "double", math.nan)
    assert Decoder(Asked(registry.url)).text(content) == '"NaN"'


def test_bytes_of_nothing_are_no_avro(registry: SchemaRegistry) -> None:
    with pytest.raises(NotAvro, match="wire format"):
        Decoder(Asked(registry.url)).text(b"")
