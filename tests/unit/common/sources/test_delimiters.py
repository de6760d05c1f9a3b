import pytest

from common.sources.delimiters import delimiter_hint, likely_delimiter


@pytest.mark.parametrize(
    ("names", "declared", "expected"),
    [
        (["Buchungstag;Konto;Betrag"], ",", ";"),
        (["Datum\tBetrag, netto\tNr\tKonto"], ",", "\t"),
        (["a|b"], ",", "|"),
        (["id,amount"], ";", ","),
        (["a,b;c;d"], None, ";"),
        (["a,b"], None, None),
        (["a,b"], "", ","),
        (["id"], ",", None),
        (["a;b", "c;d"], ",", None),
        ([], ",", None),
    ],
)
def test_the_delimiter_is_seen_in_a_header_that_was_not_split(
    names: list[str], declared: str | None, expected: str | None
) -> None:
    assert likely_delimiter(names, declared) == expected


def test_the_hint_says_how_it_is_declared() -> None:
    assert "likely ';', and `delimiter: \";\"` declares it" in delimiter_hint(["a;b"], ",")
    assert "likely '\\t', and `delimiter: \"\\t\"` declares it" in delimiter_hint(["a\tb"], ",")
    assert not delimiter_hint(["a"], ",")
