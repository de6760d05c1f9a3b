"""Tables as they are declared: what was taken out of the declaration, and names that are too long."""

from typing import Any

from made_versions import GENUINE, PAYMENTS, PLACE, MadeVersions, Row, served

from common.contracts.table import View
from common.publish.postgres.delivering import deliver
from common.publish.postgres.served import Reader, served_table

ROWS: list[Row] = [("p1", "ann", "1.00", "genuine"), ("p2", "bob", "2.00", "genuine")]


def names(connection: Any, statement: str) -> list[str]:
    return sorted(name for (name,) in connection.execute(statement).fetchall())


def test_a_column_that_is_declared_no_more_is_dropped_and_one_made_by_hand_is_not(connection: Any) -> None:
    rows_of_ann = {"analysts": Reader(("payment_id", "customer_id"), "customer_id = 'ann'")}
    source = MadeVersions()
    source.commit(ROWS)
    deliver(connection, PLACE, source, [served(GENUINE, readers=rows_of_ann)])
    connection.execute("ALTER TABLE fraud.genuine ADD COLUMN by_hand text")
    narrow = served_table("genuine", GENUINE, columns=["payment_id", "decision"])
    # The columns that are staged are those declared.
    source.rows = lambda _: iter(())  # type: ignore[method-assign]
    (delivery,) = deliver(connection, PLACE, source, [narrow])

    columns = (
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'fraud' AND table_name = 'genuine'"
    )
    assert names(connection, columns) == ["by_hand", "decision", "payment_id"]
    assert delivery.note.endswith("columns that are declared no more were dropped: amount, customer_id")


def test_names_that_postgresql_would_cut_are_told_apart(connection: Any) -> None:
    name = "g" * 63
    view = View(f"gold.{name}", "Long.", PAYMENTS, "decision = 'genuine'")
    table = served(view, indexes=[["customer_id"], ["amount"], ["customer_id", "amount"]])
    source = MadeVersions()
    for rows in (ROWS[:1], ROWS):
        source.commit(rows)
        (delivery,) = deliver(connection, PLACE, source, [table])

    assert delivery.rows_there == 2
    found = names(connection, f"SELECT indexname FROM pg_indexes WHERE tablename = '{name}'")
    assert len(found) == 4
    assert max(map(len, found)) == 63
