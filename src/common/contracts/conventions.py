"""What all of silver's contracts share: how identifiers look, which times are plausible, where a row comes from."""

from common.contracts.table import Check, Column, between, matches

ID_PATTERN = r"[\\p{L}\\p{N}][\\p{L}\\p{N}_.:-]{0,63}|[+-][0-9]{1,63}"
"""Letters and digits of every script, as an SQL literal writes the regular expression. Whole numbers with a sign are
ids, too: what a hash to 64 bits gives is often one."""
EARLIEST = "DATE'1990-01-01'"
ID_COLUMNS = ("customer_id", "account_id", "transaction_id")
"""Columns that a table can know a person by."""

LINEAGE = (
    Column("record_id", "string", "The bronze record that this row comes from.", derived=True),
    Column("accepted_at", "timestamp", "When the row was accepted, UTC.", derived=True),
)


def identifier(column: str) -> Check:
    """The text must be an identifier as all sources give them."""
    return matches(
        column,
        ID_PATTERN,
        "must be 1 to 64 letters, digits or _ . : -, beginning with a letter or digit, or a whole number with a sign",
    )


def plausible_time(column: str) -> Check:
    """The time must be one at which a record of a card payment can have been made."""
    return between(
        column,
        EARLIEST,
        "current_timestamp() + INTERVAL 2 DAYS",
        "must lie between 1990 and two days from now",
    )
