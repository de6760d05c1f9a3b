"""Payments as the records of a feed have them, and the map that makes transactions of them."""

from gold_worlds import at

COLUMNS = {
    "transaction_id": "id",
    "event_time": "at",
    "customer_id": "customer",
    "terminal_id": "terminal",
    "amount": "amount",
    "currency": "'EUR'",
}


def payment_record(number: int, first_day: float = 0, amount: str = "12.50") -> dict[str, str]:
    """One of payments that come an hour after the other."""
    time = at(first_day + number / 24).isoformat()
    return {"id": f"P{number}", "at": time, "customer": "C1", "terminal": "T1", "amount": amount}
