"""Payloads for people to look at: what may identify a person is masked."""

import json

import pandas as pd

from common.contracts.bronze import bronze_table
from common.contracts.silver import TARGETS
from common.quality.masking import masked_text
from common.sources.declaration import FileFeed, Source
from common.sources.records import fields_of, record_decoder
from common.storage.lake import Lake

SHOWN_CHARACTERS = 500


def visible_fields(feed: FileFeed) -> frozenset[str]:
    """The fields of a feed's records that identify nobody: a map reads them, and for no personal column.

    What a field holds that no map reads, nobody has said.
    """
    seen: set[str] = set()
    personal: set[str] = set()
    for target, mapping in feed.into.items():
        seen.update(mapping.fields)
        for column, expression in mapping.expressions.items():
            if TARGETS[target].column(column).personal:
                personal.update(expression.fields)
    return frozenset(seen - personal)


def masked_payload(payload: str | None, visible: frozenset[str]) -> str | None:
    """The payload with all values masked but those of the visible fields; all of it where it is no record."""
    if payload is None:
        return None
    try:
        record = fields_of(payload, record_decoder())
    except ValueError:
        return masked_text(payload[:SHOWN_CHARACTERS])
    shown = {n: v if v is None or n in visible else masked_text(v[:SHOWN_CHARACTERS]) for n, v in record.items()}
    return json.dumps(shown, ensure_ascii=False)[:SHOWN_CHARACTERS]


def sample_records(lake: Lake, source: Source, feed: str, limit: int = 5) -> pd.DataFrame:
    """A few bronze records of a feed, their payloads masked."""
    records = lake.table(bronze_table(feed)).limit(limit).toPandas()
    visible = visible_fields(source.feeds[feed])
    records["payload"] = records["payload"].map(lambda payload: masked_payload(payload, visible))
    return records
