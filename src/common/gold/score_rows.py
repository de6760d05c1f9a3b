"""Rows of gold.transaction_scores made in the process that scored them: those that `in_table` has Spark make."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_SCORES
from common.rules import sentence


def score_rows(scored: pa.Table, exact_amount_eur: pa.ChunkedArray) -> pa.Table:
    """The table's rows, of rows with features, rules and what the scorer adds.

    Spark would compute them value by value while it plans the write, a hundred columns wide.

    Args:
        scored: the rows.
        exact_amount_eur: their amounts as silver has them, decimal(18,2).

    """
    features = scored.select(FEATURE_NAMES).combine_chunks()
    made = {
        "features": pa.StructArray.from_arrays([_array(features[name]) for name in FEATURE_NAMES], FEATURE_NAMES),
        "amount_eur": exact_amount_eur.cast(pa.decimal128(18, 2)),
        "reasons": _reasons(scored),
        "scored_at": pa.array([datetime.now(UTC)] * scored.num_rows, pa.timestamp("us", "UTC")),
    }
    columns: dict[str, Any] = {
        name: made[name] if name in made else scored[name] for name in TRANSACTION_SCORES.column_names
    }
    return pa.table(columns)


def _array(column: pa.ChunkedArray) -> pa.Array:
    """A column that has one chunk, or none."""
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _reasons(scored: pa.Table) -> pa.Array:
    """An alert's reasons: the rules first, on which a person acts; then what the model saw."""
    is_alert = pc.and_(pc.equal(scored["decision"], "fraud"), pc.invert(scored["is_backfill"])).to_pylist()
    found = zip(is_alert, scored["rules_hit"].to_pylist(), scored["reasons"].to_pylist(), strict=True)
    why = [[*map(sentence, hit), *seen] if alert else [] for alert, hit, seen in found]
    return pa.array(why, pa.list_(pa.string()))
