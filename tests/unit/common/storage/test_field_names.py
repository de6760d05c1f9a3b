import pytest

from common.storage.field_names import looks_like_data, shown_names


@pytest.mark.parametrize(
    "header",
    [
        ["Buchungstag;Konto;Betrag;Waehrung;Nr"],
        ["Transaktions-Nr", "Betrag (€)", "Händler", "Account No", "Saldo 2024"],
        ["V1", "V2", "card1", "客户"],
        ["", "Name; Betrag;"],
    ],
)
def test_names_are_shown_as_they_are(header: list[str]) -> None:
    assert not looks_like_data(header)
    assert shown_names(header) == ", ".join(sorted(header))


@pytest.mark.parametrize(
    ("first_row", "shown"),
    [
        (["Anna Berg", "DE89370400440532013000", "Anna Straße"], ""),
        (["Anna Berg", "anna@example.org"], ""),
        (["Anna Berg", "2025-03-01", "EUR"], "EUR"),
        (["Anna Berg", "+49 30 1234"], ""),
        (["Anna Berg", "12.50"], ""),
        (["2025-03-01;Anna Berg;12.50"], ""),
    ],
)
def test_of_names_that_look_like_data_the_number_and_the_first_letters_are_shown(
    first_row: list[str], shown: str
) -> None:
    text = shown_names(first_row)

    assert looks_like_data(first_row)
    assert "nna" not in text
    assert text.startswith(shown)
    assert "5320" not in text
    assert "that may be a person's data, not names (they begin with " in text


def test_of_many_and_long_names_a_part_is_shown() -> None:
    text = shown_names(["a" * 1000, *(f"field_{n:03}" for n in range(100))])

    assert text.endswith("71 more")
    assert len(text) < 1000
