"""Payloads for people to look at: what may identify a person is masked."""

import json

import pandas as pd

from common.contracts.bronze import bronze_table
from common.contracts.silver import TARGETS
from common.sources.declaration import Source
from common.sources.feed import Feed
from common.sources.records import fields_of, record_decoder
from common.storage.field_names import looks_like_a_name
from common.storage.lake import Lake
from common.storage.masking import masked_text

SHOWN_CHARACTERS = 500


def visible_fields(feed: Feed) -> frozenset[str]:
    """The fields of a feed's records that identify nobody: a map reads them, and for no personal column.

    What a field holds that no map reads is unknown.
    """
    seen: set[str] = set()
    personal: set[str] = set()
    for target, mapping in feed.into.items():
        # Of a field that is read in part, the rest is unknown.
        seen.update(str(path[0]) for path in mapping.paths if len(path) == 1)
        for column, expression in mapping.expressions.items():
            if TARGETS[target].column(column).personal:
                personal.update(expression.fields)
    return frozenset(seen - personal)


def masked_payload(payload: str | None, visible: frozenset[str]) -> str | None:
    """The payload with all values masked but those of the visible fields; all of it where it is no record.

    A field's name is masked too where it doesn't look like one: in a CSV file without a header, the first record
    stands in the names' place.
    """
    if payload is None:
        return None
    try:
        record = fields_of(payload, record_decoder())
    except ValueError:
        return masked_text(payload[:SHOWN_CHARACTERS])
    fields = (_masked_field(name, value, name in visible) for name, value in record.items())
    return f"{{{', '.join(fields)}}}"[:SHOWN_CHARACTERS]


def _masked_field(name: str, value: str | None, is_visible: bool) -> str:
    # Not by way of a dict: two names may be the same when they are masked.
    if not is_visible and not looks_like_a_name(name):
        name = masked_text(name[:SHOWN_CHARACTERS])
    if not is_visible and value is not None:
        value = masked_text(value[:SHOWN_CHARACTERS])
    return f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"


def sample_records(lake: Lake, source: Source, feed: str, limit: int = 5) -> pd.DataFrame:
    """A few bronze records of a feed, their payloads masked."""
    records = lake.table(bronze_table(feed)).limit(limit).toPandas()
    visible = visible_fields(source.feeds[feed])
    records["payload"] = records["payload"].map(lambda payload: masked_payload(payload, visible))
    return records
