"""How columns are made, as it is declared: no column of the map is left out, and its checks are named."""

from common.contracts.silver import TARGETS
from common.looks.mapping import how_columns_are_made
from common.settings import repository
from common.sources.declaration import load_source

SOURCE = load_source(repository() / "sources", "simulated")
HANDBOOK = load_source(repository() / "sources", "handbook")


def test_every_mapped_column_is_shown_with_its_expression_type_and_checks() -> None:
    for target in TARGETS:
        ((name, feed),) = SOURCE.feeds_of(target).items()
        made = how_columns_are_made(SOURCE, target).set_index("column")
        assert dict(made["made_from"]) == feed.into[target].map
        assert set(made["feed"]) == {name}
        assert dict(made["type"]) == {name: TARGETS[target].column(name).type for name in made.index}

    amount = how_columns_are_made(SOURCE, "transactions").set_index("column").loc["amount"]
    assert "must not be negative" in amount["checks"]
    assert "must have a value" in amount["checks"]


def test_a_source_without_the_feed_has_nothing_to_show() -> None:
    assert how_columns_are_made(HANDBOOK, "customers").empty
