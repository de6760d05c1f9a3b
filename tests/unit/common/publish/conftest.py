import pytest
from shelf import Shelf


@pytest.fixture(autouse=True)
def _has_shelves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer of the tests stands in for those of the house where the engine itself is tested."""
    from common.publish import declaration, writers

    monkeypatch.setattr(declaration, "WRITERS", (*writers.WRITERS, Shelf))
