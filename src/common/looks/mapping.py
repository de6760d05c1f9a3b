"""How a source's records become rows of silver: as it is declared, and on one record."""

from typing import Any

import pandas as pd
from pyspark.sql import Row
from pyspark.sql import functions as F

from common.checks.rows import checks_for
from common.contracts.bronze import bronze_table
from common.contracts.silver import TARGETS
from common.sources.declaration import Source
from common.sources.feed import Feed
from common.sources.masking import visible_fields
from common.sources.records import fields_of, record_decoder
from common.storage.lake import Lake
from common.storage.masking import masked_text, without_personal_values


def how_columns_are_made(source: Source, target: str) -> pd.DataFrame:
    """Each column that the source maps: what it is made from, how that is cleaned, its type, and its checks.

    Columns: feed, column, made_from, cleaned_as, type, checks. No rows where the source has no feed for the target.
    """
    table = TARGETS[target]
    rows = [
        (
            name,
            column.name,
            mapped[column.name],
            column.cleaned_as,
            column.type,
            "; ".join(check.rule for check in checks_for(table, mapped) if column.name in check.columns),
        )
        for name, feed in source.feeds_of(target).items()
        for mapped in [feed.into[target].map]
        for column in table.mappable
        if column.name in mapped
    ]
    return pd.DataFrame(rows, columns=["feed", "column", "made_from", "cleaned_as", "type", "checks"])


def one_accepted_record(lake: Lake, source: Source, target: str) -> pd.DataFrame:
    """One accepted row beside the record that it came from, personal values masked.

    Columns: column, in_the_record (the fields that the column is made from), in_the_table. No rows while there is none.
    """
    table = TARGETS[target]
    columns = ["column", "in_the_record", "in_the_table"]
    feeds = source.feeds_of(target)
    row = without_personal_values(lake.table(table), table).limit(1).first() if feeds else None
    if row is None:
        return pd.DataFrame(columns=columns)
    for name, feed in feeds.items():
        record = lake.table(bronze_table(name)).where(F.col("record_id") == row["record_id"]).select("payload").first()
        if record is not None:
            return pd.DataFrame(_side_by_side(row, record["payload"], feed, target), columns=columns)
    return pd.DataFrame(columns=columns)  # the record has been erased


def _side_by_side(row: Row, payload: str, feed: Feed, target: str) -> list[tuple[str, str, Any]]:
    fields, visible = fields_of(payload, record_decoder()), visible_fields(feed)
    shown = {field: value if field in visible else masked_text(value or "") for field, value in fields.items()}
    return [
        (column, ", ".join(f"{field}: {shown.get(field)}" for field in expression.fields), row[column])
        for column, expression in feed.into[target].expressions.items()
    ]
