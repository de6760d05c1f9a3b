"""Rows as the text of a CSV file by RFC 4180: quoted where it must be, lines end with CR and LF."""

import csv
import io
from collections.abc import Mapping
from typing import Literal

import pyarrow as pa

from common.errors import OutputError
from common.publish.reports.cells import cell, harmless

Delimiter = Literal[",", ";", "\t", "|"]
Encoding = Literal["utf-8", "utf-8-sig"]
BYTE_ORDER_MARK = "\ufeff"
"""By it Excel knows UTF-8."""


def csv_text(rows: pa.Table, headings: Mapping[str, str], delimiter: Delimiter, encoding: Encoding) -> str:
    """A header and a line for each row. `headings` are the columns in order, each with its heading.

    Raises:
        OutputError: a column's values have no text.
    """
    out = io.StringIO(newline="")
    if encoding == "utf-8-sig":
        out.write(BYTE_ORDER_MARK)
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(map(harmless, headings.values()))
    writer.writerows(zip(*(_cells(rows, name) for name in headings), strict=True))
    return out.getvalue()


def _cells(rows: pa.Table, name: str) -> list[str]:
    try:
        return [cell(value) for value in rows.column(name).to_pylist()]
    except TypeError as error:
        raise OutputError(f"the column {name!r}: {error}; select something else, such as hex({name})") from None
