"""Arrow tables in and out of the state."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.gold import TRANSACTION_FEATURES
from common.features.payments import payment_features
from common.features.rows import ARROW_TYPES
from common.features.timeline import Ints


def micros_of(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Timestamps in microseconds since 1970."""
    return times.cast(pa.timestamp("us", times.type.tz)).cast(pa.int64())


def cents_of(amounts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Amounts in cents."""
    return pc.multiply(amounts.cast(pa.decimal128(18, 2)), pa.scalar(100, pa.decimal128(3, 0))).cast(pa.int64())


def feature_table(transactions: pa.Table, micros: Ints, found: dict[str, np.ma.MaskedArray]) -> pa.Table:
    """The columns of gold.transaction_features: those of the transactions, and the features found."""
    cents = cents_of(transactions["amount_eur"])
    days = transactions["event_date"].cast(pa.int32()).to_numpy()
    known = cents.is_valid().to_numpy()
    found |= payment_features(micros, days, cents.fill_null(0).to_numpy(), known)
    columns = []
    for column in TRANSACTION_FEATURES.columns:
        if column.name not in found:
            columns.append(transactions[column.name])
            continue
        values = found[column.name]
        columns.append(pa.array(values.data, mask=np.ma.getmaskarray(values)).cast(ARROW_TYPES[column.type]))
    return pa.table(columns, TRANSACTION_FEATURES.column_names)
